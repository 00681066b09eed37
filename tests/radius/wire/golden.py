"""Reads the golden text in vectors/. Each file ends with the count of what it holds."""

from dataclasses import dataclass, field
from pathlib import Path

_VECTORS = Path(__file__).parent / "vectors"


@dataclass
class GoldenPacket:
    """One packet that an RFC prints."""

    name: str
    secret: bytes | None = None
    answers: str | None = None
    octets: bytes = b""
    attributes: list[tuple[str, str | None]] = field(default_factory=list)
    """Name and value as text; no value where the RFC only names the attribute."""


def packets() -> dict[str, GoldenPacket]:
    """Return the packets of vectors/packets.txt by name."""
    found: dict[str, GoldenPacket] = {}
    count = 0
    packet = GoldenPacket("")
    for line in _lines("packets.txt"):
        word, _, rest = line.partition(" ")
        match word:
            case "packet":
                packet = found[rest] = GoldenPacket(rest)
            case "secret":
                packet.secret = rest.encode()
            case "answers":
                packet.answers = rest
            case "octets":
                packet.octets += bytes.fromhex(rest)
            case "count":
                count = int(rest)
            case _:
                value = rest.removeprefix("= ") if rest else None
                packet.attributes.append((word, value))
    assert len(found) == count
    return found


def attributes() -> list[tuple[str, str, bytes]]:
    """Return name, value as a Python literal, and octets of each line of vectors/attributes.txt."""
    *lines, last = _lines("attributes.txt")
    found = []
    for line in lines:
        named, _, octets = line.partition(" -> ")
        name, _, value = named.partition(" = ")
        found.append((name, value, bytes.fromhex(octets)))
    assert last == f"count {len(found)}"
    return found


def _lines(file_name: str) -> list[str]:
    lines = (_VECTORS / file_name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]
