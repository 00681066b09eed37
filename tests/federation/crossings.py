"""Packets that cross between a NAS, us and a partner, made and generated."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import strategies as st

from federation.proxying import Hop, proxy_mark
from radius.wire.attributes import Attributes
from radius.wire.nesting import Pair
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged, Value
from tests.radius.wire.generated import leaf_definitions, named_values

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REALM, OPERATOR = "liguria.example", "vence.example"
CITIZEN = f"bea@{REALM}"
KEY = bytes(range(32))
MARK = proxy_mark(KEY, REALM)
CAME = bytes(range(16))
OUR_CLASS = b"ours"
HOP = Hop(
    partner="liguria",
    realm=REALM,
    operator=OPERATOR,
    nas_identifier="square",
    mark=MARK,
    proxy_states=(),
    received_at=NOON,
    is_our_class=lambda octets: octets.startswith(OUR_CLASS),
)


def packet(code: Code, *named: tuple[str, Value | Tagged]) -> Packet:
    """A packet as it comes from the NAS."""
    return Packet(code, 7, CAME, Attributes.of(*named))


def answer(code: Code, *named: tuple[str, Value | Tagged]) -> Packet:
    """A packet as it comes from the home."""
    return Packet(code, 9, bytes(16), Attributes.of(*named))


def hop(*proxy_states: bytes) -> Hop:
    """The hop of a request that has these Proxy-States."""
    return replace(HOP, proxy_states=proxy_states)


def octets_of(attributes: Attributes, number: int) -> list[bytes]:
    """The octets of all attributes of a type, in order."""
    return [octets for found, octets in attributes if found == number]


_OCTETS = st.binary(min_size=1, max_size=40)
_VENDORS = st.sampled_from([9, 311, 14122, 14559, 14988, 0, 0xFFFFFF])


@st.composite
def _vendor_attributes(draw: st.DrawFn) -> Pair:
    """Several attributes of a vendor in one, at times with an end that fits none."""
    inside = b"".join(
        bytes((kind, len(value) + 2)) + value
        for kind, value in draw(
            st.lists(st.tuples(st.integers(0, 255), _OCTETS), min_size=1, max_size=4)
        )
    )
    rest = draw(st.sampled_from([b"", b"\x01", b"\x1a\xff"]))
    return 26, draw(_VENDORS).to_bytes(4, "big") + inside + rest


_NAMED = named_values(leaf_definitions()).map(lambda named: list(Attributes.of(*named)))
# Of any type, whatever the octets; and what has to cross, more often than chance would have it.
_RAW = st.tuples(st.integers(0, 255), _OCTETS)
_CARRIED = st.tuples(st.sampled_from([24, 25, 33, 79]), _OCTETS | st.just(OUR_CLASS))
_ONE = (_RAW | _vendor_attributes() | _CARRIED).map(lambda pair: [pair])


def attributes() -> st.SearchStrategy[Attributes]:
    """Attributes of every kind, known and unknown, sound and broken, in any order."""
    return st.lists(_ONE | _ONE | _NAMED, max_size=10).map(
        lambda parts: Attributes(tuple(pair for part in parts for pair in part))
    )
