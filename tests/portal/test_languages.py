"""Languages are chosen well, every sentence is translated, and numbers read as they should."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st

from portal.languages import (
    LANGUAGES,
    LOCALE_DIRECTORY,
    SOURCE,
    choose_language,
    load_translations,
    write_date,
    write_duration,
    write_octets,
    write_time,
)
from tests.house.sources import ROOT

TRANSLATED = [language for language in LANGUAGES if language != SOURCE]


@pytest.mark.parametrize(
    ("requested", "accepted", "collectivity", "chosen"),
    [
        ("it", "fr", "fr", "it"),
        ("xx", "fr-FR,fr;q=0.9,en;q=0.8", "it", "fr"),
        (None, "de,it;q=0.5,en;q=0.7", "fr", "en"),
        (None, "de-CH, IT-ch;q=0.3", "fr", "it"),
        (None, "fr;q=0, it;q=0.1", "fr", "it"),
        (None, "fr;q=high,*;q=0.1", "it", "it"),
        (None, "de", "it", "it"),
        (None, None, "oc", "en"),
        ("", "", None, "en"),
    ],
)
def test_the_language(
    requested: str | None, accepted: str | None, collectivity: str | None, chosen: str
) -> None:
    assert choose_language(requested, accepted, collectivity) == chosen


@pytest.mark.fuzz
@given(st.text(), st.text())
def test_any_header_leads_to_a_language(requested: str, accepted: str) -> None:
    assert choose_language(requested, accepted, "fr") in LANGUAGES


def _written() -> set[str | tuple[str, ...]]:
    """Every msgid in templates and modules of the portal."""
    found = extract_from_dir(
        ROOT / "portal",
        method_map=[("**.py", "python"), ("templates/**", "jinja2")],
        options_map={"templates/**": {"silent": "false"}},
        keywords={"_": None, "ngettext": (1, 2), "N_": None},
    )
    return {msgid for _, _, msgid, _, _ in found}


def _translated(language: str) -> dict[str | tuple[str, ...], Message]:
    with (LOCALE_DIRECTORY / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    assert not catalogue.obsolete
    return {
        message.id if isinstance(message.id, str) else tuple(message.id): message
        for message in catalogue
        if message.id
    }


def _texts(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string or ())


def test_there_is_something_to_translate() -> None:
    assert len(_written()) > 150


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_sentence_is_translated_and_no_other(language: str) -> None:
    translated = _translated(language)
    assert _written() ^ translated.keys() == set()
    assert [message.id for message in translated.values() if message.fuzzy] == []
    assert [m.id for m in translated.values() if not all(text.strip() for text in _texts(m))] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_placeholders_are_the_same(language: str) -> None:
    def placeholders(text: str) -> list[str]:
        return sorted(re.findall(r"%(?:\(\w+\))?.?", text))

    for message in _translated(language).values():
        source = message.id if isinstance(message.id, str) else message.id[-1]
        for text in _texts(message):
            assert placeholders(text) == placeholders(source), message.id


def test_plurals_follow_the_language() -> None:
    assert (
        load_translations("fr").ngettext(
            "You have %(num)s try left.", "You have %(num)s tries left.", 0
        )
        == "Il vous reste %(num)s\N{NO-BREAK SPACE}essai."
    )
    assert (
        load_translations("it").ngettext(
            "You have %(num)s try left.", "You have %(num)s tries left.", 0
        )
        == "Ti restano %(num)s\N{NO-BREAK SPACE}tentativi."
    )


def test_french_is_set_as_french_is() -> None:
    """A high sign of punctuation clings to its word by a space that does not break."""
    flaws = [
        text
        for message in _translated("fr").values()
        for text in _texts(message)
        if re.search(
            r" [:;!?»]|« |[^\s\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}][;!?]|'|\.\.\.", text
        )
    ]
    assert flaws == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_apostrophes_are_curly(language: str) -> None:
    text = Path(LOCALE_DIRECTORY / f"{language}.po").read_text(encoding="utf-8")
    assert re.findall(r"\w'\w", "\n".join(re.findall(r"^msgstr.*", text, re.MULTILINE))) == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 min"), (61, "1 min"), (2400, "40 min"), (3599, "1 h 00 min"), (7500, "2 h 05 min")],
)
def test_durations(seconds: int, text: str) -> None:
    assert write_duration(seconds) == text.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(
    ("octets", "language", "text"),
    [
        (0, "en", "0 B"),
        (1400, "en", "1 kB"),
        (12_300_000, "it", "12,3 MB"),
        (1_400_000_000, "en", "1.4 GB"),
        (1_400_000_000, "fr", "1,4 Go"),
        (999_960_000, "fr", "1 Go"),
        (3_200_000_000_000_000, "fr", "3\N{NARROW NO-BREAK SPACE}200 To"),
    ],
)
def test_octets(octets: int, language: str, text: str) -> None:
    assert write_octets(octets, language) == text.replace(" ", "\N{NO-BREAK SPACE}")


def test_time_and_date_are_local() -> None:
    moment = datetime(2026, 2, 19, 23, 30, tzinfo=UTC)
    assert write_time(moment, "en", "Europe/Rome") == "00:30"
    dates = [write_date(moment, language, "Europe/Rome") for language in ("fr", "it", "en")]
    assert [date.replace("\N{NO-BREAK SPACE}", " ") for date in dates] == [
        "20 février 2026",
        "20 febbraio 2026",
        "20 February 2026",
    ]
