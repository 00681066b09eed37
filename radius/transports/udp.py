"""RADIUS over UDP, the server's side: one socket for each service, read in a loop of our own."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from radius.request import Service
from radius.transports.arrival import Send
from radius.transports.endpoint import endpoint_of

Receive = Callable[[bytes, Service, tuple[str, int], Send], None]

# Datagrams read before the loop gets its turn again: answers must not starve under a flood.
_AT_ONCE: Final = 64
# A village that comes back after a power cut asks all at once; the kernel may grant less.
_RECEIVE_BUFFER_OCTETS: Final = 4 << 20


class Listener:
    """A bound UDP socket; datagrams wait in the kernel until :meth:`listen`."""

    def __init__(self, address: str, port: int, service: Service) -> None:
        """Bind to `address` (`::` takes IPv4 too) and `port` (0: any). Raises OSError."""
        self.service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receive: Receive | None = None
        self._socket = bound_socket(address, port)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_OCTETS)
        self._endpoint = endpoint_of(self._socket)

    @property
    def port(self) -> int:
        """The port that was bound."""
        return int(self._socket.getsockname()[1])

    def listen(self, receive: Receive) -> None:
        """Give each datagram to `receive`, with how to answer it."""
        self._receive = receive
        loop = asyncio.get_running_loop()
        loop.add_reader(self._socket, self._drain)
        self._loop = loop

    def pause(self) -> None:
        """Read no more; answers can still be sent."""
        if self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._loop = None

    def close(self) -> None:
        """Give the port back."""
        self.pause()
        self._socket.close()

    def _drain(self) -> None:
        assert self._receive is not None  # noqa: S101  # listen() set it before it set the reader
        for _ in range(_AT_ONCE):
            try:
                datagram, source, send = self._endpoint.read()
            except BlockingIOError:
                return
            self._receive(datagram, self.service, source, send)


def bound_socket(address: str, port: int) -> socket.socket:
    """Return a non-blocking UDP socket; `::` takes IPv4 as well. Raises OSError."""
    is_ipv6 = ip_address(address).version == 6
    endpoint = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        endpoint.setblocking(False)
        if is_ipv6:
            endpoint.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        endpoint.bind((address, port))
    except OSError:
        endpoint.close()
        raise
    return endpoint
