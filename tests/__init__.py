"""The tests, in folders named after the rooms, and what they share.

`counterparts` finds the programs that others wrote, `process` runs one, `postgres` runs a database
server of its own, `ports` finds a free port, `operator` sets Farandole up by its command and
`village` by its functions. `house` holds the rules of the house, `interop` the access points and
supplicants that others wrote.
"""
