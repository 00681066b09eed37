"""The list of homes: sorted, searched without script, and there only where there is anybody."""

import pytest

from federation import partners
from federation.directory import Partners
from federation.stand_ins import Place
from federation.trust import membership
from federation.trust.description import Realm
from portal.homes import identifiers
from portal.homes.identifiers import Foreign, Own, Shared
from portal.homes.listing import list_homes
from tests.federation import partnering
from tests.federation.homes import Home
from tests.federation.members import LOGO
from tests.portal.homes import provider as providing
from tests.portal.homes.provider import Provider
from tests.portal.visitor import Portal


async def many(portal: Portal, *titles: str) -> Partners:
    """Add a partner for each title, without a way to send requests to us."""
    for number, title in enumerate(titles):
        place = Place(title, "IT", "it", "Europe/Rome")
        await partnering.add(portal.village, f"p{number}", place=place, sender=None)
    await providing.refresh(portal)
    return portal.parts.partners.current


async def test_who_has_no_partner_is_offered_none(small_portal: Portal) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    assert f"{visit}/home" not in (await browser.get(visit)).text


async def test_homes_with_names_and_drawings(
    small_portal: Portal, liguria: Provider, basil: Home
) -> None:
    browser = small_portal.browser()
    visit = await browser.arrive()
    assert f'href="{visit}/home"' in (await browser.get(visit)).text
    page = await browser.get(f"{visit}/home")
    assert page.text.index("/home/basil") < page.text.index("/home/liguria")
    assert 'src="/logo/liguria.svg"' in page.text
    assert "/logo/basil.svg" not in page.text
    drawing = await browser.get("/logo/liguria.svg")
    assert drawing.headers["content-type"] == "image/svg+xml"
    assert "M0 0h8v8z" in drawing.text
    assert "M0 0h8v8z" in LOGO
    # Few are read through without a search.
    assert 'type="search"' not in page.text


async def test_a_search_finds_a_home_by_any_of_its_towns(
    small_portal: Portal, liguria: Provider
) -> None:
    known = await many(small_portal, "Épernay", "Eze", "Zurigo")
    titles = [each.title for each in list_homes(known).homes]
    assert titles == ["Épernay", "Eze", "Regione Liguria", "Zurigo"]
    for query, found in (("eper", "Épernay"), ("GÊNOVA", "Regione Liguria"), ("zena", "Regione")):
        (home,) = list_homes(known, query).homes
        assert home.title.startswith(found)
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.get(f"{visit}/home?q=nowhere%00<b>")
    assert "Nobody of this name" in page.text
    assert "&lt;b&gt;" in page.text


async def test_a_long_list_is_searched(small_portal: Portal) -> None:
    known = await many(small_portal, *(f"Comune {number:02}" for number in range(45)))
    listing = list_homes(known)
    assert (len(listing.homes), listing.hidden, listing.has_search) == (40, 5, True)
    assert len(list_homes(known, "comune 44").homes) == 1


@pytest.mark.parametrize(
    ("typed", "whose"),
    [
        ("anna", "anna"),
        ("anna@village.example", "anna@village.example"),
        ("anna@village", "anna@village.example"),
        ("anna@VILLAGE", "anna@village.example"),
        ("anna@mail.example", "anna@mail.example"),
        ("anna@nowhere", "anna@nowhere"),
        ("giulia@liguria.example", ("liguria", "giulia@liguria.example")),
        ("giulia@wifi.liguria.example", ("liguria", "giulia@wifi.liguria.example")),
        ("Giulia@LIGURIA", ("liguria", "Giulia@liguria.example")),
        ("x@y@liguria", ("liguria", "x@y@liguria.example")),
        ("carl@a.edu", ("rest", "carl@a.edu")),
    ],
)
async def test_whose_an_identifier_is(
    small_portal: Portal, typed: str, whose: str | tuple[str, str]
) -> None:
    realms = ["liguria.example", "*.liguria.example"]
    await partnering.add(small_portal.village, "liguria", realms=realms)
    await partnering.add(small_portal.village, "rest", realms=["*", "*.edu"], sender=None)
    await providing.refresh(small_portal)
    found = identifiers.read(typed, small_portal.parts.partners.current)
    match found:
        case Own(identifier):
            # What only "*" leads elsewhere may be an e-mail address of a citizen of ours.
            assert identifier == whose
        case Foreign(partner, realm, user_name):
            assert (partner.name, user_name) == whose
            assert user_name.endswith(f"@{realm}")
        case Shared():
            raise AssertionError(found)


async def test_gateways_let_browsers_through_to_homes(
    small_portal: Portal, liguria: Provider, basil: Home
) -> None:
    async with small_portal.village.database.write("test") as session:
        assert await membership.page_hosts(session) == ["wifi.liguria.example"]
        await partners.suspend(session, await partners.by_name(session, "liguria"))
        assert await membership.page_hosts(session) == []


async def test_a_short_name_of_several_is_asked_about(
    small_portal: Portal, liguria: Provider
) -> None:
    realms = (Realm("piemonte.example", "piemonte", "Piemonte"), Realm("z.example", "zena", "Zena"))
    other = Provider(small_portal.village, "https://p.example", "piemonte", "Piemonte", realms)
    await providing.join(small_portal, other)
    browser = small_portal.browser()
    visit = await browser.arrive()
    page = await browser.post(f"{visit}/login", identifier="giulia@zena", password="basil")
    assert page.status_code == 200
    assert f"{visit}/home/liguria" in page.text
    assert f"{visit}/home/piemonte" in page.text
    assert "basil" not in page.text
