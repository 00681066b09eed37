"""A citizen sees which places they let know them, and takes it back."""

from datetime import timedelta

from sqlalchemy import func, select

from aaa import citizens
from portal import retention
from portal.model import Consent, SignIn, SpentAssertion
from portal.onboarding import enrolments
from tests.portal.openid.relying import RelyingParty, log_in, sign_in_of
from tests.portal.visitor import Portal


async def _link(portal: Portal) -> str:
    village = portal.village
    async with village.database.write("test") as session:
        reference = await enrolments.begin(
            session, citizen_id=village.anna, language="en", now=village.clock()
        )
    return enrolments.way_to(village.keyring, reference)


async def test_a_consent_is_listed_and_taken_back(liguria: RelyingParty) -> None:
    portal = liguria.portal
    browser = portal.browser()
    link = await _link(portal)
    none = await browser.get(f"{link}/places")
    assert "None." in none.text
    code = await liguria.log_in(browser)
    shown = await browser.get(f"{link}/places")
    assert "Regione Liguria" in shown.text
    taken = await browser.post(f"{link}/places/liguria/take-back")
    assert "Regione Liguria" not in taken.text
    assert (await liguria.redeem(code)).json()["error"] == "invalid_grant"
    page = await browser.get(liguria.url())
    page = await browser.post(
        f"{sign_in_of(page)}/login", identifier="anna@village.example", password="lavender in july"
    )
    assert f"{sign_in_of(page)}/consent" in page.text


async def test_of_a_place_that_is_none_nothing_is_taken_back(small_liguria: RelyingParty) -> None:
    browser = small_liguria.portal.browser()
    await small_liguria.log_in(browser)
    link = await _link(small_liguria.portal)
    page = await browser.post(f"{link}/places/piemonte/take-back")
    assert "Regione Liguria" in page.text


async def _left(portal: Portal) -> list[int]:
    tables = (SignIn, Consent, SpentAssertion)
    async with portal.village.database.write("test") as session:
        await retention.purge(session, portal.village.clock())
        return [
            await session.scalar(select(func.count()).select_from(table)) or 0 for table in tables
        ]


async def test_log_ins_are_forgotten_after_their_time_and_consents_kept(
    liguria: RelyingParty,
) -> None:
    portal = liguria.portal
    await liguria.id_token(await liguria.log_in(portal.browser()))
    assert await _left(portal) == [1, 1, 1]
    portal.village.clock.advance(minutes=3)
    assert await _left(portal) == [1, 1, 0]
    portal.village.clock.advance(hours=1)
    assert await _left(portal) == [0, 1, 0]


async def test_with_the_account_goes_all_of_it(liguria: RelyingParty) -> None:
    portal = liguria.portal
    village = portal.village
    page = await log_in(portal.browser(), await portal.browser().get(liguria.url()))
    async with village.database.write("test") as session:
        await citizens.close(session, village.anna, village.clock() + timedelta(seconds=1))
    assert await _left(portal) == [0, 0, 0]
    assert (await portal.browser().get(sign_in_of(page))).status_code == 410


async def test_with_the_partner_goes_all_of_it(liguria: RelyingParty) -> None:
    portal = liguria.portal
    await liguria.log_in(portal.browser())
    await liguria.end()
    assert await _left(portal) == [0, 0, 0]
