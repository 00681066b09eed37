"""Where the protocol meets `aaa`: a request in, a reply out; no socket and no timer.

handler          which handler a code goes to; what `deploy` plugs in, and `federation` wraps
status           Status-Server
access           Access-Request: a ticket, a password, a remembered device
reply            a grant or a denial as a packet
accounting       Accounting-Request: answered once it is durable
class_attribute  who a session belongs to, sealed, in the NAS' hands
"""
