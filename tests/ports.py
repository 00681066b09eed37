"""Free ports on loopback."""

import random
import socket

# Below the range from which Linux takes the ports of outgoing connections (ip(7),
# ip_local_port_range), so that nothing takes the port between finding it and listening on it.
_RANGE = range(12_000, 32_000)
_given: set[int] = set()
_chance = random.SystemRandom()


def free_port() -> int:
    """Return a loopback port that is free for UDP and TCP; never the same one twice in a run."""
    for port in _chance.sample(_RANGE, k=500):
        if port not in _given and _is_free(port):
            _given.add(port)
            return port
    raise RuntimeError("500 ports tried on 127.0.0.1 and none is free")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
