"""The tests, in folders named after the rooms, and what they share.

`counterparts` finds the programs that others wrote, `process` runs one, `postgres` runs a database
server of its own, `ports` finds a free port. `house` holds the rules of the house. `interop` sets
Farandole up by its command, in network namespaces, beside an access point that others wrote.
"""
