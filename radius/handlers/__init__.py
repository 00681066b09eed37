"""Where the protocol meets `aaa`: a request in, a reply out; no socket and no timer.

handler          which handler a code goes to; what `deploy` plugs in, and `federation` wraps
status           Status-Server
access           Access-Request: a ticket, a password, a remembered device, or EAP
proof            what a request proves itself by without EAP: PAP, CHAP, MS-CHAPv2
eap              EAP: conversations under way, the questions of which `aaa` answers
eap_methods      which methods of EAP are offered, with the certificate of now
link_keys        the keys of the link, hidden for the NAS
reply            a grant, a challenge or a denial as a packet
accounting       Accounting-Request: answered once it is durable
"""
