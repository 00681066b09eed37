"""Farandole as an authenticator of 802.1X, set up by its command as an operator does it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aaa.database import Database
from aaa.pki import authority
from aaa.secret import load_keyring
from tests.interop.certificates import Holder, Issuer
from tests.interop.eapol import ANNA, REALM, SECRET, SERVER_NAME, Server
from tests.operator import ON_LOOPBACK, Operator, operate

BRUNO: Final = f"bruno@{REALM}"
ACCOUNT_PASSWORD: Final = "thyme and rosemary"
_WIFI_SECRET: Final = "lavender in july, by the river"
_REASONS: Final = {
    "wrong password": "wrong_password",
    # Nobody, and nobody with a secret that answers a challenge, are the same there.
    "unknown identity": "unknown_citizen|wrong_password",
    "other realm": "realm_mismatch",
    "expired": "certificate_expired",
    "revoked": "device_revoked",
    "foreign": "certificate_untrusted",
    "for a server": "certificate_untrusted",
    "unknown": "unknown_certificate",
    "not trusted by the supplicant": "supplicant_refused",
    "not who the supplicant expects": "supplicant_refused",
    "no method in common": "no_common_method",
    "unknown realm": "unknown_realm",
}


@dataclass(frozen=True, slots=True)
class Farandole:
    """The installation, and what of it answers RADIUS."""

    operator: Operator
    server: Server

    def add_certificate(self, name: str) -> Holder:
        """Give Anna a device with a certificate."""
        return _add_certificate(self.operator, name)

    def revoke(self, name: str) -> None:
        """Revoke a device of Anna's."""
        self.operator.do("device", "revoke", name, "--citizen", ANNA)


@contextmanager
def run_farandole(directory: Path) -> Iterator[Farandole]:
    """Run Farandole on loopback, for Anna, who has devices, and Bruno, who types his password."""
    settings = {
        "eap.server_name": SERVER_NAME,
        "eap.challenges": "true",
        "radius.reject_delay_seconds": "0",
    }
    operator = operate(directory, ON_LOOPBACK | settings)
    _found(operator)
    with operator.serve("radius") as served:
        certificates = _certificates(operator)
        server = Server(
            "Farandole",
            served.process,
            served.port("authentication"),
            directory,
            certificates["valid"].certificate.with_name("ca.pem"),
            _WIFI_SECRET,
            certificates,
            _REASONS,
            least_framed_mtu=0,
            overhead=0,
        )
        yield Farandole(operator, server)


def _found(operator: Operator) -> None:
    operator.do("database", "upgrade")
    for slug, realm in (("village", REALM), ("other", "other.example")):
        operator.do("collectivity", "add", slug, "--name", slug, "--realm", realm)
    operator.do("hotspot", "add", "square", "--collectivity", "village", "--name", "La place")
    nas = ("--hotspot", "square", "--vendor", "hostapd", "--address", "127.0.0.1")
    operator.do("nas", "add", "square", *nas, "--secret-file", "-", given=SECRET)
    operator.do("citizen", "add", "anna", "--collectivity", "village", "--email", ANNA)
    bruno = ("bruno", "--collectivity", "village", "--password-file", "-")
    operator.do("citizen", "add", *bruno, given=ACCOUNT_PASSWORD)
    laptop = ("--citizen", ANNA, "--name", "laptop", "--secret-file", "-")
    operator.do("device", "add", *laptop, given=_WIFI_SECRET)


def _certificates(operator: Operator) -> dict[str, Holder]:
    directory = operator.directory / "certificates"
    identity = f"d-annas@{REALM}"
    revoked = _add_certificate(operator, "revoked")
    operator.do("device", "revoke", "revoked", "--citizen", ANNA)
    ours = asyncio.run(issuer(operator))
    stranger = Issuer.create("Somebody's authority")
    return {
        "valid": _add_certificate(operator, "valid"),
        "revoked": revoked,
        "expired": ours.expired_client(directory / "expired", identity),
        "foreign": stranger.client(directory / "foreign", identity),
        "for a server": ours.server(directory / "usage", f"annas.{REALM}"),
        "unknown": ours.client(directory / "unknown", identity),
    }


def _add_certificate(operator: Operator, name: str) -> Holder:
    directory = operator.directory / "certificates" / name
    operator.do("device", "add", "--citizen", ANNA, "--name", name, "--certificate", str(directory))
    return Holder(directory / "certificate.pem", directory / "key.pem")


async def issuer(operator: Operator) -> Issuer:
    """Return the service's own authority, for certificates that the service would not make."""
    state = operator.directory / "state"
    keyring = load_keyring(state / "farandole.key")
    database = Database(f"sqlite:///{state}/farandole.db")
    try:
        async with database.read("test") as session:
            _, signer = await authority.newest_signer(session, keyring, datetime.now(UTC))
    finally:
        await database.close()
    return Issuer(signer)
