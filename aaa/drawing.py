"""SVG drawings that others give us, made safe to show: shapes, text and gradients, nothing else."""

import re
import xml.etree.ElementTree as ElementTree
from typing import Final

from aaa.errors import Invalid

MOST_OCTETS: Final = 16_384
_DEEPEST: Final = 50
_SVG: Final = "{http://www.w3.org/2000/svg}"
_HREFS: Final = ("href", "{http://www.w3.org/1999/xlink}href")
_ELEMENTS: Final = frozenset(
    (
        *("svg", "g", "defs", "symbol", "use", "title", "desc", "clipPath", "mask", "marker"),
        *("path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan"),
        *("linearGradient", "radialGradient", "stop", "pattern"),
    )
)
# Whatever a browser would fetch, or run; url(#part) stays within the drawing.
_REACHES_OUT: Final = re.compile(
    r"url\s*\(\s*['\"]?\s*(?!#)|@import|expression|\\|[a-z]+\s*script\s*:", re.IGNORECASE
)


def check_svg(text: str) -> str:
    """Return a drawing written anew from what is allowed in it; raise Invalid, naming the rest.

    Metadata of drawing programs (elements and attributes of other namespaces) and comments are
    left out; scripts, styles, images and links out of the drawing are refused.
    """
    if len(text.encode()) > MOST_OCTETS:
        raise Invalid(f"the drawing has more than {MOST_OCTETS} octets: simplify it")
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Invalid("the drawing has a document type: save it as plain SVG")
    try:
        # Bounded, and without a document type: nothing in it can grow.
        root = ElementTree.fromstring(text)  # noqa: S314
    except (ElementTree.ParseError, ValueError) as error:
        raise Invalid(f"the drawing is no SVG: {error}") from None
    if root.tag != f"{_SVG}svg":
        raise Invalid("the drawing is no SVG: its root is not <svg> of the SVG namespace")
    _check(root, _DEEPEST)
    if "viewBox" not in root.attrib:
        raise Invalid("the drawing has no viewBox: it could not be shown in another size")
    ElementTree.register_namespace("", _SVG[1:-1])
    return ElementTree.tostring(root, encoding="unicode")


def _check(element: ElementTree.Element, deepest: int) -> None:
    if not deepest:
        raise Invalid(f"the drawing is nested more than {_DEEPEST} deep: ungroup its shapes")
    for child in list(element):
        if not str(child.tag).startswith(_SVG):
            element.remove(child)
            continue
        _check(child, deepest - 1)
    name = str(element.tag).removeprefix(_SVG)
    if name not in _ELEMENTS:
        raise Invalid(f"the drawing has <{name}>: only shapes, text and gradients may be in it")
    _check_attributes(element)


def _check_attributes(element: ElementTree.Element) -> None:
    for attribute, value in list(element.attrib.items()):
        if attribute in _HREFS:
            if not value.startswith("#"):
                raise Invalid("the drawing links to something outside of it: embed the shapes")
        elif attribute.startswith("{"):
            del element.attrib[attribute]
        elif attribute.lower().startswith("on"):
            raise Invalid(f"the drawing has a script in “{attribute}”: save it without")
        elif _REACHES_OUT.search(value):
            raise Invalid(f"“{attribute}” in the drawing refers to something outside of it")
