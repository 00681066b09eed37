"""A relay between a NAS and its server, which lets something happen between two authentications."""

import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ACCESS_ACCEPT = 2


@contextmanager
def relay(port: int, between: Callable[[], None]) -> Iterator[int]:
    """Relay RADIUS to a port on loopback; yield the port for the one NAS that uses it.

    After each Access-Accept, the next request waits until `between()` is done.
    """
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as near,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far,
    ):
        near.bind(("127.0.0.1", 0))
        far.connect(("127.0.0.1", port))
        thread = threading.Thread(target=_forward, args=(near, far, between))
        thread.start()
        address = near.getsockname()
        try:
            yield address[1]
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"", address)
            thread.join()


def _forward(near: socket.socket, far: socket.socket, between: Callable[[], None]) -> None:
    """Forward datagrams until an empty one comes from the NAS' side."""
    nas: tuple[str, int] | None = None
    has_accepted = False
    while True:
        readable, _, _ = select.select((near, far), (), ())
        if far in readable and nas is not None:
            answer = far.recv(4096)
            has_accepted = answer[0] == _ACCESS_ACCEPT
            near.sendto(answer, nas)
        if near in readable:
            request, nas = near.recvfrom(4096)
            if not request:
                return
            if has_accepted:
                has_accepted = False
                between()
            far.send(request)
