"""The RADIUS wire format, pure: octets in, values out, and the reverse.

    packet          Code, Packet; parse and encode
    attributes      what a packet contains, by RFC name
    stream          packets cut out of a TCP or TLS stream
    dictionary      those names, from the text files in dictionaries/
    values          the data types of RFC 8044
    nesting         vendor-specific attributes, extended types, TLVs
    authenticator   sign and verify packets: Request, Response and Message-Authenticator
    hiding          encrypted attributes: User-Password, Tunnel-Password, MPPE keys
    chap, mschap    CHAP; MS-CHAPv2 and its keys
    dump            a packet as text for people

Secrets arrive as octets, randomness as arguments. Not here: sockets, timers, who may send, and
which flaw is tolerated from whom; `radius.clients` decides that.
"""
