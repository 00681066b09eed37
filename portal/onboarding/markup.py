"""XML out of nested calls: the formats that are XML read like what they write."""

from typing import Final
from xml.etree.ElementTree import Element, indent, tostring

_DISCOURAGED: Final = "\ufffe\uffff"


def element(name: str, *content: str | Element, **attributes: str) -> Element:
    """Return an element with its text, or with its children. A namespace that holds from here on
    is the attribute `xmlns`."""
    made = Element(name, {key: clean(value) for key, value in attributes.items()})
    for part in content:
        if isinstance(part, str):
            made.text = clean(part)
        else:
            made.append(part)
    return made


def write(root: Element) -> bytes:
    """Return a document in UTF-8, every value escaped."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text(root)}\n'.encode()


def text(root: Element) -> str:
    """Return a document without a declaration, for those who take it as characters."""
    indent(root)
    return tostring(root, encoding="unicode")


def clean(value: str) -> str:
    """Return a text without the characters that XML has no place for, not even escaped (XML 1.0
    section 2.2): with them, no reader would take the document."""
    return "".join(character for character in value if _belongs(character))


def _belongs(character: str) -> bool:
    if character < " ":
        return character in "\t\n\r"
    return not "\ud800" <= character <= "\udfff" and character not in _DISCOURAGED
