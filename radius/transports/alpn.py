"""Which version of RADIUS a connection over TLS speaks: by ALPN (RFC 9765 section 3, RFC 7301)."""

from collections.abc import Sequence
from typing import Final

from OpenSSL import SSL

from radius.transports.versions import RADSEC_1_0, RADSEC_1_1, Version

Versions = tuple[Version, ...]
"""Those that may be spoken, the highest last."""

BOTH: Final[Versions] = (RADSEC_1_0, RADSEC_1_1)
NO_COMMON_VERSION: Final = "no application protocol"
"""What OpenSSL says, in other words around it, of the alert no_application_protocol."""
_PROTOCOLS: Final[dict[bytes, Version]] = {b"radius/1.0": RADSEC_1_0, b"radius/1.1": RADSEC_1_1}


def versions_of(setting: str) -> Versions:
    """Return the versions in a setting such as "1.0,1.1"."""
    names = setting.split(",")
    return tuple(version for version in _PROTOCOLS.values() if version.name in names)


def offer(context: SSL.Context, versions: Versions) -> None:
    """Have a client's connections say what may be spoken."""
    context.set_alpn_protos([name for name, each in _PROTOCOLS.items() if each in versions])
    _require_tls(context, versions)


def choose(context: SSL.Context, versions: Versions) -> None:
    """Have a server's connections take the highest that the client offers too, and end those that
    have none in common by the alert no_application_protocol. Who offers nothing goes on."""

    def chosen(session: SSL.Connection, offered: Sequence[bytes]) -> bytes:
        for name, version in reversed(_PROTOCOLS.items()):
            if name in offered and version in versions and _is_protected(session, version):
                return name
        raise SSL.Error([("", "", NO_COMMON_VERSION)])

    context.set_alpn_select_callback(chosen)
    _require_tls(context, versions)


def agreed(session: SSL.Connection, versions: Versions) -> Version | None:
    """Return what a connection that has come up speaks, None where that may not be spoken.

    Who says nothing of it speaks 1.0.
    """
    version = _PROTOCOLS.get(session.get_alpn_proto_negotiated(), RADSEC_1_0)
    return version if version in versions and _is_protected(session, version) else None


def _is_protected(session: SSL.Connection, version: Version) -> bool:
    """RFC 9765 section 3.4: not below TLS 1.3."""
    return version is RADSEC_1_0 or session.get_protocol_version() >= SSL.TLS1_3_VERSION


def _require_tls(context: SSL.Context, versions: Versions) -> None:
    if RADSEC_1_0 not in versions:
        context.set_min_proto_version(SSL.TLS1_3_VERSION)
