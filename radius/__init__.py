"""RADIUS: the wire format, EAP, and the servers and clients that speak it.

Owns the protocol: octets to packets and back, authenticators, duplicates, retransmission, the
conversations of EAP, listening and sending. Below it `aaa` knows who may connect and keeps what
happened; above it `federation` wraps its handler to route between collectivities. Not here: any
decision about access, any storage, any page; `portal` and `radius` never import each other.

Inside, imports go down only: handlers and transports; clients and conversations; duplicates and
outstanding; eap; wire.
"""
