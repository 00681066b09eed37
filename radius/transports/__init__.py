"""The edges: sockets, timers and tasks, and nothing that knows what a citizen is.

exchange               from a datagram to its answer, whatever carries it
udp                    the server's sockets
client                 requests that we send, and their answers
tasks                  what fails alone
dynamic_authorization  CoA and Disconnect from the outbox
"""
