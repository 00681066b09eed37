"""Takes accounting home: what waits for a partner is sent until its home has answered.

Rows are written with the visited record, in its transaction, and deleted when the home has
acknowledged them: neither a restart nor an outage loses any. A crash between the two sends one
again, which the home's own key (session, counters that only grow) makes harmless.

The packets of one session go in order. One that its home never acknowledges holds up those behind
it, and no other session: those that failed least come first. There is an end to it, which
`federation.accounting_retention` sees to.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from aaa.database import Database
from aaa.errors import Unavailable
from federation.directory import PartnerDirectory, PartnerEntry
from federation.forwarder import Forwarder
from federation.model import ForwardedAccounting, Partner
from federation.proxying import delayed
from monitoring import federation_metrics
from monitoring.logging import RepeatedWarnings
from radius.drops import NOBODY
from radius.request import Clock
from radius.transports.tasks import contained
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, encode_attributes, encode_header, parse

# Pauses of a session after 1, 2, ... vain attempts in a row; and of a home that answers nothing at
# all, which is asked oftener: sessions that have not been tried wait for it too.
_RETRY_AFTER: Final = tuple(timedelta(seconds=s) for s in (5, 15, 60, 300, 900))
_HOME_AFTER: Final = _RETRY_AFTER[:3]
# Sessions in a batch, and the most packets of each.
_BATCH: Final = 64
_IN_A_ROW: Final = 16
_AT_ONCE: Final = 8
# A home that answers none of these is away: the others wait with them.
_VAIN: Final = 3
# Longer than any batch takes: whoever claimed rows and died keeps them no longer.
_CLAIMED_FOR: Final = timedelta(minutes=3)
_SESSION: Final = ("Acct-Session-Id", "Calling-Station-Id", "NAS-Identifier")


def packed(attributes: Attributes) -> bytes:
    """Return attributes as a row keeps them."""
    return encode_attributes(attributes)


def session_digest(attributes: Attributes) -> str:
    """Return what tells the packets of one session from those of all others: its id, the device,
    and the NAS, since two may choose the same id."""
    named = (attributes.octets(name) or b"" for name in _SESSION)
    return sha256(b"".join(bytes((len(octets),)) + octets for octets in named)).hexdigest()[:32]


def unpacked(octets: bytes) -> Attributes:
    """Return the attributes that a row keeps. Raises MalformedPacket."""
    header = encode_header(Code.ACCOUNTING_REQUEST, 0, len(octets), bytes(16))
    return parse(header + octets).attributes


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A row that is ours to send."""

    id: int
    attributes: Attributes
    received_at: datetime
    attempts: int


@dataclass(slots=True)
class _Batch:
    """What became of the rows of one batch, by session: those of one go one after the other."""

    sessions: Sequence[Sequence[_Waiting]]
    answered: list[_Waiting] = field(default_factory=list)
    unanswered: list[_Waiting] = field(default_factory=list)

    @property
    def is_vain(self) -> bool:
        """Whether the home seems to be away."""
        return not self.answered and len(self.unanswered) >= _VAIN


@dataclass(slots=True)
class _Pause:
    """For how many batches a home has answered nothing; from when until when it is left alone."""

    vain: int
    since: datetime
    until: datetime


class AccountingForwarder:
    """Sends what waits, the packets of one session in order."""

    def __init__(
        self,
        *,
        database: Database,
        partners: PartnerDirectory,
        forwarder: Forwarder,
        warnings: RepeatedWarnings,
        clock: Clock,
    ) -> None:
        self._database = database
        self._partners = partners
        self._forwarder = forwarder
        self._warnings = warnings
        self._clock = clock
        self._under_way: set[int] = set()
        self._paused: dict[int, _Pause] = {}
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Have a look at once: something was just written."""
        self._wake.set()

    async def run(self, every_seconds: float = 1.0) -> None:
        """Send what waits, for ever: each partner's in a task of its own."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                for partner in await self._due():
                    self._under_way.add(partner.id)
                    tasks.create_task(contained(self._send_batch(partner)))
                with suppress(TimeoutError):
                    async with asyncio.timeout(every_seconds):
                        await self._wake.wait()

    async def _due(self) -> list[PartnerEntry]:
        """Return the partners that something waits for and can be sent to; show how much waits."""
        row = ForwardedAccounting
        query = select(row.partner_id, func.count(), func.min(row.created_at))
        try:
            async with self._database.read("forwarded_accounting") as session:
                found = (await session.execute(query.group_by(row.partner_id))).all()
        except Unavailable:
            # The database's own counter and log tell of it; rows wait in it meanwhile.
            return []
        except Exception:
            self._warn_of_bug("forwarded accounting could not be read")
            return []
        now = self._clock()
        waiting = {partner_id: (count, oldest) for partner_id, count, oldest in found}
        self._show(waiting, now)
        return [
            partner
            for partner in self._partners.current.by_id.values()
            if partner.id in waiting and self._is_due(partner, now)
        ]

    def _is_due(self, partner: PartnerEntry, now: datetime) -> bool:
        if partner.id in self._under_way or not partner.is_active or not partner.is_home:
            return False
        pause = self._paused.get(partner.id)
        if pause is None or pause.until <= now:
            return True
        revived_at = self._forwarder.revived_at(partner.id)
        return revived_at is not None and revived_at > pause.since

    def _show(self, waiting: dict[int, tuple[int, datetime]], now: datetime) -> None:
        for partner in self._partners.current.by_id.values():
            count, oldest = waiting.get(partner.id, (0, now))
            federation_metrics.accounting_waiting.labels(partner.name).set(count)
            age = (now - oldest).total_seconds()
            federation_metrics.accounting_oldest_seconds.labels(partner.name).set(age)

    async def _send_batch(self, partner: PartnerEntry) -> None:
        batch = _Batch(())
        try:
            batch = _Batch(await self._claim(partner))
            if batch.sessions:
                turns = asyncio.Semaphore(_AT_ONCE)
                async with asyncio.TaskGroup() as tasks:
                    for rows in batch.sessions:
                        tasks.create_task(self._send_session(partner, rows, batch, turns))
                await self._settle(partner, batch)
        except Unavailable:
            # What was claimed is due again when the claim has run out.
            return
        except asyncio.CancelledError:
            await self._give_back(batch)
            raise
        except Exception:
            self._warn_of_bug("accounting could not be forwarded")
            self._pause(partner)
        finally:
            self._under_way.discard(partner.id)

    async def _claim(self, partner: PartnerEntry) -> list[list[_Waiting]]:
        """Return rows that are due, by session, now ours to send: of sessions that failed least,
        and of these the oldest. One of which any row waits, or is another process', waits."""
        row, now = ForwardedAccounting, self._clock()
        theirs = row.partner_id == partner.id
        due = (
            select(row.session_digest)
            .where(theirs)
            .group_by(row.session_digest)
            .having(func.max(row.next_attempt_at) <= now)
            .order_by(func.max(row.attempts), func.min(row.id))
            .limit(_BATCH)
        )
        place = func.row_number().over(partition_by=row.session_digest, order_by=row.id)
        async with self._database.write("forwarded_accounting") as session:
            # Others that claim for this partner take turns, and then see what was claimed.
            turn = select(Partner.id).where(Partner.id == partner.id)
            await session.execute(turn.with_for_update(key_share=True))
            digests = (await session.scalars(due)).all()
            placed = select(row.id, place.label("place"))
            placed = placed.where(theirs, row.session_digest.in_(digests))
            numbered = placed.subquery()
            first = select(numbered.c.id).where(numbered.c.place <= _IN_A_ROW)
            rows = await session.scalars(select(row).where(row.id.in_(first)).order_by(row.id))
            sessions: dict[str, list[_Waiting]] = {digest: [] for digest in digests}
            for stored in rows.all():
                attributes = unpacked(stored.attributes)
                sessions[stored.session_digest].append(
                    _Waiting(stored.id, attributes, stored.created_at, stored.attempts)
                )
                stored.next_attempt_at = now + _CLAIMED_FOR
        return list(sessions.values())

    async def _send_session(
        self,
        partner: PartnerEntry,
        rows: Sequence[_Waiting],
        batch: _Batch,
        turns: asyncio.Semaphore,
    ) -> None:
        """Send the rows of one session in order, until one of them is not answered."""
        for row in rows:
            async with turns:
                if batch.is_vain and _is_one_home(partner):
                    return
                waited = int((self._clock() - row.received_at).total_seconds())
                attributes = delayed(row.attributes, waited)
                is_answered = await self._forwarder.account(partner, attributes)
            (batch.answered if is_answered else batch.unanswered).append(row)
            if not is_answered:
                return

    async def _give_back(self, batch: _Batch) -> None:
        """Have what is under way when we end due at once: for who comes next, or runs beside us."""
        with suppress(Unavailable):
            async with self._database.write("forwarded_accounting") as session:
                await _keep(session, batch, self._clock())

    async def _settle(self, partner: PartnerEntry, batch: _Batch) -> None:
        """Delete what was answered; have the rest wait: the home, if it answered nothing, and each
        session whose turn was vain."""
        row, now = ForwardedAccounting, self._clock()
        answered = bool(batch.answered)
        is_back = answered and self._paused.pop(partner.id, None) is not None
        if not answered and _is_one_home(partner):
            self._pause(partner)
        async with self._database.write("forwarded_accounting") as session:
            if is_back:
                # What failed meanwhile failed with the home.
                failed = update(row).where(row.partner_id == partner.id, row.attempts > 0)
                await session.execute(failed.values(next_attempt_at=now))
            await _keep(session, batch, now)
            for each in batch.unanswered:
                due_at = now + _pause_after(_RETRY_AFTER, each.attempts)
                await session.execute(
                    update(row)
                    .where(row.id == each.id)
                    .values(attempts=row.attempts + 1, next_attempt_at=due_at)
                )
        # There may be more than one batch.
        self._wake.set()

    def _pause(self, partner: PartnerEntry) -> None:
        now = self._clock()
        former = self._paused.get(partner.id)
        vain = former.vain if former else 0
        until = now + _pause_after(_HOME_AFTER, vain)
        self._paused[partner.id] = _Pause(vain + 1, now, until)
        self._warnings.warn(
            "a partner takes no accounting",
            partner.name,
            now,
            remedy="see that its home servers answer on their accounting port; what waits is kept "
            "and sent then",
        )

    def _warn_of_bug(self, event: str) -> None:
        self._warnings.warn(
            event,
            NOBODY,
            self._clock(),
            exc_info=True,
            remedy="this is a bug of ours: report it with the traceback",
        )


async def _keep(session: AsyncSession, batch: _Batch, now: datetime) -> None:
    """Delete what was answered of a batch; the rest is due now."""
    row = ForwardedAccounting
    claimed = {each.id for rows in batch.sessions for each in rows}
    answered = {each.id for each in batch.answered}
    await session.execute(delete(row).where(row.id.in_(sorted(answered))))
    left = update(row).where(row.id.in_(sorted(claimed - answered)))
    await session.execute(left.values(next_attempt_at=now))


def _is_one_home(partner: PartnerEntry) -> bool:
    """Whether all of a partner's realms are asked about at the same servers: if some say nothing
    nobody will."""
    return partner.discovery is None


def _pause_after(pauses: Sequence[timedelta], attempts: int) -> timedelta:
    """Return how long to wait after a vain attempt, the one after so many others."""
    return pauses[min(attempts, len(pauses) - 1)]
