"""A collectivity's colour, made readable: what is written on it, and what it colours.

The contrast rules are WCAG 2.1's (success criteria 1.4.3 and 1.4.11).
"""

import re
from typing import Final

LEAST_CONTRAST: Final = 4.5
# What pages are drawn on, as in static/farandole.css; of each scheme the harder one to read on.
LIGHT_GROUND: Final = "#f5f2ea"
DARK_GROUND: Final = "#24282d"

_COLOUR: Final = re.compile(r"#?([0-9a-f]{6})")


def colour_stylesheet(colour: str) -> str:
    """Return the stylesheet that dresses the pages in a colour (``#rrggbb`` or ``rrggbb``).

    Text on the colour is black or white, whichever reads better; the accent, for links and
    borders, is the colour itself, darkened or lightened until it can be read on the page.
    Raises ValueError where the text is no such colour.
    """
    found = _COLOUR.fullmatch(colour.lower())
    if found is None:
        raise ValueError(f"{colour!r} is no colour of the form #rrggbb")
    brand = f"#{found[1]}"
    light, dark = readable(brand, LIGHT_GROUND), readable(brand, DARK_GROUND)
    return (
        f":root{{--brand:{brand};--on-brand:{text_on(brand)};--accent:{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{--accent:{dark}}}}}\n"
    )


def text_on(colour: str) -> str:
    """Return black or white, whichever has the more contrast on a colour: always at least 4.5."""
    return max("#ffffff", "#000000", key=lambda text: contrast(text, colour))


def readable(colour: str, ground: str) -> str:
    """Return the colour nearest to ``colour`` that text can have on ``ground``."""
    goal = text_on(ground)
    for percent in range(0, 101, 4):
        mixed = _mix(colour, goal, percent / 100)
        if contrast(mixed, ground) >= LEAST_CONTRAST:
            return mixed
    return goal


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _channels(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def _luminance(colour: str) -> float:
    parts = [value / 255 for value in _channels(colour)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)
