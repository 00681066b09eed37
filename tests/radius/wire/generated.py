"""Hypothesis strategies: attributes that the dictionary knows, with values that fit them."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network

from hypothesis import strategies as st

from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, Definition
from radius.wire.packet import Code, Packet
from radius.wire.values import DataType, Tagged, Value

NamedValue = tuple[str, Value | Tagged]

CONTAINERS = (
    DataType.VSA,
    DataType.TLV,
    DataType.EVS,
    DataType.EXTENDED,
    DataType.LONG_EXTENDED,
)

# Not categories Cs (not text) and Cc (how a control character is shown differs by program).
_PRINTABLE = st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])
_TEXT = st.text(_PRINTABLE, min_size=1, max_size=50)
_OCTETS = st.binary(min_size=1, max_size=50)

_VALUES: dict[DataType, st.SearchStrategy[Value]] = {
    DataType.TEXT: _TEXT,
    DataType.STRING: _OCTETS,
    DataType.BYTE: st.integers(0, 0xFF),
    DataType.SHORT: st.integers(0, 0xFFFF),
    DataType.INTEGER: st.integers(0, 0xFFFFFFFF),
    DataType.INTEGER64: st.integers(0, 0xFFFFFFFFFFFFFFFF),
    DataType.SIGNED: st.integers(-0x80000000, 0x7FFFFFFF),
    DataType.TIME: st.integers(0, 0xFFFFFFFF).map(lambda n: datetime.fromtimestamp(n, UTC)),
    DataType.IPV4ADDR: st.ip_addresses(v=4),
    DataType.IPV6ADDR: st.ip_addresses(v=6),
    DataType.IPV4PREFIX: st.tuples(st.binary(min_size=4, max_size=4), st.integers(0, 32)).map(
        lambda parts: IPv4Network(parts, strict=False)
    ),
    DataType.IPV6PREFIX: st.tuples(st.binary(min_size=16, max_size=16), st.integers(0, 128)).map(
        lambda parts: IPv6Network(parts, strict=False)
    ),
    DataType.IFID: st.binary(min_size=8, max_size=8).map(lambda octets: octets.hex(":", 2)),
}
_TAGS = st.integers(0, 0x1F)


def values(definition: Definition) -> st.SearchStrategy[Value | Tagged]:
    """Values of one attribute."""
    if definition.is_concat:
        return st.binary(min_size=1, max_size=600).map(
            lambda octets: octets.hex() if definition.data_type is DataType.TEXT else octets
        )
    plain = _OCTETS if definition.encrypt else _VALUES[definition.data_type]
    if not definition.has_tag:
        return plain
    if definition.data_type is DataType.INTEGER:
        plain = st.integers(0, 0xFFFFFF)
    return st.builds(Tagged, _TAGS, plain)


def leaf_definitions(
    accept: Callable[[Definition], bool] = lambda definition: True,
) -> list[Definition]:
    """All attributes of the dictionary that carry a value, and that `accept` accepts."""
    return [
        definition
        for definition in DICTIONARY.by_oid.values()
        if definition.data_type not in CONTAINERS and accept(definition)
    ]


def named_values(definitions: Sequence[Definition]) -> st.SearchStrategy[list[NamedValue]]:
    """Lists of up to 12 attributes, of which two that are concatenated never follow each other."""
    one = st.sampled_from(definitions).flatmap(
        lambda definition: st.tuples(st.just(definition.name), values(definition))
    )
    return st.lists(one, max_size=12).map(_without_runs)


def packets() -> st.SearchStrategy[Packet]:
    """Packets of every code, with attributes of every kind."""
    return st.builds(
        Packet,
        st.sampled_from(Code),
        st.integers(0, 255),
        st.binary(min_size=16, max_size=16),
        named_values(leaf_definitions()).map(lambda named: Attributes.of(*named)),
    )


def _without_runs(named: list[NamedValue]) -> list[NamedValue]:
    """Long values of one name in a row would be read as one longer value."""
    return [
        pair
        for previous, pair in zip([None, *named], named, strict=False)
        if not (previous and previous[0] == pair[0] and DICTIONARY.named(pair[0]).is_concat)
    ]
