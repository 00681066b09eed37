"""Attributes inside attributes: vendor-specific (RFC 2865 section 5.26), extended types and TLVs
(RFC 6929). A leaf is what carries one value: its place (an Oid) and its octets.

Where the inside of an attribute is broken, the whole of it is one leaf, as RFC 6929 section 2.8
wants of an invalid attribute: reported and forwarded, never dropped.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from radius.wire.dictionary import DICTIONARY, MAXIMUM_VENDOR, VENDOR_SPECIFIC, Definition, Oid
from radius.wire.values import DataType

Pair = tuple[int, bytes]
"""An attribute of a packet as it came: its type and the octets of its value."""
Leaf = tuple[Oid, bytes]

MAXIMUM_VALUE_OCTETS: Final = 253
_EXTENDED: Final = range(241, 245)
_LONG_EXTENDED: Final = range(245, 247)
_MORE: Final = 0x80
_FRAGMENT_OCTETS: Final = MAXIMUM_VALUE_OCTETS - 2
CONCAT: Final = frozenset(d.oid[0] for d in DICTIONARY.by_oid.values() if d.is_concat)
_GROUPING: Final = CONCAT.union((VENDOR_SPECIFIC,), _EXTENDED, _LONG_EXTENDED)
_PLACES: Final = tuple((number,) for number in range(256))


def leaves(pairs: Sequence[Pair]) -> list[Leaf]:
    """Return the leaves of all attributes, in order."""
    found: list[Leaf] = []
    start = 0
    while start < len(pairs):
        number, value = pairs[start]
        if number in _GROUPING:
            start, inside = _group(pairs, start)
            found += inside
        else:
            found.append((_PLACES[number], value))
            start += 1
    return found


def groups(pairs: Sequence[Pair]) -> Iterator[tuple[Sequence[Pair], Sequence[Leaf]]]:
    """Yield, in order, the attributes that belong together and the leaves that they carry.

    Most groups are one attribute with one leaf. A long value is one leaf of several attributes;
    vendor-specific attributes and TLVs may hold several leaves in one attribute.
    """
    start = 0
    while start < len(pairs):
        end, inside = _group(pairs, start)
        yield pairs[start:end], inside
        start = end


def wrap(definition: Definition, octets: bytes) -> list[Pair]:
    """Return the attributes that carry one value.

    Raises ValueError if it is too long for what it has to travel in.
    """
    match definition.oid:
        case (number,):
            return _wrap_plain(definition, octets)
        case (26, vendor, *numbers):
            octets = vendor.to_bytes(4, "big") + _wrap_tlvs(definition, numbers, octets)
            return [(VENDOR_SPECIFIC, _limited(definition, octets, MAXIMUM_VALUE_OCTETS))]
        case (number, 26, vendor, kind, *numbers):
            octets = _wrap_tlvs(definition, numbers, octets)
            octets = vendor.to_bytes(4, "big") + bytes((kind,)) + octets
            return _wrap_extended(definition, number, VENDOR_SPECIFIC, octets)
        case (number, kind, *numbers):
            octets = _wrap_tlvs(definition, numbers, octets)
            return _wrap_extended(definition, number, kind, octets)
    raise ValueError(f"{definition.name} has no place in a packet")


def _group(pairs: Sequence[Pair], start: int) -> tuple[int, Sequence[Leaf]]:
    """Where the group that begins at `start` ends, and its leaves."""
    number, value = pairs[start]
    if number == VENDOR_SPECIFIC:
        return start + 1, _vendor(value)
    if number in _EXTENDED:
        return start + 1, _extended(number, value)
    if number in _LONG_EXTENDED:
        return _long_extended(pairs, start)
    end = start + 1
    if number in CONCAT:
        while end < len(pairs) and pairs[end][0] == number:
            end += 1
        value = b"".join(octets for _, octets in pairs[start:end])
    return end, ((_PLACES[number], value),)


def _vendor(value: bytes) -> Sequence[Leaf]:
    vendor = int.from_bytes(value[:4], "big")
    inside = _tlvs((VENDOR_SPECIFIC, vendor), value[4:]) if vendor <= MAXIMUM_VENDOR else []
    return inside or (((VENDOR_SPECIFIC,), value),)


def _extended(number: int, value: bytes) -> Sequence[Leaf]:
    if not value:
        return (((number,), value),)
    return _extended_value((number, value[0]), value[1:])


def _extended_value(oid: Oid, octets: bytes) -> Sequence[Leaf]:
    """The inside of an extended attribute; type 26 is vendor-specific (RFC 6929 section 2.4)."""
    if oid[1] != VENDOR_SPECIFIC:
        return _inside(oid, octets)
    vendor = int.from_bytes(octets[:4], "big")
    if len(octets) < 5 or vendor > MAXIMUM_VENDOR:
        return ((oid, octets),)
    return _inside((*oid, vendor, octets[4]), octets[5:])


def _long_extended(pairs: Sequence[Pair], start: int) -> tuple[int, Sequence[Leaf]]:
    """Put the fragments of a long value together (RFC 6929 section 2.2)."""
    number, first = pairs[start]
    octets = bytearray()
    for end in range(start, len(pairs)):
        following, value = pairs[end]
        if following != number or len(value) < 2 or value[0] != first[0]:
            break
        octets += value[2:]
        if not value[1] & _MORE:
            return end + 1, _extended_value((number, first[0]), bytes(octets))
        if len(value) < MAXIMUM_VALUE_OCTETS:
            break
    return start + 1, (((number,), first),)


def _inside(oid: Oid, octets: bytes) -> Sequence[Leaf]:
    definition = DICTIONARY.by_oid.get(oid)
    if definition is not None and definition.data_type is DataType.TLV:
        return _tlvs(oid, octets) or ((oid, octets),)
    return ((oid, octets),)


def _tlvs(oid: Oid, octets: bytes) -> list[Leaf]:
    """The leaves of `octets` as a sequence of TLVs, none if it is not one."""
    leaves: list[Leaf] = []
    position = 0
    while position < len(octets):
        end = position + (octets[position + 1] if position + 1 < len(octets) else 0)
        if not position + 2 <= end <= len(octets):
            return []
        leaves += _inside((*oid, octets[position]), octets[position + 2 : end])
        position = end
    return leaves


def _wrap_plain(definition: Definition, octets: bytes) -> list[Pair]:
    number = definition.oid[0]
    if len(octets) <= MAXIMUM_VALUE_OCTETS:
        return [(number, octets)]
    if not definition.is_concat:
        _limited(definition, octets, MAXIMUM_VALUE_OCTETS)
    return [
        (number, octets[start : start + MAXIMUM_VALUE_OCTETS])
        for start in range(0, len(octets), MAXIMUM_VALUE_OCTETS)
    ]


def _wrap_tlvs(definition: Definition, numbers: list[int], octets: bytes) -> bytes:
    for number in reversed(numbers):
        octets = _limited(definition, octets, MAXIMUM_VALUE_OCTETS)
        octets = bytes((number, len(octets) + 2)) + octets
    return octets


def _wrap_extended(definition: Definition, number: int, kind: int, octets: bytes) -> list[Pair]:
    """One attribute 241 to 244, or as many 245 or 246 as the value needs."""
    if number in _EXTENDED:
        octets = _limited(definition, octets, MAXIMUM_VALUE_OCTETS - 1)
        return [(number, bytes((kind,)) + octets)]
    pairs = [
        (number, bytes((kind, _MORE)) + octets[start : start + _FRAGMENT_OCTETS])
        for start in range(0, len(octets), _FRAGMENT_OCTETS)
    ]
    _, last = pairs[-1]
    pairs[-1] = (number, bytes((kind, 0)) + last[2:])
    return pairs


def _limited(definition: Definition, octets: bytes, maximum: int) -> bytes:
    if len(octets) > maximum:
        raise ValueError(f"{definition.name}: {len(octets)} octets, at most {maximum} fit")
    return octets
