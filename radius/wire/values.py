"""The data types of RADIUS values (RFC 8044): octets to Python values and back."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, NamedTuple

Value = str | bytes | int | datetime | IPv4Address | IPv6Address | IPv4Network | IPv6Network


class Tagged(NamedTuple):
    """A value that belongs to one tunnel of several (RFC 2868 section 3); tag 0 is no tunnel."""

    tag: int
    value: Value


class DataType(StrEnum):
    """A data type, named as in RFC 8044; the value is the word for it in dictionary files."""

    TEXT = "string"
    STRING = "octets"
    INTEGER = "integer"
    INTEGER64 = "integer64"
    SHORT = "short"
    BYTE = "byte"
    SIGNED = "signed"
    TIME = "date"
    IPV4ADDR = "ipaddr"
    IPV6ADDR = "ipv6addr"
    IPV4PREFIX = "ipv4prefix"
    IPV6PREFIX = "ipv6prefix"
    IFID = "ifid"
    TLV = "tlv"
    VSA = "vsa"
    EVS = "evs"
    EXTENDED = "extended"
    LONG_EXTENDED = "long-extended"


_INTEGER_OCTETS = {
    DataType.BYTE: 1,
    DataType.SHORT: 2,
    DataType.INTEGER: 4,
    DataType.INTEGER64: 8,
}


def decode(data_type: DataType, octets: bytes) -> Value:
    """Return the value of `octets`, or `octets` themselves where they do not fit the type.

    Text that is not UTF-8 keeps U+FFFD for each broken octet; it may contain NUL.
    """
    decoder = _DECODERS.get(data_type)
    if decoder is None:
        return octets
    try:
        return decoder(octets)
    except ValueError:
        return octets


def encode(data_type: DataType, value: Value) -> bytes:
    """Return the octets of `value`. Addresses and prefixes may also be given as text.

    Raises ValueError if the type cannot hold the value.
    """
    if isinstance(value, bytes):
        return value
    encoder = _ENCODERS.get(data_type)
    if encoder is None:
        raise ValueError(f"{data_type} takes octets, not {type(value).__name__}")
    return encoder(value)


def encode_integer(value: Any, length: int) -> bytes:
    """Return `value` in `length` octets, unsigned."""
    if not isinstance(value, int):
        raise ValueError(f"an integer is needed, not {type(value).__name__}")
    if not 0 <= value < 1 << 8 * length:
        raise ValueError(f"{value} is outside 0..{(1 << 8 * length) - 1}")
    return value.to_bytes(length, "big")


def _decode_text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


def _integer_decoder(length: int) -> Callable[[bytes], Value]:
    def decode_integer(octets: bytes) -> Value:
        return int.from_bytes(octets, "big") if len(octets) == length else octets

    return decode_integer


def _decode_signed(octets: bytes) -> Value:
    return int.from_bytes(octets, "big", signed=True) if len(octets) == 4 else octets


def _decode_time(octets: bytes) -> Value:
    if len(octets) != 4:
        return octets
    return datetime.fromtimestamp(int.from_bytes(octets, "big"), UTC)


def _decode_ipv4addr(octets: bytes) -> Value:
    return IPv4Address(octets) if len(octets) == 4 else octets


def _decode_ipv6addr(octets: bytes) -> Value:
    return IPv6Address(octets) if len(octets) == 16 else octets


def _decode_ipv4prefix(octets: bytes) -> Value:
    if len(octets) != 6:
        return octets
    return IPv4Network((octets[2:], octets[1]), strict=False)


def _decode_ipv6prefix(octets: bytes) -> Value:
    """RFC 3162 section 2.3: a reserved octet, the prefix length, up to 16 octets of prefix."""
    if not 2 <= len(octets) <= 18:
        return octets
    return IPv6Network((octets[2:].ljust(16, b"\0"), octets[1]), strict=False)


def _decode_ifid(octets: bytes) -> Value:
    return octets.hex(":", 2) if len(octets) == 8 else octets


def _encode_text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ValueError(f"text is needed, not {type(value).__name__}")
    return value.encode()


def _integer_encoder(length: int) -> Callable[[Any], bytes]:
    return lambda value: encode_integer(value, length)


def _encode_signed(value: Any) -> bytes:
    if not isinstance(value, int) or not -(1 << 31) <= value < 1 << 31:
        raise ValueError(f"{value!r} is not a signed 32-bit integer")
    return value.to_bytes(4, "big", signed=True)


def _encode_time(value: Any) -> bytes:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(f"a datetime with its time zone is needed, not {value!r}")
    return encode_integer(int(value.timestamp()), 4)


def _encode_ipv4prefix(value: Any) -> bytes:
    network = IPv4Network(value)
    return bytes((0, network.prefixlen)) + network.network_address.packed


def _encode_ipv6prefix(value: Any) -> bytes:
    network = IPv6Network(value)
    length = network.prefixlen
    return bytes((0, length)) + network.network_address.packed[: (length + 7) // 8]


def _encode_ifid(value: Any) -> bytes:
    octets = bytes.fromhex(value.replace(":", "")) if isinstance(value, str) else b""
    if len(octets) != 8:
        raise ValueError(f"{value!r} is not an interface identifier such as 0000:0000:0000:0001")
    return octets


_DECODERS: dict[DataType, Callable[[bytes], Value]] = {
    DataType.TEXT: _decode_text,
    DataType.SIGNED: _decode_signed,
    DataType.TIME: _decode_time,
    DataType.IPV4ADDR: _decode_ipv4addr,
    DataType.IPV6ADDR: _decode_ipv6addr,
    DataType.IPV4PREFIX: _decode_ipv4prefix,
    DataType.IPV6PREFIX: _decode_ipv6prefix,
    DataType.IFID: _decode_ifid,
} | {data_type: _integer_decoder(length) for data_type, length in _INTEGER_OCTETS.items()}

_ENCODERS: dict[DataType, Callable[[Any], bytes]] = {
    DataType.TEXT: _encode_text,
    DataType.SIGNED: _encode_signed,
    DataType.TIME: _encode_time,
    DataType.IPV4ADDR: lambda value: IPv4Address(value).packed,
    DataType.IPV6ADDR: lambda value: IPv6Address(value).packed,
    DataType.IPV4PREFIX: _encode_ipv4prefix,
    DataType.IPV6PREFIX: _encode_ipv6prefix,
    DataType.IFID: _encode_ifid,
} | {data_type: _integer_encoder(length) for data_type, length in _INTEGER_OCTETS.items()}
