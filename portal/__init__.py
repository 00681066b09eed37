"""Everything over HTTP: the captive log-in, its pages and mails, and what phones ask about it.

Owns the pages' words and looks. It decides nothing about who may connect, which is ``aaa``'s, and
never speaks RADIUS: a ticket or an instruction in ``aaa`` is how it reaches the NAS.
"""
