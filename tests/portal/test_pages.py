"""Every page in every language: small, on its own, labelled, and leading somewhere."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import pytest
from jinja2 import UndefinedError

from portal.languages import LANGUAGES
from portal.pages import Mistake
from portal.sentences import field_of
from tests.house.sources import ROOT
from tests.portal.shown import EVERY_LOOK, IN_VISIT, LOOKS, NOW, VILLAGE, pages, serve, show

MOST_OCTETS = 30_000
_EMPTY = {"circle", "input", "img", "link", "meta", "path", "rect", "wbr"}

every_look = pytest.mark.parametrize(("look", "language"), EVERY_LOOK)


@dataclass
class Element:
    """One element with its attributes, and the text inside it."""

    tag: str
    attributes: dict[str, str | None]
    text: str = ""


@dataclass
class Document(HTMLParser):
    """The elements of a page, in order; ``flaws`` are tags that do not match."""

    html: str
    elements: list[Element] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[Element] = []
        self.feed(self.html)
        self.flaws += [f"<{element.tag}> stays open" for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        self.flaws += [f"{name} twice in <{tag}>" for name in names if names.count(name) > 1]
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in _EMPTY:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop().tag != tag:
            self.flaws.append(f"</{tag}> closes something else")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, *tags: str) -> list[Element]:
        """The elements with one of these tags."""
        return [element for element in self.elements if element.tag in tags]

    def values(self, *names: str) -> Iterator[str]:
        """The values of attributes with one of these names."""
        for element in self.elements:
            yield from (
                value for name in names if (value := element.attributes.get(name)) is not None
            )


def test_every_template_is_looked_at() -> None:
    parts = {"page.html", "problem.html", "forms.html", "legal.html", "drawings.html", "ways.html"}
    parts |= {"asking.html", "devices.html", "homes_parts.html", "links.html"}
    files = {path.name for path in (ROOT / "portal" / "templates").glob("*.html")}
    assert files - parts == {template for template, _ in LOOKS.values()}


@every_look
def test_a_page_is_sound(look: str, language: str) -> None:
    document = Document(show(look, language))
    assert document.flaws == []
    assert [element.attributes["lang"] for element in document.all("html")] == [language]
    assert len(document.all("h1")) == len(document.all("main")) == 1
    assert document.html.partition("</head>")[0].count("<title>") == 1
    assert all(element.text.strip() for element in document.all("h1", "h2", "button", "a", "label"))
    identifiers = list(document.values("id"))
    assert len(identifiers) == len(set(identifiers))
    references = {
        reference
        for value in document.values("for", "aria-describedby")
        for reference in value.split()
    }
    assert references <= set(identifiers)


@every_look
def test_every_field_has_its_label(look: str, language: str) -> None:
    document = Document(show(look, language))
    labels = set(document.values("for"))
    fields = [
        element.attributes
        for element in document.all("input", "select", "textarea")
        if element.attributes.get("type") != "hidden" and "hidden" not in element.attributes
    ]
    assert [field for field in fields if field["id"] not in labels] == []


@every_look
def test_no_attribute_holds_a_value_of_python(look: str, language: str) -> None:
    attributes = [
        (element.tag, name, value)
        for element in Document(show(look, language)).elements
        for name, value in element.attributes.items()
    ]
    assert [each for each in attributes if each[2] in {"True", "False", "None"}] == []
    assert [each for each in attributes if each[1] == "required" and each[2] is not None] == []


@every_look
def test_a_page_needs_no_script_no_inline_style_and_no_other_host(look: str, language: str) -> None:
    document = Document(show(look, language))
    assert document.all("script", "style", "iframe", "object", "embed", "font") == []
    assert [
        name
        for element in document.elements
        for name in element.attributes
        if name.startswith(("on", "style"))
    ] == []
    inside = r"^(/(static|colour|logo)/|data:image/svg\+xml;base64,)"
    loaded = [*document.values("src"), *(e.attributes["href"] for e in document.all("link"))]
    assert [each for each in loaded if not re.match(inside, each or "")] == []


@every_look
def test_a_page_with_all_it_loads_weighs_under_30_kB(look: str, language: str) -> None:
    html = show(look, language)
    document = Document(html)
    loaded = {*document.values("src"), *(e.attributes["href"] or "" for e in document.all("link"))}
    loaded = {address for address in loaded if not address.startswith("data:")}
    for address in sorted(loaded):
        content, media_type = serve(address)
        if media_type == "text/css":
            found = re.findall(r"url\(([^)]+)\)", content.decode())
            loaded |= {urljoin(address, name) for name in found}
    assert len(html.encode()) + sum(len(serve(address)[0]) for address in loaded) < MOST_OCTETS


@every_look
def test_the_languages_keep_the_path(look: str, language: str) -> None:
    path = str(LOOKS[look][1].get("path", ""))
    links = [element.attributes for element in Document(show(look, language)).all("a")]
    for other in LANGUAGES:
        (link,) = (link for link in links if link.get("hreflang") == other)
        assert re.split(r"[?&]", link["href"] or "")[:2] == [path, f"lang={other}"]
        assert (link.get("aria-current") == "true") == (other == language)


@every_look
def test_a_page_has_at_most_one_primary_action(look: str, language: str) -> None:
    actions = [
        element
        for element in Document(show(look, language)).elements
        if element.tag == "button" or element.attributes.get("class") == "button"
    ]
    primary = [
        action for action in actions if (action.attributes.get("class") or "button") == "button"
    ]
    assert len(primary) <= 1


@pytest.mark.parametrize("mistake", Mistake)
def test_a_mistake_is_announced_and_shown_at_its_field(mistake: Mistake) -> None:
    shown = {
        "email": "welcome", "identifier": "welcome", "code": "code", "name": "account",
        "password": "account", "accept_terms": "account", None: "welcome",
    }  # fmt: skip
    name = field_of(mistake)
    template, context = LOOKS[shown[name]]
    html = bytes(
        pages.render(
            template, language="en", collectivity=VILLAGE, **context | {"error": mistake}
        ).body
    ).decode()
    document = Document(html)
    (notice,) = (e for e in document.elements if e.attributes.get("role") == "alert")
    assert notice.attributes["id"] == "mistake"
    assert notice.text.strip()
    assert document.all("title")[0].text.startswith("Please check:")
    wrong = [e.attributes for e in document.elements if "aria-invalid" in e.attributes]
    assert [attributes["name"] for attributes in wrong] == ([name] if name else [])
    assert all("mistake" in (attributes["aria-describedby"] or "").split() for attributes in wrong)


def test_what_comes_from_outside_is_escaped() -> None:
    spiteful = '"><script>alert(1)</script>'
    village = replace(VILLAGE, name=spiteful, contact=spiteful, terms=spiteful)
    for look, (template, context) in LOOKS.items():
        texts: dict[str, Any] = {
            name: spiteful
            for name in ("email", "identifier", "suggested_name", "realm", "terms", "nai", "url")
            if name in context
        }
        response = pages.render(
            template, language="fr", collectivity=village, **context | texts | {"path": spiteful}
        )
        assert b"<script" not in response.body, look


def test_a_missing_part_of_the_context_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="can_mail"):
        pages.render("welcome.html", language="fr", collectivity=VILLAGE, email="", identifier="")


def test_a_response_carries_its_status_and_language() -> None:
    response = pages.render(
        "throttled.html", language="it", collectivity=VILLAGE, status=429, retry_minutes=1
    )
    assert response.status_code == 429
    assert response.headers["content-language"] == "it"
    assert "Potrai riprovare tra 1\N{NO-BREAK SPACE}minuto." in bytes(response.body).decode()


def test_times_are_those_of_the_place() -> None:
    assert NOW.hour == 15
    assert "<dd>17:40</dd>" in show("online", "en")  # Europe/Paris, in summer


def test_the_owner_comes_first() -> None:
    html = show("welcome", "fr")
    assert 'href="/colour/5b3f86.css"' in html
    assert 'src="/logo/saint-aubin.svg"' in html
    assert html.index("Saint-Aubin-des-Lavandes</strong>") < html.index("Farandole")
    assert "Wi-Fi public · Place de la Mairie" in html


def test_links_outside_a_visit_say_whose_pages_they_are() -> None:
    html = show("home of a hotspot", "fr")
    assert 'href="/notice/privacy?at=square"' in html
    assert 'href="/?lang=it&amp;at=square"' in html
    assert 'href="/visit/k3v9Qm2x/notice/privacy"' in show("welcome", "fr")


def test_a_code_can_be_filled_in_by_the_device() -> None:
    (code,) = (
        element.attributes
        for element in Document(show("code", "fr")).all("input")
        if element.attributes["name"] == "code"
    )
    assert (code["inputmode"], code["autocomplete"]) == ("numeric", "one-time-code")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("nai", [None, "anna@village.example"])
def test_the_mail_shows_code_time_place_and_account(language: str, nai: str | None) -> None:
    context = {
        "code": "042137",
        "minutes": 20,
        "place": "Saint-Aubin <des> Lavandes",
        "has_account": nai is not None,
        "nai": nai,
    }
    subject = pages.text("mail/code.subject", language, **context)
    text = pages.text("mail/code.txt", language, **context)
    html = pages.text("mail/code.html", language, **context)
    assert "042137" in subject
    assert "\n" not in subject
    assert re.search(r"\n\n    042137\n\n", text)
    assert "20\N{NO-BREAK SPACE}minut" in text.replace("20 minut", "20\N{NO-BREAK SPACE}minut")
    assert "Saint-Aubin <des> Lavandes" in text
    assert "Saint-Aubin &lt;des&gt; Lavandes" in html
    assert ">042137</p>" in html
    for body in (text, html):
        assert ("anna@village.example" in body) == (nai is not None)
        assert not re.search(r"https?://", body)


def test_a_page_in_a_visit_leads_only_to_that_visit() -> None:
    for look, (_, context) in LOOKS.items():
        if context.get("here") != IN_VISIT["here"]:
            continue
        document = Document(show(look, "fr"))
        targets = {v for v in document.values("action", "href") if v.startswith("/visit/")}
        assert {target.split("/")[2].split("?")[0] for target in targets} == {"k3v9Qm2x"}, look
