"""The secure network for good: a credential for one device, in a file that the device installs.

An enrolment is a citizen's hour for it: `links` tells where one comes from, `enrolments` and
`credentials` store, `making` gives devices their credentials and takes them back, `views` and
`words` show, `routes` reads the request and answers. `profile` is what all files say; each format
has a module of its own, which builds octets from a profile and knows nothing else.
Not here: what a credential is and what revoking one ends (`aaa`), or what the RADIUS server makes
of it.
"""
