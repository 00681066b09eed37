"""Packets out of a stream of octets: RADIUS over TCP, and so over TLS (RFC 6613 section 2.6)."""

from typing import Final

from radius.wire.errors import Malformation, MalformedPacket
from radius.wire.packet import HEADER_OCTETS, MAXIMUM_OCTETS

_LENGTH_ENDS: Final = 4


class Stream:
    """Cuts what arrives on one connection; holds at most one packet that is not whole yet."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def is_within_packet(self) -> bool:
        """Whether a packet has begun and is not whole yet."""
        return bool(self._rest)

    def feed(self, octets: bytes) -> list[bytes]:
        """Return the packets that are whole now, in the order in which they came.

        Raises MalformedPacket where a Length is below 20 or above 4096: nobody knows where the
        next packet begins, and the connection has to end (RFC 6613 section 2.6.4).
        """
        octets = self._rest + octets
        packets = []
        position = 0
        while len(octets) - position >= _LENGTH_ENDS:
            length = octets[position + 2] << 8 | octets[position + 3]
            if length < HEADER_OCTETS:
                raise MalformedPacket(Malformation.BAD_LENGTH)
            if length > MAXIMUM_OCTETS:
                raise MalformedPacket(Malformation.TOO_LONG)
            if len(octets) - position < length:
                break
            packets.append(octets[position : position + length])
            position += length
        self._rest = octets[position:]
        return packets
