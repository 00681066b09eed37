"""What every installable profile says, whatever its format."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from aaa.secret import Secret

_NAMESPACE: Final = UUID("5f4c1fd5-1a3c-4c36-9d0c-6f2b0d3a7f11")


@dataclass(frozen=True, slots=True)
class Network:
    """The federation's secure network, the same in every profile.

    `roaming_consortiums` are upper-case hexadecimal; `anchors` certificates in DER, of which the
    first signs the server's now and the others may later; `server_name` is what that one names.
    """

    name: str
    ssid: str
    roaming_consortiums: tuple[str, ...]
    server_name: str
    anchors: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class WifiSecret:
    """EAP-TTLS with PAP inside: the citizen's identifier and this device's secret."""

    identity: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """EAP-TLS. `certificate` in DER, `key` its PKCS 8 in DER; `issuer` the authority's, in DER."""

    identity: str
    certificate: bytes
    key: Secret
    issuer: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """One device's way into the network. `realm` is the citizen's home; `credential` hides
    itself; `device_id` makes identifiers of payloads, so that a new profile replaces the old."""

    network: Network
    realm: str
    device_id: int
    device_name: str
    credential: WifiSecret | ClientCertificate = field(repr=False)
    collectivity: str
    contact: str | None
    language: str
    timezone: str = "UTC"

    @property
    def outer_identity(self) -> str:
        """What goes over the air unencrypted: the realm, and nobody's name (RFC 9190 section
        2.1.7). A user part is there since some supplicants take none for a mistake."""
        return f"anonymous@{self.realm}"

    def uuid(self, payload: str) -> UUID:
        """Return the same identifier for the same payload of the same device, always."""
        return uuid5(_NAMESPACE, f"{self.realm}/{self.device_id}/{payload}")


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """A file to download, with the headers that make a device install it."""

    name: str
    media_type: str
    content: bytes = field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()
