"""Puts the parts together: one command, one process, one database that fits the code.

Owns: the command `farandole` (`cli`, and a module for each noun in `commands`); what an
installation must have before anything runs (`installation`, `key_file`, `revisions`, and the
migrations themselves); building every long-lived object (`assemble`), running them from the first
open port to the last answer (`lifecycle`), and what must be done every so often (`housekeeping`).

Not here: any rule about who may connect, any packet, any page.
"""
