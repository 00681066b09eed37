"""A packet as it came, with how to answer it, and who sent it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from aaa.snapshot import NasEntry
from radius.duplicates import Source
from radius.request import Address, Request, Service
from radius.transports.versions import Version
from radius.wire.packet import Packet

Send = Callable[[bytes], bool]
"""Sends a datagram back; returns whether it went out."""


@dataclass(frozen=True, slots=True)
class Line:
    """A connection on which one client speaks, and no other. `name` tells it from all others."""

    name: str
    nas: NasEntry
    version: Version
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
    source: Source | None
    """None where no request comes twice."""
    send: Send
    received_at: datetime
    arrived: float
    """By the loop's clock, in seconds."""
    ended: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a packet, and how they speak. `is_authentic`: nobody else can have made it."""

    nas: NasEntry
    version: Version
    is_authentic: bool

    def request(self, arrival: Arrival) -> Request:
        """Return what handlers are given of a packet. Raises MalformedPacket."""
        return Request(
            packet=self.version.reveal(arrival.packet),
            service=arrival.service,
            nas=self.nas,
            address=arrival.address,
            received_at=arrival.received_at,
            is_authentic=self.is_authentic,
        )


@lru_cache(maxsize=65_536)
def address_of(host: str) -> Address:
    """Return the address of a socket's peer; IPv4 that came over an IPv6 socket is IPv4."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
