"""What is on record of a NAS can be changed within bounds, and goes unless sessions name it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from aaa import access_points, tickets
from aaa.errors import Invalid
from aaa.model import MessageAuthenticatorRule, Nas, Session, Ticket
from aaa.secret import Secret
from portal.model import LoginAttempt
from tests.village import NAS_SECRET, NOON, Village


async def change(village: Village, **changes: Any) -> None:
    """Change the NAS of the square, and let the snapshot see it."""
    async with village.database.write("test") as session:
        nas = await access_points.by_name(session, "square")
        await access_points.change(session, village.keyring, nas, **changes)
    await village.directory.refresh()


async def test_what_is_named_is_changed_and_the_rest_stays(village: Village) -> None:
    before = village.square
    uam_secret = Secret("a uamsecret")
    await change(village, hotspot="library", uam_secret=uam_secret, coa_port=1700, uses_pap=True)
    after = village.square
    assert (after.hotspot.slug, after.uam_secret, after.coa_port, after.uses_pap) == (
        *("library", uam_secret),
        *(1700, True),
    )
    assert (after.network, after.secret) == (before.network, NAS_SECRET)
    await change(village, uam_secret=None, coa_port=None, identifier="02-00-5E-00-53-FF:Village")
    assert (village.square.uam_secret, village.square.coa_port) == (None, None)
    assert village.square.identifier == "02:00:5e:00:53:ff"
    assert village.square.hotspot.slug == "library"
    await change(village, network=None)
    assert village.square.network is None


async def test_learning_begins_anew(village: Village) -> None:
    square = village.square.id
    async with village.database.write("test") as session:
        await access_points.note_seen(
            session, {square: access_points.LEARNED_AFTER}, {square: NOON}
        )
    await village.directory.refresh()
    assert village.square.message_authenticator is MessageAuthenticatorRule.REQUIRED
    await change(village, message_authenticator=MessageAuthenticatorRule.LEARN)
    assert village.square.message_authenticator is MessageAuthenticatorRule.LEARN
    async with village.database.write("test") as session:
        await access_points.note_seen(session, {square: 1}, {square: NOON})
        assert await session.scalar(select(Nas.signed_requests).where(Nas.id == square)) == 1
    await village.directory.refresh()
    assert village.square.message_authenticator is MessageAuthenticatorRule.LEARN


async def on_record(village: Village) -> list[tuple[datetime | None, int]]:
    """Return when each NAS was seen last, and how often it signed, the square first."""
    query = select(Nas.last_seen_at, Nas.signed_requests).order_by(Nas.name.desc())
    async with village.database.read("test") as session:
        return [(row.last_seen_at, row.signed_requests) for row in await session.execute(query)]


async def test_what_was_seen_of_all_nas_is_written_at_once(village: Village) -> None:
    square, library = village.square.id, village.library.id
    written: list[int] = []

    @event.listens_for(village.database.engine.sync_engine, "before_cursor_execute")
    def note(_c: object, _u: object, statement: str, rows: Any, _x: object, many: bool) -> None:
        if "last_seen_at" in statement:
            written.append(len(rows) if many else 1)

    async with village.database.write("test") as session:
        later = NOON + timedelta(seconds=1)
        await access_points.note_seen(session, {square: 3}, {library: later, square: NOON})
    assert written == [2]
    assert await on_record(village) == [(NOON, 3), (later, 0)]


async def test_when_a_nas_was_seen_is_written_each_minute(village: Village) -> None:
    square = village.square.id

    async def see(seconds: int, signed: int = 0, restarted: bool = False) -> tuple[Any, int]:
        async with village.database.write("test") as session:
            await access_points.note_seen(
                session,
                {square: signed},
                {square: NOON + timedelta(seconds=seconds)},
                [square] if restarted else [],
            )
        seen_at, count = (await on_record(village))[0]
        return seen_at and int((seen_at - NOON).total_seconds()), count

    assert await see(0) == (0, 0)
    assert await see(59) == (0, 0)
    assert await see(61) == (61, 0)
    # What counts is never late.
    assert await see(62, signed=2) == (62, 2)
    assert await see(63, signed=2) == (63, 4)
    assert await see(64, signed=1, restarted=True) == (64, 1)
    assert await see(65, signed=1, restarted=True) == (64, 1)
    assert await see(66, restarted=True) == (66, 0)
    # Nor counted any further than it matters.
    assert await see(67, signed=1000) == (67, access_points.LEARNED_AFTER)
    assert await see(68, signed=1) == (67, access_points.LEARNED_AFTER)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"network": None}, "--identifier"),
        ({"network": "127.0.0.2"}, "NAS “library” has this address"),
        ({"network": "everywhere"}, "192.0.2.7"),
        ({"hotspot": "nowhere"}, "library, square"),
    ],
)
async def test_a_change_that_cannot_be_is_refused_whole(
    village: Village, changes: dict[str, Any], remedy: str
) -> None:
    before = village.square
    with pytest.raises(Invalid, match=remedy):
        await change(village, coa_port=1700, **changes)
    await village.directory.refresh()
    assert village.square == before


async def test_no_two_nas_have_one_identifier(village: Village) -> None:
    async with village.database.write("test") as session:
        nas = await access_points.by_name(session, "library")
        await access_points.change(session, village.keyring, nas, identifier="Reading-Room")
    with pytest.raises(Invalid, match="another NAS has the identifier “reading-room”"):
        await change(village, identifier="reading-room")


async def test_a_nas_goes_with_its_tickets_and_log_ins(village: Village) -> None:
    async with village.database.write("test") as session:
        nas = await access_points.by_name(session, "square")
        _, ticket_id = await tickets.issue(
            session,
            village.keyring,
            bearer=tickets.OfCitizen(village.anna),
            nas_id=nas.id,
            device_mac=None,
            now=NOON,
        )
        session.add(
            LoginAttempt(
                reference="visit",
                nas_id=nas.id,
                hotspot_id=nas.hotspot_id,
                ticket_id=ticket_id,
                created_at=NOON,
                expires_at=NOON,
            )
        )
    async with village.database.write("test") as session:
        await access_points.remove(session, await access_points.by_name(session, "square"))
    assert set((await village.directory.refresh()).nas_by_name) == {"library"}
    async with village.database.read("test") as session:
        for kind in (Ticket, LoginAttempt):
            assert (await session.scalars(select(kind))).all() == []


async def test_a_nas_stays_while_sessions_name_it(village: Village) -> None:
    async with village.database.write("test") as session:
        nas = await access_points.by_name(session, "square")
        session.add(
            Session(
                nas_id=nas.id,
                hotspot_id=nas.hotspot_id,
                acct_session_id="s-1",
                started_at=NOON,
                updated_at=NOON,
                stopped_at=NOON,
            )
        )
    with pytest.raises(Invalid, match="NAS “square” has sessions on record"):
        async with village.database.write("test") as session:
            await access_points.remove(session, await access_points.by_name(session, "square"))
