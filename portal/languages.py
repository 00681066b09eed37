"""The portal's languages: choosing one, what is written in it, and its numbers and times.

English is the source: its sentences are the msgids of ``locale/<language>.po``, which are read as
they are when the portal starts.
"""

from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

LANGUAGES: Final = {"fr": "Français", "it": "Italiano", "en": "English"}
SOURCE: Final = "en"
LOCALE_DIRECTORY: Final = Path(__file__).parent / "locale"

# English as it is written in Europe: a 24-hour clock, the day before the month.
_LOCALES: Final = {"fr": "fr_FR", "it": "it_IT", "en": "en_GB"}
_OCTET_UNITS: Final = {"fr": ("o", "ko", "Mo", "Go", "To"), "": ("B", "kB", "MB", "GB", "TB")}
_NO_BREAK: Final = "\N{NO-BREAK SPACE}"
_MOST_ACCEPTED: Final = 20


def choose_language(
    requested: str | None, accept_language: str | None, collectivity_language: str | None
) -> str:
    """Return the language to write in: the one asked for, else the best that the browser accepts
    (RFC 9110 section 12.5.4), else the collectivity's, else English."""
    wishes = [requested or "", *_accepted(accept_language or ""), collectivity_language or ""]
    for wish in wishes:
        language = wish.strip().lower().replace("_", "-").partition("-")[0]
        if language in LANGUAGES:
            return language
    return SOURCE


def _accepted(header: str) -> list[str]:
    """The language ranges of an Accept-Language header, the best first; what is malformed, and
    what has the quality 0, is left out."""
    ranges = []
    for part in header.split(",")[:_MOST_ACCEPTED]:
        name, _, parameter = part.partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if 0 < quality <= 1:
            ranges.append((-quality, name))
    return [name for _, name in sorted(ranges, key=lambda weighed: weighed[0])]


@cache
def load_translations(language: str) -> NullTranslations:
    """Return what ``locale/<language>.po`` held when it was first asked for; for the source
    language, nothing to replace."""
    if language == SOURCE:
        return NullTranslations()
    with (LOCALE_DIRECTORY / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)


def write_duration(seconds: int) -> str:
    """Return "2 h 05 min", "40 min", at least "1 min": symbols that the three languages share."""
    hours, minutes = divmod(max(1, round(seconds / 60)), 60)
    if hours:
        return f"{hours} h {minutes:02} min".replace(" ", _NO_BREAK)
    return f"{minutes}{_NO_BREAK}min"


def write_octets(octets: int, language: str) -> str:
    """Return "1.4 GB", in French "1,4 Go": units of a thousand, at most one decimal."""
    units = _OCTET_UNITS.get(language, _OCTET_UNITS[""])
    amount, power = float(octets), 0
    while round(amount, 1) >= 1000 and power < len(units) - 1:
        amount, power = amount / 1000, power + 1
    number = format_decimal(amount, "#,##0.#" if power > 1 else "#,##0", _LOCALES[language])
    return f"{number}{_NO_BREAK}{units[power]}"


def write_time(moment: datetime, language: str, timezone: str) -> str:
    """Return the time of day, "18:40", as the clock of that place shows it."""
    return format_time(moment, "short", tzinfo=ZoneInfo(timezone), locale=_LOCALES[language])


def write_moment(moment: datetime, language: str, timezone: str) -> str:
    """Return the day of the week and the time of day, "Tuesday 08:00"."""
    local = moment.astimezone(ZoneInfo(timezone))
    day = format_date(local.date(), "EEEE", locale=_LOCALES[language])
    return f"{day}{_NO_BREAK}{write_time(moment, language, timezone)}"


def write_date(moment: datetime, language: str, timezone: str) -> str:
    """Return the date, "20 February 2026", as the calendar of that place shows it."""
    local = moment.astimezone(ZoneInfo(timezone))
    text = format_date(local.date(), "long", locale=_LOCALES[language])
    return text.replace(" ", _NO_BREAK, 1)
