"""Where something is and what is spoken there, in the codes that standards give."""

import re
from typing import Final

from aaa.errors import Invalid

_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,4})?")


def check_country(text: str) -> str:
    """Return a country (ISO 3166-1, two letters); raise Invalid where it is none."""
    if not _COUNTRY.fullmatch(text.upper()):
        raise Invalid(f"“{text[:20]}” is no country: write two letters, like FR")
    return text.upper()


def check_language(text: str) -> str:
    """Return a language (BCP 47, at most with a region); raise Invalid where it is none."""
    if not _LANGUAGE.fullmatch(text):
        raise Invalid(f"“{text[:20]}” is no language: write two letters, like fr")
    return text
