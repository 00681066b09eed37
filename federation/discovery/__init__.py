"""Finding a realm's servers by DNS, for federations that anybody may join (RFC 7585).

`search` says what to ask DNS and what its answers mean, `memory` for how long they are believed:
both pure. `resolver` asks, `finder` puts the three together.
"""
