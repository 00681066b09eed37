"""The OpenID provider: our citizens prove at home who they are, for a partner's portal that asks.

OpenID Connect Core 1.0, the authorization code flow and nothing else: PKCE (RFC 7636), clients that
prove themselves by `private_key_jwt`, pairwise subjects, the issuer in each answer (RFC 9207). A
partner is a client by having joined, its entity identifier is its client_id (OpenID Federation).

parameters, requests   what a request says, and whether it may be answered: pure
authorization          a partner's portal sends a citizen
sign_ins               a log-in under way, in the store; `flow` decides which page is next: pure
proofs, views          the citizen's steps and their pages
finish                 policy, consent, and the way back with a code
clients, assertions    who is a client, and how it proves that it asks
grants, token          a code, and the ID token that it becomes; `claims` are what that says
log_out                what ends when a partner says that somebody leaves; `hints` says who
consents               which places a citizen lets know them
discovery              what the provider says of itself
outcomes               what became of a request: counted and logged

Not here: who may connect (`aaa`), who is a partner and which keys sign (`federation`), how somebody
proves who they are (`portal.identification`).
"""
