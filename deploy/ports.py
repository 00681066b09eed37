"""Why a port cannot be had, and which setting changes that."""

import errno
from typing import Final

from aaa.settings import ConfigurationError

_LEAST_UNPRIVILEGED: Final = 1024


def refusal(section: str, key: str, address: str, port: int, error: OSError) -> ConfigurationError:
    """Return the error that says what to do about a port that was refused with ``error``."""
    setting = f"{section}.{key}"
    match error.errno:
        case errno.EADDRINUSE:
            return ConfigurationError(
                setting,
                f"port {port} on {address} is taken by another program",
                f"End that program (`ss -lntup` names it), or choose another {setting}",
            )
        case errno.EACCES | errno.EPERM:
            return ConfigurationError(
                setting,
                f"port {port} may not be used by this account",
                f"Choose one from {_LEAST_UNPRIVILEGED} up, or allow it (CAP_NET_BIND_SERVICE)",
            )
        case errno.EADDRNOTAVAIL:
            return ConfigurationError(
                f"{section}.address",
                f"this machine has no address {address}",
                "Write one of its own (`ip address` shows them), or 0.0.0.0 for all",
            )
    return ConfigurationError(
        setting,
        f"port {port} on {address} cannot be had ({error.strerror or error})",
        f"Choose another {setting} or {section}.address",
    )
