"""Citizens: find them by what they type, create them, keep what they agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, Row, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from aaa import devices, identifier
from aaa.errors import Invalid
from aaa.model import Citizen, CitizenState, Session
from aaa.snapshot import CollectivityEntry, Snapshot

_CITIZEN: Final = Citizen.__table__.c
COLUMNS: Final = (
    _CITIZEN.id,
    _CITIZEN.name,
    _CITIZEN.collectivity_id,
    _CITIZEN.email,
    _CITIZEN.password_hash,
    _CITIZEN.state,
    _CITIZEN.terms_accepted,
)
"""What a query that finds a citizen by something else selects for :func:`record`."""
_RECORD: Final = select(*COLUMNS)
_BY_ID: Final = _RECORD.where(_CITIZEN.id == bindparam("citizen_id"))
_BY_EMAIL: Final = _RECORD.where(_CITIZEN.email == bindparam("email"))
_BY_NAME: Final = _RECORD.where(
    _CITIZEN.collectivity_id == bindparam("collectivity_id"), _CITIZEN.name == bindparam("name")
)


@dataclass(frozen=True, slots=True)
class CitizenRecord:
    """What the decision and the pages need of a citizen."""

    id: int
    name: str
    collectivity: CollectivityEntry
    email: str | None
    password_hash: str | None = field(repr=False)
    state: CitizenState
    terms_accepted: str | None

    @property
    def nai(self) -> str:
        """The identifier whole: ``name@realm``."""
        return f"{self.name}@{self.collectivity.realm}"

    @property
    def has_current_terms(self) -> bool:
        """Whether they accepted what their home asks of its citizens now."""
        return self.terms_accepted == terms_of(self.collectivity)


def check_email(text: str) -> str:
    """Return an address folded to the form we store; raise Invalid where it cannot be one."""
    address = text.strip().casefold()
    local, separator, domain = address.rpartition("@")
    well_formed = separator and local and len(address) <= 254 and not any(map(str.isspace, address))
    try:
        domain = identifier.check_realm(domain) if well_formed else ""
    except Invalid:
        domain = ""
    if not domain or any(ord(sign) < 33 or sign in '<>(),;:"\\[]@' for sign in local):
        raise Invalid(f"“{text.strip()}” is not an e-mail address: write it like anna@example.org")
    return f"{local}@{domain}"


async def by_id(session: AsyncSession, snapshot: Snapshot, citizen_id: int) -> CitizenRecord | None:
    """Return a citizen by number."""
    return await _one(session, snapshot, _BY_ID, {"citizen_id": citizen_id})


async def by_email(session: AsyncSession, snapshot: Snapshot, email: str) -> CitizenRecord | None:
    """Return the citizen with this address (folded)."""
    return await _one(session, snapshot, _BY_EMAIL, {"email": email})


async def by_nai(
    session: AsyncSession, snapshot: Snapshot, nai: identifier.Nai, at: CollectivityEntry
) -> CitizenRecord | None:
    """Return the citizen of an identifier; a bare name is looked for at home, from ``at`` up.

    "Up" are the collectivities that ``at`` belongs to: a village's own first. Where both have the
    name, it is the nearest for a password and a challenge; a Wi-Fi secret that was sent is found
    among all, since it tells by itself whose it is.
    """
    for home_id in homes(snapshot, nai, at):
        belongs = {"collectivity_id": home_id, "name": nai.name}
        if found := await _one(session, snapshot, _BY_NAME, belongs):
            return found
    return None


def homes(snapshot: Snapshot, nai: identifier.Nai, at: CollectivityEntry) -> list[int]:
    """Return the ids of the collectivities that may have the citizen of an identifier, as it is
    written at ``at``, in the order of :func:`by_nai`."""
    if nai.realm is None:
        return list(reversed(at.lineage))
    home = snapshot.by_realm.get(nai.realm)
    return [home.id] if home else []


async def _one(
    session: AsyncSession,
    snapshot: Snapshot,
    statement: Executable,
    parameters: Mapping[str, object],
) -> CitizenRecord | None:
    rows = await session.execute(statement, parameters)
    row = rows.one_or_none()
    return None if row is None else record(row, snapshot)


def record(row: Row[Any], snapshot: Snapshot) -> CitizenRecord:
    """Return the citizen in a row that has :data:`COLUMNS`."""
    return CitizenRecord(
        id=row.id,
        name=row.name,
        collectivity=snapshot.collectivities[row.collectivity_id],
        email=row.email,
        password_hash=row.password_hash,
        state=row.state,
        terms_accepted=row.terms_accepted,
    )


async def add(
    session: AsyncSession,
    *,
    name: str,
    collectivity: CollectivityEntry,
    email: str | None,
    password_hash: str | None,
    language: str | None,
    now: datetime,
) -> int:
    """Create a citizen; return the id. Raises Invalid where name or address is taken, and where the
    collectivity is a partner's, which has its citizens itself."""
    if collectivity.is_partner:
        raise Invalid(f"“{collectivity.slug}” is a partner: its citizens sign up with it, not here")
    citizen = Citizen(
        name=identifier.check_name(name),
        collectivity_id=collectivity.id,
        email=check_email(email) if email else None,
        password_hash=password_hash,
        language=language,
        created_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(citizen)
    except IntegrityError:
        if await is_taken(session, name, collectivity):
            raise Invalid(
                f"“{citizen.name}@{collectivity.realm}” is taken: choose another name"
            ) from None
        raise Invalid("this e-mail address has an account already: log in with it") from None
    return citizen.id


async def is_taken(session: AsyncSession, name: str, collectivity: CollectivityEntry) -> bool:
    """Return whether a collectivity has a citizen of this name."""
    count = await session.scalar(
        select(func.count())
        .select_from(Citizen)
        .where(Citizen.collectivity_id == collectivity.id, Citizen.name == name.strip().casefold())
    )
    return bool(count)


async def set_email(session: AsyncSession, citizen_id: int, email: str | None) -> None:
    """Replace a citizen's address; None takes it away. Raises Invalid where it is no address, or
    another's."""
    checked = check_email(email) if email else None
    try:
        async with session.begin_nested():
            await session.execute(
                update(Citizen).where(Citizen.id == citizen_id).values(email=checked)
            )
    except IntegrityError:
        raise Invalid(f"“{checked}” has another account: name another address") from None


async def set_password(session: AsyncSession, citizen_id: int, password_hash: str | None) -> None:
    """Replace a citizen's password; None takes it away."""
    await session.execute(
        update(Citizen).where(Citizen.id == citizen_id).values(password_hash=password_hash)
    )


async def set_state(session: AsyncSession, citizen_id: int, state: CitizenState) -> None:
    """Ban, close or open an account; ending its sessions is the caller's (``aaa.outbox``)."""
    await _take_turn(session, citizen_id)
    await session.execute(update(Citizen).where(Citizen.id == citizen_id).values(state=state))


async def close(session: AsyncSession, citizen_id: int, now: datetime) -> None:
    """Close an account: its address, password, language and devices are deleted, its certificates
    revoked. Its name stays taken while sessions tell of it; ending those that are open is the
    caller's."""
    await _take_turn(session, citizen_id)
    await devices.erase(session, citizen_id, now)
    await session.execute(
        update(Citizen)
        .where(Citizen.id == citizen_id)
        .values(state=CitizenState.CLOSED, email=None, password_hash=None, language=None)
    )


async def _take_turn(session: AsyncSession, citizen_id: int) -> None:
    """Wait until accounting has written the sessions that it begins, and let it wait from now on:
    the caller finds a session among those that are open, or the ledger ends it.

    In the order in which accounting locks: sessions, then whose they are. Those with a device too,
    which the end of an account takes from them.
    """
    is_touched = Session.stopped_at.is_(None) | Session.device_id.is_not(None)
    await session.execute(
        select(Session.id)
        .where(Session.citizen_id == citizen_id, is_touched)
        .with_for_update(read=True, key_share=True)
    )
    await session.execute(select(Citizen.id).where(Citizen.id == citizen_id).with_for_update())


def terms_of(collectivity: CollectivityEntry) -> str:
    """Return the name of the terms that a home collectivity asks of its citizens now."""
    return f"{collectivity.slug}:{collectivity.terms_version}"


async def accept_terms(
    session: AsyncSession, citizen_id: int, collectivity: CollectivityEntry, now: datetime
) -> None:
    """Keep that a citizen accepted a collectivity's current terms."""
    await session.execute(
        update(Citizen)
        .where(Citizen.id == citizen_id)
        .values(terms_accepted=terms_of(collectivity), terms_accepted_at=now)
    )
