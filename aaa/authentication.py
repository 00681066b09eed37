"""Prove who asks: a ticket, a device's own credential, a remembered device, or the account
password itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from aaa import authorization, citizens, credentials, devices, identifier, tickets
from aaa.account_passwords import AccountPasswords, Named
from aaa.citizens import CitizenRecord
from aaa.credentials import Holder
from aaa.database import Database
from aaa.errors import Invalid
from aaa.identifier import Nai
from aaa.passwords import PasswordHashing
from aaa.policy import GRANTED, Denied, DenyReason, Grant
from aaa.secret import Keyring, Secret
from aaa.snapshot import HotspotEntry, NasEntry, Snapshot
from aaa.wifi_secrets import WifiSecrets


class Method(StrEnum):
    """How someone proved who they are; a metric label."""

    TICKET = "ticket"
    DEVICE = "device"
    PASSWORD = "password"
    EMAIL_CODE = "email_code"
    WIFI_SECRET = "wifi_secret"
    CERTIFICATE = "certificate"
    OPENID = "openid"
    """At a partner's place, by a web log-in here at home."""
    HOME_PAGE = "home_page"
    """On the pages of the home, a partner, which has vouched."""
    HOME_PASSWORD = "home_password"
    """By a password that the home, a partner, was asked about."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What an Access-Request claims, and how to check it.

    ``matches`` compares octets that we hold (a ticket, a Wi-Fi secret) with the proof in the
    request, PAP or CHAP; ``password`` is what was sent, where the request carries it (PAP).
    """

    user_name: str
    nas: NasEntry
    hotspot: HotspotEntry
    device_mac: str | None
    # The octets compared with would show in it.
    matches: Callable[[bytes], bool] = field(repr=False)
    password: Secret | None


@dataclass(frozen=True, slots=True)
class Proven:
    """A citizen who proved who they are; what they may do is not decided yet.

    ``device_id`` of the device that was told by its credential; None for an account password.
    ``certificate_id`` of the certificate, where it was that.
    """

    citizen: CitizenRecord
    method: Method
    device_id: int | None
    certificate_id: int | None = None


@dataclass(frozen=True, slots=True)
class WifiCandidate:
    """A Wi-Fi secret that may answer a challenge, and who is proven where it does."""

    proven: Proven
    secret: Secret


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A proven citizen with what they were granted; ``device_id`` where the device is known."""

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
    """Answers claims against the store."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        hashing: PasswordHashing,
        wifi_secrets: WifiSecrets,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._wifi_secrets = wifi_secrets
        self._passwords = AccountPasswords(hashing)

    async def by_credentials(
        self, claim: Claim, snapshot: Snapshot, now: datetime
    ) -> Authenticated | Refused:
        """Return the citizen behind a name with a ticket, a Wi-Fi secret or a password, and the
        grant.

        The account password counts only where the request carries it and the place allows it.
        Raises Unavailable.
        """
        nai = _nai(claim.user_name, snapshot)
        if isinstance(nai, Denied):
            return Refused(nai)
        citizen = matched = None
        async with self._database.read("claim") as session:
            # First, since one query tells; a ticket is too short to cost it.
            found = await self._by_secret_sent(
                session, nai, claim.password, claim.hotspot, snapshot
            )
            if found is None:
                citizen = await citizens.by_nai(session, snapshot, nai, claim.hotspot.collectivity)
            if citizen is not None:
                matched = await self._ticket(session, claim, citizen, now)
            if citizen is not None and matched is None and claim.password is None:
                found = await self._by_secret_matched(session, citizen, claim)
            if isinstance(found, Proven):
                return await _authorized(
                    session, found, claim.hotspot, claim.device_mac, snapshot, now
                )
        if isinstance(found, Refused):
            return found
        if isinstance(matched, Denied):
            return Refused(matched, citizen, Method.TICKET)
        if citizen is not None and matched is not None:
            return await self._by_ticket(claim, citizen, matched, snapshot, now)
        return await self._by_claimed_password(claim, Named(nai, citizen), snapshot, now)

    async def _ticket(
        self, session: AsyncSession, claim: Claim, citizen: CitizenRecord, now: datetime
    ) -> int | Denied | None:
        return await tickets.match(
            session,
            self._keyring,
            bearer=tickets.OfCitizen(citizen.id),
            nas_id=claim.nas.id,
            device_mac=claim.device_mac,
            matches=claim.matches,
            now=now,
        )

    async def _by_ticket(
        self,
        claim: Claim,
        citizen: CitizenRecord,
        ticket_id: int,
        snapshot: Snapshot,
        now: datetime,
    ) -> Authenticated | Refused:
        async with self._database.write("ticket") as session:
            proven = Proven(citizen, Method.TICKET, None)
            outcome = await _authorized(
                session, proven, claim.hotspot, claim.device_mac, snapshot, now
            )
            word = outcome.denied.reason if isinstance(outcome, Refused) else GRANTED
            if not await tickets.serve(session, ticket_id, word, now):
                return Refused(Denied(DenyReason.TICKET_USED), citizen, Method.TICKET)
        return outcome

    async def _by_claimed_password(
        self, claim: Claim, named: Named, snapshot: Snapshot, now: datetime
    ) -> Authenticated | Refused:
        if claim.password is None:
            return Refused(Denied(named.why_wrong), named.citizen, Method.TICKET)
        found = await self._by_password(
            named, claim.password, claim.hotspot, claim.nas, snapshot, now
        )
        if isinstance(found, Refused):
            return found
        return await self.authorize(found, claim.hotspot, claim.device_mac, snapshot, now)

    async def by_typed(
        self,
        identity: str,
        password: Secret,
        hotspot: HotspotEntry,
        nas: NasEntry,
        snapshot: Snapshot,
        now: datetime,
    ) -> Proven | Refused:
        """Return the citizen behind an identity and what was typed with it: a Wi-Fi secret, or
        the account password where the place allows it. Raises Unavailable."""
        found = await self._by_secret_or_name(identity, password, hotspot, snapshot)
        if not isinstance(found, Named):
            return found
        return await self._by_password(found, password, hotspot, nas, snapshot, now)

    async def by_wifi_secret(
        self,
        identity: str,
        secret: Secret,
        hotspot: HotspotEntry,
        nas: NasEntry,
        snapshot: Snapshot,
        now: datetime,
    ) -> Proven | Refused:
        """Return the citizen behind an identity and a Wi-Fi secret. Raises Unavailable.

        Asked as :meth:`by_typed` is, where the account password does not count.
        """
        found = await self._by_secret_or_name(identity, secret, hotspot, snapshot)
        if not isinstance(found, Named):
            return found
        return Refused(Denied(found.why_wrong), found.citizen, Method.WIFI_SECRET)

    async def wifi_secrets(
        self, identity: str, hotspot: HotspotEntry, snapshot: Snapshot
    ) -> tuple[WifiCandidate, ...]:
        """Return the secrets that may answer a challenge given to an identity; none for one that
        nobody has. Raises Unavailable."""
        nai = _nai(identity, snapshot)
        if isinstance(nai, Denied):
            return ()
        async with self._database.read("claim") as session:
            citizen = await citizens.by_nai(session, snapshot, nai, hotspot.collectivity)
            if citizen is None:
                return ()
            return await self._candidates(session, citizen)

    async def by_certificate(
        self, der: bytes, outer_identity: str, snapshot: Snapshot, now: datetime
    ) -> Proven | Refused:
        """Return the citizen whose device holds a client certificate (DER) that was verified.

        The realm of the outer identity, where it has one, has to be the citizen's: it led the
        request here. Raises Unavailable.
        """
        async with self._database.read("claim") as session:
            holder = await credentials.by_certificate(session, snapshot, der, now)
        if holder is None:
            return Refused(Denied(DenyReason.UNKNOWN_CERTIFICATE), None, Method.CERTIFICATE)
        if not identifier.is_at(outer_identity, holder.citizen.collectivity.realm):
            denied = Denied(DenyReason.REALM_MISMATCH)
            return Refused(denied, holder.citizen, Method.CERTIFICATE)
        return _proven(holder, Method.CERTIFICATE)

    async def authorize(
        self,
        proven: Proven,
        hotspot: HotspotEntry,
        device_mac: str | None,
        snapshot: Snapshot,
        now: datetime,
    ) -> Authenticated | Refused:
        """Return what a proven citizen is granted, or why nothing: also where account, device or
        certificate ended since they were proven. Raises Unavailable."""
        async with self._database.read("authorize") as session:
            return await _authorized(session, proven, hotspot, device_mac, snapshot, now)

    async def _by_secret_or_name(
        self, identity: str, sent: Secret, hotspot: HotspotEntry, snapshot: Snapshot
    ) -> Proven | Refused | Named:
        """Return whose Wi-Fi secret was sent, or, where it is none, whom the identity names."""
        nai = _nai(identity, snapshot)
        if isinstance(nai, Denied):
            return Refused(nai)
        async with self._database.read("claim") as session:
            found = await self._by_secret_sent(session, nai, sent, hotspot, snapshot)
            if found is not None:
                return found
            citizen = await citizens.by_nai(session, snapshot, nai, hotspot.collectivity)
        return Named(nai, citizen)

    async def _by_secret_sent(
        self,
        session: AsyncSession,
        nai: Nai,
        sent: Secret | None,
        hotspot: HotspotEntry,
        snapshot: Snapshot,
    ) -> Proven | Refused | None:
        """Return whose Wi-Fi secret was sent, or None where what was sent is none of this name."""
        if sent is None:
            return None
        holder = await credentials.by_wifi_secret(
            session, self._keyring, snapshot, nai=nai, at=hotspot.collectivity, secret=sent
        )
        return _proven(holder, Method.WIFI_SECRET) if holder else None

    async def _by_secret_matched(
        self, session: AsyncSession, citizen: CitizenRecord, claim: Claim
    ) -> Proven | None:
        """Return the citizen by the Wi-Fi secret that answers a challenge, None where none does."""
        for candidate in await self._candidates(session, citizen):
            if claim.matches(candidate.secret.reveal()):
                return candidate.proven
        return None

    async def _candidates(
        self, session: AsyncSession, citizen: CitizenRecord
    ) -> tuple[WifiCandidate, ...]:
        return tuple(
            WifiCandidate(Proven(citizen, Method.WIFI_SECRET, device_id), secret)
            for device_id, secret in await self._wifi_secrets.candidates(session, citizen.id)
        )

    async def _by_password(
        self,
        named: Named,
        password: Secret,
        hotspot: HotspotEntry,
        nas: NasEntry,
        snapshot: Snapshot,
        now: datetime,
    ) -> Proven | Refused:
        found = await self._passwords.owner(named, password, hotspot, nas, snapshot, now)
        if isinstance(found, Denied):
            return Refused(found, named.citizen, Method.PASSWORD)
        return Proven(found, Method.PASSWORD, None)

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
            proven = Proven(citizen, Method.DEVICE, device.id)
            return await _authorized(session, proven, hotspot, mac, snapshot, now)


def _nai(text: str, snapshot: Snapshot) -> Nai | Denied:
    """Return an identifier of a realm of ours, or of none."""
    try:
        nai = identifier.parse(text)
    except Invalid:
        return Denied(DenyReason.BAD_IDENTIFIER)
    if nai.realm is not None and nai.realm not in snapshot.by_realm:
        return Denied(DenyReason.UNKNOWN_REALM)
    return nai


def _proven(holder: Holder, method: Method) -> Proven | Refused:
    if holder.denied is not None:
        return Refused(holder.denied, holder.citizen, method)
    return Proven(holder.citizen, method, holder.device_id, holder.certificate_id)


async def _authorized(
    session: AsyncSession,
    proven: Proven,
    hotspot: HotspotEntry,
    device_mac: str | None,
    snapshot: Snapshot,
    now: datetime,
) -> Authenticated | Refused:
    """Return what a proven citizen is granted, or why nothing."""
    decision = await authorization.authorize(
        session,
        snapshot,
        citizen=proven.citizen,
        hotspot=hotspot,
        device_mac=device_mac,
        now=now,
        device_id=proven.device_id,
        certificate_id=proven.certificate_id,
    )
    if isinstance(decision, Denied):
        return Refused(decision, proven.citizen, proven.method)
    return Authenticated(proven.citizen, proven.method, decision, proven.device_id)
