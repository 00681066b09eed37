"""The portal forgets what it needs no more."""

from sqlalchemy import func, select

from portal import retention
from portal.model import EmailCode, LoginAttempt, ThrottleWindow
from tests.portal.visitor import Portal


async def test_visits_codes_and_counts_are_deleted_when_their_time_is_over(portal: Portal) -> None:
    village, browser = portal.village, portal.browser()
    visit = await browser.arrive()
    await browser.post(f"{visit}/email", email="anna@mail.example")
    async with village.database.write("test") as session:
        assert await retention.purge(session, village.clock()) == 0
    village.clock.advance(minutes=30)
    async with village.database.write("test") as session:
        assert await retention.purge(session, village.clock()) == 1
    # The code is gone, and the visit that asked for it begins again.
    assert f"{visit}/email" in (await browser.get(visit)).text
    village.clock.advance(hours=3)
    async with village.database.write("test") as session:
        await retention.purge(session, village.clock())
        for table in (LoginAttempt, EmailCode, ThrottleWindow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
