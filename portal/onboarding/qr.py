"""QR codes, drawn as SVG that stands in a page.

A code carries the address of a page, never the network itself: the Wi-Fi codes that cameras
understand have no place for EAP on most phones, and a secret does not belong on a screen.
"""

from html import escape
from itertools import groupby
from typing import Final

import segno

# The margin that readers need (ISO/IEC 18004 section 6.3.8).
_QUIET_MODULES: Final = 4


def draw(address: str, title: str) -> str:
    """Return an SVG element in the colour of the text around it, which is read out as `title`.

    Readers want dark on light: the page gives it a light ground, its margin is within.
    """
    modules = segno.make_qr(address, error="m").matrix
    size = len(modules) + 2 * _QUIET_MODULES
    path = "".join(_row(row, number) for number, row in enumerate(modules, start=_QUIET_MODULES))
    return (
        f'<svg class="qr" viewBox="0 0 {size} {size}" role="img" shape-rendering="crispEdges">'
        f'<title>{escape(title)}</title><path fill="currentColor" d="{path}"/></svg>'
    )


def _row(modules: bytes | bytearray, number: int) -> str:
    """Return the dark stretches of a row, each a bar of the height 1."""
    bars, column = [], _QUIET_MODULES
    for is_dark, run in groupby(modules):
        length = len(list(run))
        if is_dark:
            bars.append(f"M{column} {number}h{length}v1h-{length}z")
        column += length
    return "".join(bars)
