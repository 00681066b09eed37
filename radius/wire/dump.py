"""A packet as text for people. Passwords, keys and what guesses them stay hidden."""

import re
from datetime import timedelta
from typing import Final

from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, Definition
from radius.wire.packet import HEADER_OCTETS, Packet, encode_attributes
from radius.wire.values import Tagged, Value

_UNITS: Final = (
    (re.compile(r"(Session|Idle|Preauth)-Timeout|Acct-(Interim-Interval|Session-Time|Delay-Time)"),
     "s"),
    (re.compile(r".*-Octets|Mikrotik-(Recv|Xmit|Total)-Limit|Cambium-Traffic-Quota-Limit-\w+"),
     "octets"),
    (re.compile(r".*-Gigawords|.*-Gigwords"), "x 2^32 octets"),
    (re.compile(r"WISPr-Bandwidth-.*"), "bit/s"),
    (re.compile(r"ChilliSpot-Bandwidth-.*|Airespace-.*-Contract.*"), "kbit/s"),
)  # fmt: skip
_SECRET_PAIR: Final = re.compile(r"[^=]*(psk|passw|secret|key)[^=]*=", re.IGNORECASE)
_SHOWN_OCTETS: Final = 64
_EAP_CODES: Final = {1: "Request", 2: "Response", 3: "Success", 4: "Failure"}
_EAP_REQUEST_OR_RESPONSE: Final = (1, 2)


def dump(packet: Packet) -> str:
    """Return a packet as lines: what it is, its authenticator, one line for each attribute."""
    octets = HEADER_OCTETS + len(encode_attributes(packet.attributes))
    heading = f"{packet.code.rfc_name}, identifier {packet.identifier}, {octets} octets"
    lines = [("Authenticator", packet.authenticator.hex()), *shown(packet.attributes)]
    width = max(len(name) for name, _ in lines)
    return "\n".join([heading, *(f"  {name:{width}}  {value}" for name, value in lines)])


def shown(attributes: Attributes) -> list[tuple[str, str]]:
    """Return the name of each attribute and its value for people, secrets hidden."""
    lines = []
    for oid, octets in attributes.leaves():
        definition = DICTIONARY.placed(oid)
        value = definition.decode(octets)
        name = definition.name
        if isinstance(value, Tagged):
            name = f"{name}:{value.tag}" if value.tag else name
            value = value.value
        lines.append((name, _for_people(definition, octets, value)))
    return lines


def _for_people(definition: Definition, octets: bytes, value: Value) -> str:
    if definition.is_secret:
        return f"<hidden {len(octets)} octets>"
    if definition.name == "EAP-Message":
        return _eap(octets)
    if isinstance(value, str):
        if _SECRET_PAIR.match(value):
            return f"{value.partition('=')[0]}=<hidden>"
        return _printable(value)
    if isinstance(value, bytes):
        return _octets(value)
    if isinstance(value, int):
        return _integer(definition, value)
    return str(value)


def _integer(definition: Definition, value: int) -> str:
    if name := definition.enum_names.get(value):
        return f"{name} ({value})"
    for names, unit in _UNITS:
        if names.fullmatch(definition.name):
            return f"{value} {unit}{_in_larger_units(value, unit)}"
    return str(value)


def _in_larger_units(value: int, unit: str) -> str:
    if unit == "s" and value >= 60:
        return f" ({timedelta(seconds=value)})"
    if unit == "octets" and value >= 1_000_000:
        return f" ({value / 1_000_000:.1f} MB)"
    return ""


def _eap(octets: bytes) -> str:
    """Code, identifier and type: RFC 3748 section 4. What follows may be an identity."""
    if len(octets) < 4:
        return _octets(octets)
    code = _EAP_CODES.get(octets[0], f"code {octets[0]}")
    kind = f", type {octets[4]}" if octets[0] in _EAP_REQUEST_OR_RESPONSE and octets[4:] else ""
    return f"EAP-{code}, identifier {octets[1]}{kind}, {len(octets)} octets"


def _octets(octets: bytes) -> str:
    """Hexadecimal, cut where it gets long, and in quotes what it says if it is plain text."""
    if len(octets) > _SHOWN_OCTETS:
        return f"0x{octets[:_SHOWN_OCTETS].hex()}... {len(octets)} octets"
    text = octets.decode("ascii", "replace")
    if octets and text.isascii() and text.isprintable():
        return f'0x{octets.hex()} "{text}"'
    return f"0x{octets.hex()}"


def _printable(text: str) -> str:
    """Control characters escaped: a packet must not drive the terminal it is shown on."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)
