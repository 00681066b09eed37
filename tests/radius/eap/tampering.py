"""What may become of packets on the air, and of words inside a tunnel; generated."""

from collections import deque
from collections.abc import Callable

from hypothesis import strategies as st

from radius.eap.diameter import Avp, encode
from radius.eap.packet import Code, EapPacket, Type
from radius.eap.steps import Proof
from tests.radius.eap import crowd
from tests.radius.eap.crowd import Kind, Spoil
from tests.radius.eap.supplicant import LENGTH_INCLUDED, MORE_FRAGMENTS

Tamper = Callable[[bytes, list[bytes]], list[bytes]]
"""Returns what arrives in place of a packet; the list is all that was sent, the packet last."""

kinds = st.builds(
    Kind,
    st.sampled_from(Proof),
    st.sampled_from(crowd.VERSIONS),
    st.booleans(),
    st.sampled_from([100, 1000]),
)
_octet = st.integers(0, 255)
_type = _octet | st.sampled_from(Type)


def in_turn(tampers: list[Tamper]) -> Callable[[bytes], list[bytes]]:
    """Return what applies one after another, each to one packet, and lets the others be."""
    sent: list[bytes] = []
    waiting = deque(tampers)

    def tamper(packet: bytes) -> list[bytes]:
        sent.append(packet)
        return (waiting.popleft() if waiting else let_be)(packet, sent)

    return tamper


def let_be(packet: bytes, sent: list[bytes]) -> list[bytes]:
    return [packet]


def _twice(packet: bytes, sent: list[bytes]) -> list[bytes]:
    return [packet, packet]


def _lost(packet: bytes, sent: list[bytes]) -> list[bytes]:
    return []


def _cut_short(packet: bytes, sent: list[bytes]) -> list[bytes]:
    return [packet[:-1], packet]


def _after_an_older(back: int) -> Tamper:
    return lambda packet, sent: [sent[-1 - back % len(sent)], packet]


def _overtaken_by_an_older(back: int) -> Tamper:
    return lambda packet, sent: [sent[-1 - back % len(sent)]]


def _replaced(octets: bytes) -> Tamper:
    return lambda packet, sent: [octets]


def _before(octets: bytes) -> Tamper:
    return lambda packet, sent: [octets, packet]


def _padded(octets: bytes) -> Tamper:
    return lambda packet, sent: [packet + octets]


def _of_code(code: int) -> Tamper:
    return lambda packet, sent: [bytes((code,)) + packet[1:], packet]


def _of_identifier(flip: int) -> Tamper:
    return lambda packet, sent: [packet[:1] + bytes((packet[1] ^ flip,)) + packet[2:], packet]


def _of_type(type: int, data: bytes) -> Tamper:
    return lambda packet, sent: [_response(packet, type, data), packet]


def _instead(type: int, data: bytes) -> Tamper:
    return lambda packet, sent: [_response(packet, type, data)]


def _in_its_place(data: bytes) -> Tamper:
    return lambda packet, sent: [_response(packet, packet[4], data)]


def _first(data: bytes) -> Tamper:
    return lambda packet, sent: [_response(packet, packet[4], data), packet]


def _flooded(octets: int, announced: int | None) -> Tamper:
    """Fragments without end, each where it is due."""
    length = b"" if announced is None else announced.to_bytes(4, "big")
    flags = bytes((MORE_FRAGMENTS | (LENGTH_INCLUDED if length else 0),))
    data = flags + length + bytes(octets)
    return lambda packet, sent: [_response(packet, packet[4], data, ahead) for ahead in range(24)]


def _mutated(mutate: Spoil, fits: bool) -> Tamper:
    """With `fits`, the Length is the mutated packet's."""

    def tamper(packet: bytes, sent: list[bytes]) -> list[bytes]:
        octets = mutate(packet)
        if fits and len(octets) >= 4:
            octets = octets[:2] + len(octets).to_bytes(2, "big") + octets[4:]
        return [octets]

    return tamper


def _response(packet: bytes, type: int, data: bytes, ahead: int = 0) -> bytes:
    """A response where `packet` would be due, or so many requests later."""
    return EapPacket(Code.RESPONSE, (packet[1] + ahead) % 256, type, data).encode()


@st.composite
def _mutations(draw: st.DrawFn) -> Spoil:
    """Octets changed, cut, put in, repeated or dropped."""
    changes = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["change", "cut", "put in", "repeat", "drop"]),
                st.floats(0, 1, exclude_max=True),
                st.binary(min_size=1, max_size=40),
            ),
            min_size=1,
            max_size=3,
        )
    )

    def mutate(octets: bytes) -> bytes:
        mutated = bytearray(octets)
        for change, place, other in changes:
            position = int(place * len(mutated))
            match change:
                case "change":
                    mutated[position : position + 1] = other[:1]
                case "cut":
                    del mutated[position:]
                case "put in":
                    mutated[position:position] = other
                case "repeat":
                    mutated += mutated[position : position + 60]
                case "drop":
                    del mutated[position : position + 1]
        return bytes(mutated)

    return mutate


def _record(kind: int, version: int, length: int | None, body: bytes) -> bytes:
    octets = len(body) if length is None else length
    return bytes((kind, 3, version)) + octets.to_bytes(2, "big") + body


def _of_tls(flags: int, length: int, body: bytes) -> bytes:
    included = length.to_bytes(4, "big") if flags & LENGTH_INCLUDED else b""
    return bytes((flags,)) + included + body


_records = st.builds(
    _record,
    st.integers(20, 24),
    st.integers(0, 4),
    st.none() | st.integers(0, 65_535),
    st.binary(max_size=80),
)
_flags = st.sampled_from([0, LENGTH_INCLUDED, MORE_FRAGMENTS, LENGTH_INCLUDED | MORE_FRAGMENTS])
_tls_data = st.builds(
    _of_tls,
    _flags | _octet,
    st.integers(0, 200) | st.integers(0, 2**32 - 1),
    st.lists(_records, max_size=3).map(b"".join) | st.binary(max_size=80),
)

noises: st.SearchStrategy[Tamper] = st.one_of(
    st.sampled_from([_twice, _cut_short]),
    st.builds(_before, st.binary(max_size=3)),
    st.builds(_padded, st.binary(max_size=40)),
    st.builds(_after_an_older, st.integers(1, 30)),
    st.builds(_of_identifier, st.integers(1, 255)),
    st.builds(_of_code, _octet.filter(lambda code: code != Code.RESPONSE)),
    st.builds(_of_type, st.just(Type.MD5_CHALLENGE), st.binary(max_size=20)),
)
"""What a supplicant's own packet follows, or survives."""

tampers: st.SearchStrategy[Tamper] = st.one_of(
    noises,
    st.sampled_from([let_be, _lost]),
    st.builds(_mutated, _mutations(), st.booleans()),
    st.builds(_overtaken_by_an_older, st.integers(0, 30)),
    st.builds(_replaced, st.binary(max_size=80)),
    st.builds(_padded, st.binary(max_size=2000)),
    st.builds(_instead, _type, st.binary(max_size=40)),
    st.builds(_instead, st.just(Type.NAK), st.lists(_type, max_size=4).map(bytes)),
    st.builds(_in_its_place, _tls_data),
    st.builds(_first, _tls_data),
    st.builds(_flooded, st.sampled_from([1, 1400, 4000]), st.none() | st.just(65_000)),
)

_avps = st.lists(
    st.builds(
        Avp,
        st.tuples(st.sampled_from([0, 311]), st.sampled_from([1, 2, 3, 11, 25, 26, 60, 79])),
        st.binary(max_size=60) | st.just(crowd.ANNA.encode()),
        st.booleans(),
    ),
    max_size=3,
)


def _says(octets: bytes) -> Spoil:
    return lambda plaintext: octets


def _adds(octets: bytes) -> Spoil:
    return lambda plaintext: plaintext + octets


spoils: st.SearchStrategy[Spoil] = st.one_of(
    st.just(crowd.unspoilt),
    _mutations(),
    st.builds(_says, _avps.map(encode) | st.binary(max_size=60)),
    st.builds(_says, st.sampled_from([4096, 16_385, 70_000]).map(bytes)),
    st.builds(_adds, _avps.map(encode)),
)
