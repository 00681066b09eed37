"""Keys that EAP methods derive from TLS: RFC 5216 section 2.3, RFC 5281 section 8, RFC 9190
section 2.3 and RFC 9427 section 2."""

from typing import Final

from radius.eap.packet import Type
from radius.eap.tls_engine import TlsEngine

MSK_OCTETS: Final = 64
KEY_MATERIAL_OCTETS: Final = 128
_LABELS: Final = {
    Type.TLS: b"client EAP encryption",
    Type.TTLS: b"ttls keying material",
    Type.PEAP: b"client EAP encryption",
}
"""Up to TLS 1.2; there the exporter without a context is the PRF that the RFCs name."""


def key_material(engine: TlsEngine, type: Type) -> bytes:
    """Return 128 octets of an established connection: MSK, then EMSK; PEAP's TK is the first 60."""
    if engine.version == "1.2":
        return engine.export(_LABELS[type], None, KEY_MATERIAL_OCTETS)
    return engine.export(b"EXPORTER_EAP_TLS_Key_Material", bytes((type,)), KEY_MATERIAL_OCTETS)


def msk(engine: TlsEngine, type: Type) -> bytes:
    """Return the 64 octets that the supplicant shares with whoever admits it."""
    return key_material(engine, type)[:MSK_OCTETS]


def ttls_challenge(engine: TlsEngine, octets: int) -> bytes:
    """Return the implicit challenge, as many octets as the inner method takes (RFC 5281 section
    11.1). In TLS 1.3 fewer octets are not the beginning of more, so ask for just what is used."""
    return engine.export(b"ttls challenge", None, octets)
