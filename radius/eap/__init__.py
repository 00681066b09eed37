"""EAP as its authenticator sees it (RFC 3748, RFC 4137), without I/O.

A conversation is given what the supplicant sent and returns a step: what to send back, a question
about a credential, or the end. Whoever drives it has the question answered, from a database or in
a thread, and gives the answer back. Nothing here knows RADIUS, the time or a socket; chance is an
argument. TLS is OpenSSL's, over memory.

Not here: which credentials there are (`aaa`), how EAP travels in RADIUS (`radius.handlers.eap`),
how many conversations there may be (`radius.conversations`).
"""
