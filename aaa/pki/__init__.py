"""The service's own certificates: who signs, what the server shows, what devices hold.

Owns what each kind of certificate contains, its renewal and its revocation. Everything is ECDSA on
P-256; keys are stored sealed. Not here: checking a supplicant's certificate in a handshake, which
is OpenSSL's work in `radius.eap`, and the files that carry one to a device (`portal.onboarding`).
"""
