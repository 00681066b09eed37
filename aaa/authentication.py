"""Prove who asks: a ticket, a remembered device, or the account password itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from aaa import authorization, citizens, devices, identifier, tickets
from aaa.citizens import CitizenRecord
from aaa.database import Database
from aaa.errors import Invalid
from aaa.guesses import Guesses, Subject
from aaa.passwords import PasswordHashing
from aaa.policy import GRANTED, Denied, DenyReason, Grant
from aaa.secret import Keyring, Secret
from aaa.snapshot import HotspotEntry, NasEntry, Snapshot
from monitoring import metrics

# Wrong passwords for one name at one NAS: people mistype, programs guess.
GUESSES: Final = 20
GUESSES_WITHIN: Final = timedelta(minutes=15)
# More than are hashed in that time, so that a flood of names makes none be forgotten early.
_GUESSED_NAMES: Final = 1 << 17


class Method(StrEnum):
    """How someone proved who they are; a metric label."""

    TICKET = "ticket"
    DEVICE = "device"
    PASSWORD = "password"
    EMAIL_CODE = "email_code"
    WIFI_SECRET = "wifi_secret"
    CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True)
class Claim:
    """What an Access-Request claims, and how to check it.

    ``matches`` compares octets that we hold (a ticket) with the proof in the request, PAP or CHAP;
    ``password`` is what was typed, where the request carries it (PAP), else None.
    """

    user_name: str
    nas: NasEntry
    hotspot: HotspotEntry
    device_mac: str | None
    # The octets compared with would show in it.
    matches: Callable[[bytes], bool] = field(repr=False)
    password: Secret | None


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A proven citizen with what they were granted; ``device_id`` of a remembered device."""

    citizen: CitizenRecord
    method: Method
    grant: Grant
    device_id: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, with the citizen where one is known (for the audit, never for the reply)."""

    denied: Denied
    citizen: CitizenRecord | None = None
    method: Method | None = None


class Authenticator:
    """Answers claims against the store.

    How often a password was guessed is kept in memory: each process counts for itself, and from
    nothing after a start.
    """

    def __init__(self, database: Database, keyring: Keyring, hashing: PasswordHashing) -> None:
        self._database = database
        self._keyring = keyring
        self._hashing = hashing
        self._guesses = Guesses(most=GUESSES, window=GUESSES_WITHIN, subjects=_GUESSED_NAMES)

    async def by_credentials(
        self, claim: Claim, snapshot: Snapshot, now: datetime
    ) -> Authenticated | Refused:
        """Return the citizen behind a name with a ticket or a password, and the grant.

        A ticket is tried first; the account password only where the request carries it and the
        place allows it. Raises Unavailable.
        """
        try:
            nai = identifier.parse(claim.user_name)
        except Invalid:
            return Refused(Denied(DenyReason.BAD_IDENTIFIER))
        if nai.realm is not None and nai.realm not in snapshot.by_realm:
            return Refused(Denied(DenyReason.UNKNOWN_REALM))
        async with self._database.read("claim") as session:
            citizen = await citizens.by_nai(session, snapshot, nai, claim.hotspot.collectivity)
            matched = None
            if citizen is not None:
                matched = await tickets.match(
                    session,
                    self._keyring,
                    citizen_id=citizen.id,
                    nas_id=claim.nas.id,
                    device_mac=claim.device_mac,
                    matches=claim.matches,
                    now=now,
                )
        if citizen is None or matched is None:
            name = citizen.nai if citizen else str(nai)
            return await self._by_password(claim, name, citizen, snapshot, now)
        if isinstance(matched, Denied):
            return Refused(matched, citizen, Method.TICKET)
        return await self._by_ticket(claim, citizen, matched, snapshot, now)

    async def _by_ticket(
        self,
        claim: Claim,
        citizen: CitizenRecord,
        ticket_id: int,
        snapshot: Snapshot,
        now: datetime,
    ) -> Authenticated | Refused:
        async with self._database.write("ticket") as session:
            decision = await authorization.authorize(
                session,
                snapshot,
                citizen=citizen,
                hotspot=claim.hotspot,
                device_mac=claim.device_mac,
                now=now,
            )
            outcome = decision.reason if isinstance(decision, Denied) else GRANTED
            if not await tickets.serve(session, ticket_id, outcome, now):
                return Refused(Denied(DenyReason.TICKET_USED), citizen, Method.TICKET)
        return _outcome(citizen, Method.TICKET, decision)

    async def _by_password(
        self,
        claim: Claim,
        name: str,
        citizen: CitizenRecord | None,
        snapshot: Snapshot,
        now: datetime,
    ) -> Authenticated | Refused:
        if claim.password is None:
            reason = DenyReason.WRONG_PASSWORD if citizen else DenyReason.UNKNOWN_CITIZEN
            return Refused(Denied(reason), citizen, Method.TICKET)
        if not snapshot.limits(claim.hotspot, citizen.id if citizen else None).passwords_at_nas:
            return Refused(Denied(DenyReason.PASSWORD_NOT_ALLOWED), citizen, Method.PASSWORD)
        stored = citizen.password_hash if citizen else None
        right = await self._is_right((name, claim.nas.id), stored, claim.password, now)
        if citizen is None:
            return Refused(Denied(DenyReason.UNKNOWN_CITIZEN), None, Method.PASSWORD)
        if not right:
            return Refused(Denied(DenyReason.WRONG_PASSWORD), citizen, Method.PASSWORD)
        async with self._database.read("authorize") as session:
            decision = await authorization.authorize(
                session,
                snapshot,
                citizen=citizen,
                hotspot=claim.hotspot,
                device_mac=claim.device_mac,
                now=now,
            )
        return _outcome(citizen, Method.PASSWORD, decision)

    async def _is_right(
        self, subject: Subject, stored: str | None, password: Secret, now: datetime
    ) -> bool:
        """Return whether a password is right. After too many guesses none is, and none is hashed:
        whoever guesses cannot tell."""
        if not self._guesses.begin(subject, now):
            metrics.throttled.labels("nas_password").inc()
            return False
        try:
            right = await self._hashing.verify(stored, password)
        except BaseException:
            self._guesses.give_back(subject)
            raise
        if right:
            self._guesses.give_back(subject)
        return right

    async def by_device(
        self, mac: str, hotspot: HotspotEntry, snapshot: Snapshot, now: datetime
    ) -> Authenticated | Refused:
        """Return the citizen who had this device remembered, and the grant (MAC authentication)."""
        async with self._database.read("device") as session:
            device = await devices.by_mac(session, mac, now)
            if isinstance(device, Denied):
                return Refused(device, None, Method.DEVICE)
            citizen = await citizens.by_id(session, snapshot, device.citizen_id)
            if citizen is None:
                return Refused(Denied(DenyReason.UNKNOWN_DEVICE), None, Method.DEVICE)
            decision = await authorization.authorize(
                session, snapshot, citizen=citizen, hotspot=hotspot, device_mac=mac, now=now
            )
        return _outcome(citizen, Method.DEVICE, decision, device.id)


def _outcome(
    citizen: CitizenRecord,
    method: Method,
    decision: Grant | Denied,
    device_id: int | None = None,
) -> Authenticated | Refused:
    if isinstance(decision, Denied):
        return Refused(decision, citizen, method)
    return Authenticated(citizen, method, decision, device_id)
