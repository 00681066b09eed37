"""The captive log-in: from the NAS' redirect to the page that says "you are online", and after.

``routes`` reads the request and answers; ``entry``, ``arrivals``, ``proofs``, ``finish`` and
``online`` are the services behind it; ``attempts`` stores; ``flow`` decides, purely, which page is
next. Every POST stores what it proved and leads back to ``GET /visit/{token}``,
which asks ``flow``: so a reload, the back button and a mini-browser that was closed never lose
the way.
Not here: who may connect (``aaa``), how a NAS speaks (``aaa.nas``).
"""
