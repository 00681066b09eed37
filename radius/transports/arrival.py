"""A packet as it came, with how to answer it, and the octets of that answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from aaa.secret import Secret
from aaa.snapshot import NasEntry
from radius.duplicates import Source
from radius.request import Address, Request, Service
from radius.wire.authenticator import encode_reply, encode_reply_in_kind
from radius.wire.packet import Code, Packet

RADSEC_SECRET: Final = Secret(b"radsec")
"""RFC 6614 section 2.3: TLS proves who speaks; this signs and hides for form's sake."""

Send = Callable[[bytes], bool]
"""Sends a datagram back; returns whether it went out."""


@dataclass(frozen=True, slots=True)
class Line:
    """A connection on which one client speaks, and no other. `name` tells it from all others."""

    name: str
    nas: NasEntry
    address: Address
    send: Send
    ended: Callable[[], None]
    """Called once for each request that was taken on: answered, or given up."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A packet on its way through."""

    packet: Packet
    datagram: bytes
    service: Service
    address: Address
    source: Source
    send: Send
    received_at: datetime
    arrived: float
    """By the loop's clock, in seconds."""
    ended: Callable[[], None] | None = None


def encode(reply: Packet, request: Request) -> bytes:
    """Return the datagram of a reply, signed as its request demands."""
    packet = request.packet
    reply = Packet(reply.code, packet.identifier, reply.authenticator, reply.attributes)
    if packet.code is Code.ACCOUNTING_REQUEST:
        return encode_reply_in_kind(reply, packet, request.secret.reveal())
    return encode_reply(reply, packet.authenticator, request.secret.reveal())


@lru_cache(maxsize=65_536)
def address_of(host: str) -> Address:
    """Return the address of a socket's peer; IPv4 that came over an IPv6 socket is IPv4."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
