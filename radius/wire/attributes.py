"""The attributes of a packet: an immutable sequence, read and built by the names of the RFCs."""

from collections.abc import Callable, Iterator
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from radius.wire import nesting
from radius.wire.dictionary import DICTIONARY, Oid
from radius.wire.nesting import Leaf, Pair
from radius.wire.values import Tagged, Value


class Attributes:
    """Attributes in the order of the packet, kept as they came: (type, octets of the value).

    Nothing is decoded before it is asked for. Names are those of the dictionary, such as
    "User-Name" or "WISPr-Location-ID", or places, such as "Attr-26.311.7"; a name that is
    neither raises ValueError. Reading never raises otherwise: a value that does not fit its
    type counts as absent for `integer`, `address` and `date`, and as octets elsewhere.
    """

    __slots__ = ("_first", "_first_leaf", "_leaves", "_pairs")

    def __init__(self, pairs: tuple[Pair, ...] = ()) -> None:
        self._pairs = pairs
        self._first: dict[int, bytes] | None = None
        self._leaves: tuple[Leaf, ...] | None = None
        self._first_leaf: dict[Oid, bytes] | None = None

    @classmethod
    def of(cls, *named: tuple[str, Value | Tagged]) -> "Attributes":
        """Return attributes with these names and values, in this order.

        A value is what its type reads as; addresses may be text, integers the name of a value
        ("Start"), tunnel attributes `Tagged`; octets are taken as they stand. Raises ValueError
        for an unknown name, a value that does not fit, or one too long for its attribute.
        """
        pairs: list[Pair] = []
        by_name = DICTIONARY.by_name
        for name, value in named:
            definition = by_name.get(name) or DICTIONARY.named(name)
            octets = definition.encode(value)
            if len(definition.oid) == 1 and len(octets) <= nesting.MAXIMUM_VALUE_OCTETS:
                pairs.append((definition.oid[0], octets))
            else:
                pairs += nesting.wrap(definition, octets)
        return cls(tuple(pairs))

    def with_(self, name: str, value: Value | Tagged) -> "Attributes":
        """Return these attributes and, at the end, one more."""
        return self + Attributes.of((name, value))

    def without(self, *names: str) -> "Attributes":
        """Return these attributes without any that has one of the names, or lies inside it."""
        oids = tuple(DICTIONARY.named(name).oid for name in names)
        if all(len(oid) == 1 for oid in oids):
            numbers = {oid[0] for oid in oids}
            return Attributes(tuple(pair for pair in self._pairs if pair[0] not in numbers))
        kept: list[Pair] = []
        for pairs, leaves in nesting.groups(self._pairs):
            remaining = [leaf for leaf in leaves if not _lies_in_any(leaf[0], oids)]
            if len(remaining) == len(leaves):
                kept += pairs
            else:
                for oid, octets in remaining:
                    kept += nesting.wrap(DICTIONARY.placed(oid), octets)
        return Attributes(tuple(kept))

    def changed(self, number: int, change: Callable[[bytes], bytes]) -> "Attributes":
        """Return these attributes with the octets of each of one type as `change` makes them; the
        very same object where there is none."""
        if number not in self._firsts():
            return self
        pairs = [(number, change(pair[1])) if pair[0] == number else pair for pair in self._pairs]
        return Attributes(tuple(pairs))

    def has(self, name: str) -> bool:
        """Whether there is an attribute of this name."""
        oid = (DICTIONARY.by_name.get(name) or DICTIONARY.named(name)).oid
        if len(oid) == 1:
            return oid[0] in self._firsts()
        return self._octets(oid) is not None

    def octets(self, name: str) -> bytes | None:
        """Return the octets of the first such attribute, without its tag if it has one."""
        definition = DICTIONARY.by_name.get(name) or DICTIONARY.named(name)
        octets = self._octets(definition.oid)
        if octets is None or not definition.has_tag:
            return octets
        return definition.split_tag(octets)[1]

    def text(self, name: str) -> str | None:
        """Return the first such attribute as text. Broken UTF-8 becomes U+FFFD; NUL may occur."""
        octets = self.octets(name)
        return None if octets is None else octets.decode("utf-8", "replace")

    def integer(self, name: str) -> int | None:
        """Return the first such attribute, if it is an integer."""
        value = self._value(name)
        return value if isinstance(value, int) else None

    def address(self, name: str) -> IPv4Address | IPv6Address | None:
        """Return the first such attribute, if it is an address."""
        value = self._value(name)
        return value if isinstance(value, IPv4Address | IPv6Address) else None

    def date(self, name: str) -> datetime | None:
        """Return the first such attribute, if it is a time, in UTC."""
        value = self._value(name)
        return value if isinstance(value, datetime) else None

    def all(self, name: str) -> tuple[Value | Tagged, ...]:
        """Return the decoded values of every such attribute, in order."""
        definition = DICTIONARY.named(name)
        return tuple(
            definition.decode(octets) for oid, octets in self.leaves() if oid == definition.oid
        )

    def decoded(self) -> Iterator[tuple[str, Value | Tagged]]:
        """Yield the name and value of everything there is, in order.

        Vendor attributes and TLVs are yielded one by one, long values whole. Encrypted values
        stay as they are. `Attributes.of(*decoded)` has the same content.
        """
        for oid, octets in self.leaves():
            definition = DICTIONARY.placed(oid)
            yield definition.name, definition.decode(octets)

    def leaves(self) -> tuple[Leaf, ...]:
        """Return the place and the octets of everything there is, in order."""
        if self._leaves is None:
            self._leaves = tuple(nesting.leaves(self._pairs))
        return self._leaves

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __add__(self, other: "Attributes") -> "Attributes":
        return Attributes(self._pairs + other._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Attributes) and self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        """Names only: values may be secret or personal."""
        names = (DICTIONARY.placed((number,)).name for number, _ in self._pairs)
        return f"<Attributes {', '.join(names)}>"

    def _value(self, name: str) -> Value | None:
        definition = DICTIONARY.by_name.get(name) or DICTIONARY.named(name)
        octets = self._octets(definition.oid)
        if octets is None:
            return None
        value = definition.decode(octets)
        return value.value if isinstance(value, Tagged) else value

    def _firsts(self) -> dict[int, bytes]:
        if self._first is None:
            self._first = dict(reversed(self._pairs))
        return self._first

    def _octets(self, oid: Oid) -> bytes | None:
        if len(oid) == 1 and oid[0] not in nesting.CONCAT:
            return self._firsts().get(oid[0])
        if self._first_leaf is None:
            self._first_leaf = dict(reversed(self.leaves()))
        return self._first_leaf.get(oid)


def _lies_in_any(oid: Oid, outer: tuple[Oid, ...]) -> bool:
    return any(oid[: len(place)] == place for place in outer)
