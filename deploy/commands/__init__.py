"""The nouns of the command line, a module each: what an operator can add, list, change, end.

`transaction` opens the installation for one command, `output` writes tables and JSON, `files`
reads what must not stand on a command line. Not here: rules, which are in `aaa`; a command reads
its arguments, calls one function of a room below, writes an audit event and says what it did.
"""

from typing import Final

import typer

COMMANDS: Final = {
    "demo": "Show everything on this machine, with a simulated hotspot.",
    "serve": "Run the service: RADIUS, portal and housekeeping, or one of them.",
    "check": "Say what is in order and what is not, with a remedy for each.",
    "config": "Settings: describe them all, check a file.",
    "database": "The database: upgrade it, show its revision.",
    "collectivity": "Communes, départements, regions: those who have hotspots or citizens.",
    "hotspot": "Places where people connect.",
    "nas": "RADIUS clients: gateways, controllers, access points that speak RADIUS.",
    "access-point": "Access points behind a NAS that serves several hotspots.",
    "partner": "Other organisations with a service of their own, whose citizens roam with ours.",
    "citizen": "People with an identifier.",
    "ticket": "One-time passwords that a NAS takes.",
    "device": "What citizens connect with: Wi-Fi secrets, certificates, remembered devices.",
    "ca": "The service's own certificates: show, renew and export them, revocation lists.",
    "policy": "Limits: time, volume, rate, devices, opening hours.",
    "session": "Who is online, who was, and how to end it.",
    "packet": "RADIUS packets: read one.",
    "version": "Show the version.",
}


def noun(name: str) -> typer.Typer:
    """Return a command that verbs can be added to, with the help that stands above."""
    app = typer.Typer(
        help=COMMANDS[name], no_args_is_help=True, add_completion=False, rich_markup_mode=None
    )
    app.callback()(_nothing)
    return app


def alone() -> typer.Typer:
    """Return a command without verbs."""
    return typer.Typer(add_completion=False, rich_markup_mode=None)


def _nothing() -> None:
    """Let a noun with a single verb still want that verb."""
