"""A bound UDP socket that answers from the address it was asked at."""

import socket
import struct
from collections.abc import Callable
from functools import partial
from ipaddress import ip_address
from typing import Final, Protocol

from radius.transports.arrival import Send

# RFC 2865 section 3; one octet more shows what is longer.
_MOST_OCTETS: Final = 4097
# Linux' ip(7) and ipv6(7); the standard library has no name for the first.
_IP_PKTINFO: Final = 8
_IPV4_INFO: Final = struct.Struct("=I4s4s")
_IPV6_INFO: Final = struct.Struct("=16sI")

Datagram = tuple[bytes, tuple[str, int], Send]
"""What came, from where (host, port), and how to answer it."""


class Endpoint(Protocol):
    """Reads datagrams; each comes with how to answer it."""

    def read(self) -> Datagram:
        """Return the next datagram. Raises BlockingIOError where none waits."""


def endpoint_of(bound: socket.socket) -> Endpoint:
    """Return the endpoint of a bound socket.

    A NAS ignores an answer that comes from another address than it asked. One bound to every
    address of a machine must therefore be told, for each answer, which to send it from.
    """
    if not ip_address(bound.getsockname()[0]).is_unspecified:
        return OneAddress(bound)
    return EveryAddress(bound)


class OneAddress:
    """An endpoint at one address: it answers from there in any case."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound

    def read(self) -> Datagram:
        """Return the next datagram. Raises BlockingIOError where none waits."""
        octets, source = self._socket.recvfrom(_MOST_OCTETS)
        return octets, source, partial(_try, partial(self._send, source))

    def _send(self, destination: tuple[str, int], datagram: bytes) -> None:
        self._socket.sendto(datagram, destination)


class EveryAddress:
    """An endpoint at all addresses: it asks the kernel which one was meant."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound
        if bound.family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
            self._room = socket.CMSG_SPACE(_IPV6_INFO.size)
        else:
            bound.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self._room = socket.CMSG_SPACE(_IPV4_INFO.size)

    def read(self) -> Datagram:
        """Return the next datagram. Raises BlockingIOError where none waits."""
        octets, told, _, source = self._socket.recvmsg(_MOST_OCTETS, self._room)
        meant = [(level, kind, _as_source(level, info)) for level, kind, info in told]
        return octets, source, partial(_try, partial(self._send, source, meant))

    def _send(
        self, destination: tuple[str, int], source: list[tuple[int, int, bytes]], datagram: bytes
    ) -> None:
        self._socket.sendmsg([datagram], source, 0, destination)


def _as_source(level: int, info: bytes) -> bytes:
    """Return a packet's destination as the source of its answer.

    For IPv4 the route is left open. For IPv6 the answer leaves by the interface that the request
    came in by, without which a link-local address says nothing.
    """
    if level == socket.IPPROTO_IPV6:
        return info
    _, address, _ = _IPV4_INFO.unpack_from(info)
    return _IPV4_INFO.pack(0, address, bytes(4))


def _try(send: Callable[[bytes], None], datagram: bytes) -> bool:
    try:
        send(datagram)
    except OSError:
        return False
    return True
