"""Between collectivities: realms, routing, partners, trust.

Owns what is needed once a citizen's home runs its own service. Not here: RADIUS itself
(``radius``), pages (``portal``).
"""
