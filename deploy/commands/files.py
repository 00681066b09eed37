"""Secrets come from a file or from standard input, never from an argument: those are public."""

import sys
from pathlib import Path

from aaa.errors import Invalid
from aaa.secret import Secret

_MOST_OCTETS = 4096


def read_secret(source: str) -> Secret:
    """Return what a file holds, or standard input for ``-``, without the newline at its end.

    Raises Invalid where there is nothing, or far too much.
    """
    octets = read_octets(source, _MOST_OCTETS).rstrip(b"\r\n")
    if not octets:
        raise Invalid(f"{_named(source)} is empty: the secret is expected there, on one line")
    return Secret(octets)


def read_text(source: str, most_octets: int) -> str:
    """Return the text of a file, or of standard input for ``-``; raise Invalid."""
    try:
        return read_octets(source, most_octets).decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{_named(source)} is not text in UTF-8") from None


def read_octets(source: str, most: int) -> bytes:
    """Return the octets of a file, or of standard input for ``-``; raise Invalid."""
    try:
        if source == "-":
            octets = sys.stdin.buffer.read(most + 1)
        else:
            with Path(source).open("rb") as file:
                octets = file.read(most + 1)
    except OSError as error:
        raise Invalid(f"{source} cannot be read: {error.strerror}") from None
    if len(octets) > most:
        raise Invalid(f"{_named(source)} is longer than {most} octets")
    return octets


def _named(source: str) -> str:
    return "standard input" if source == "-" else source
