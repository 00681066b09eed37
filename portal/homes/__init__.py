"""Partners' citizens in a visit: to their home, and back vouched for.

identifiers      whose identifier was typed, ours or a partner's
choosing         the list of homes, and the way to the one that was chosen
passwords        a home without pages of its own: it is asked about a password, by RADIUS
openid           to the pages of a home (OpenID Connect): where they are, what was asked there
returning        who comes back from there: the code is redeemed, what the home says is checked
token_endpoint   asks a home over HTTP; `id_tokens` reads what it says, purely
entering         who was vouched for is a visitor from then on, and the visit goes on

A name never stays here: it goes to the home alone, and what comes back is a pseudonym.
"""
