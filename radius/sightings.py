"""What we see of each NAS: when last, from where, by which secret, and whether it signs."""

from dataclasses import dataclass
from datetime import datetime

from aaa import access_points
from aaa.database import Database
from aaa.model import MessageAuthenticatorRule
from aaa.secret import Secret
from aaa.snapshot import NasEntry
from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from radius.clients import Identified, hides_text, is_host
from radius.request import Address
from radius.wire.packet import Code, Packet


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a NAS was last seen, and the secret that it used there."""

    address: Address
    secret: Secret
    was_proven: bool


@dataclass(slots=True)
class _Seen:
    """Of one NAS, since what was stored last."""

    at: datetime
    signed: int = 0
    restarted: bool = False


class Sightings:
    """Notes packets in memory; :meth:`store` makes one transaction of them."""

    def __init__(self, warnings: RepeatedWarnings) -> None:
        self._warnings = warnings
        self._contacts: dict[int, Contact] = {}
        self._proven: dict[int, Secret] = {}
        self._seen: dict[int, _Seen] = {}
        self._regressed: set[int] = set()

    def note(self, sender: Identified, packet: Packet, address: Address, now: datetime) -> None:
        """Note a packet that was let in."""
        nas = sender.nas
        seen = self._seen.get(nas.id)
        if seen is None:
            seen = self._seen[nas.id] = _Seen(now)
        seen.at = now
        proven = sender.was_signed or packet.code is not Code.ACCESS_REQUEST
        known = self._contacts.get(nas.id)
        # Anybody can forge the address of what is unsigned: it does not replace what was proven.
        if proven or known is None or not known.was_proven:
            self._contacts[nas.id] = Contact(address, sender.secret, proven)
        knows_secret = proven or hides_text(packet, sender.secret)
        if knows_secret:
            self._proven[nas.id] = sender.secret
        if packet.code is not Code.ACCESS_REQUEST:
            return
        if not sender.was_signed:
            self._note_unsigned(nas, seen, now, knows_secret)
        elif not packet.attributes.has("EAP-Message"):
            # EAP has to be signed, and tells nothing of the rest.
            seen.signed += 1
            self._regressed.discard(nas.id)

    def note_connected(self, nas: NasEntry, now: datetime) -> None:
        """Note a packet over TLS. It says nothing of the shared secret, of signing, or of where
        the NAS takes datagrams."""
        self._seen.setdefault(nas.id, _Seen(now)).at = now

    def _note_unsigned(self, nas: NasEntry, seen: _Seen, now: datetime, knows_secret: bool) -> None:
        """Count signed requests anew where the NAS itself left one unsigned: a forged one must not
        keep it from having to sign."""
        if nas.message_authenticator is MessageAuthenticatorRule.LEARN and (
            nas.has_signed or seen.signed
        ):
            self._warnings.warn(
                "a NAS that signs was seen unsigned",
                nas.name,
                now,
                remedy="forged, or this NAS signs some requests only. If it can sign all of them: "
                "farandole nas change NAME --message-authenticator required",
            )
        if knows_secret:
            seen.signed, seen.restarted = 0, True

    def proven_secret(self, nas: NasEntry) -> Secret | None:
        """Return the secret that a NAS last showed to have, or None where it has not yet."""
        return self._proven.get(nas.id)

    def note_missing_signature(self, nas: NasEntry) -> None:
        """Note a request that was refused because `nas` must sign and did not.

        A regression, of a NAS that did before, counts once until it signs again.
        """
        if nas.has_signed and nas.id not in self._regressed:
            self._regressed.add(nas.id)
            metrics.nas_message_authenticator_regressions.labels(nas.vendor).inc()

    def contact(self, nas: NasEntry, now: datetime) -> Contact | None:
        """Return where to reach a NAS: where it was seen last, else the one address it may have.

        None for a NAS of a whole network that has not been seen since the start.
        """
        contact = self._contacts.get(nas.id)
        if contact is not None:
            valid = nas.secrets_at(now)
            secret = contact.secret if contact.secret in valid else valid[0]
            return Contact(contact.address, secret, contact.was_proven)
        if nas.network is not None and is_host(nas):
            return Contact(nas.network.network_address, nas.secret, was_proven=False)
        return None

    async def store(self, database: Database) -> None:
        """Write what was noted since the last call. Raises Unavailable; nothing is lost then."""
        if not self._seen:
            return
        noted, self._seen = self._seen, {}
        try:
            async with database.write("sightings") as session:
                await access_points.note_seen(
                    session,
                    signed={id: seen.signed for id, seen in noted.items()},
                    seen={id: seen.at for id, seen in noted.items()},
                    restarted=[id for id, seen in noted.items() if seen.restarted],
                )
        except BaseException:
            self._put_back(noted)
            raise

    def _put_back(self, noted: dict[int, _Seen]) -> None:
        for nas_id, before in noted.items():
            since = self._seen.get(nas_id)
            if since is None:
                self._seen[nas_id] = before
            elif not since.restarted:
                since.signed += before.signed
                since.restarted = before.restarted
