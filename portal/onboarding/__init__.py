"""The secure network for good: a credential for one device, in a file that the device installs.

`profile` is what all files say; each format has a module of its own, which builds octets from a
profile and knows nothing else. Not here: making and revoking credentials (`aaa`), or what the
RADIUS server makes of them.
"""
