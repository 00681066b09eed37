"""What files say to people, in the language of the citizen."""

from collections.abc import Callable
from functools import cache

from portal.languages import LANGUAGES, SOURCE, load_translations


@cache
def phrases(language: str) -> Callable[[str], str]:
    """Return what translates a sentence into a language; into English where we do not speak it."""
    return load_translations(language if language in LANGUAGES else SOURCE).gettext
