"""Members of the federation: what each says of itself, signed, and why others believe it.

`statements` signs and verifies, `description` is what is said: both pure. `keys` has our keys,
`publishing` says what we are, `joining` makes two services partners, `upkeep` keeps what is known
of partners as new as they say it.
"""
