"""Between organisations: whose realm is whose, partners and their servers, what may cross.

`handler` stands before the local handler of RADIUS. `realms`, `contracts`, `proxying` and
`home_servers` are pure: where a name leads, what may pass, what a packet becomes on the way, which
server to ask. `visited`, `forwarder`, `carriers` and `accounting_forwarder` do it. `partners` and
`stand_ins` change what `directory` keeps in memory; `provisioning` tells partners' people.

Not here: RADIUS itself (``radius``), who may connect (``aaa``), pages (``portal``).
"""
