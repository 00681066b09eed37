"""The edges: sockets, timers and tasks, and nothing that knows what a citizen is.

exchange, arrival      from a packet to its answer, whatever carries it
udp, endpoint          the server's sockets
client                 requests that we send over UDP, and their answers
tls                    TLS over TCP, where every certificate is looked at
radsec_server, _door   RADIUS over TLS: who is let in, and what a connection bears
radsec_client, _connection   requests that we send over TLS, and their answers
tasks                  what fails alone
dynamic_authorization  CoA and Disconnect from the outbox
"""
