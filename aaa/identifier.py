"""A citizen's identifier: one Network Access Identifier, ``name@realm`` (RFC 7542)."""

import re
import unicodedata
from dataclasses import dataclass

from aaa.errors import Invalid

NAME_LENGTH = range(3, 33)
_NAME = re.compile(r"^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$")
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_LABEL = re.compile(r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")


@dataclass(frozen=True, slots=True)
class Nai:
    """A Network Access Identifier, folded; ``realm`` is None when typed bare, at home."""

    name: str
    realm: str | None

    def __str__(self) -> str:
        return self.name if self.realm is None else f"{self.name}@{self.realm}"


def parse(text: str) -> Nai:
    """Return the parts of a NAI; the realm is what follows the last ``@`` (RFC 7542 section 2.2).

    Case and compatibility forms are folded, an internationalised realm becomes its ASCII form.
    Raises Invalid where the realm is no domain name, or a character is none that can be typed.
    """
    folded = unicodedata.normalize("NFKC", text).strip().casefold()
    if any(unicodedata.category(sign).startswith("C") for sign in folded):
        raise Invalid("an identifier has no control characters: type it like anna@village.example")
    name, separator, realm = folded.rpartition("@")
    if not separator:
        return Nai(folded, None)
    return Nai(name, check_realm(realm))


def is_at(text: str, realm: str) -> bool:
    """Return whether an identity, which may be anonymous, names this realm, or none."""
    if "@" not in text:
        return True
    try:
        return parse(text).realm == realm
    except Invalid:
        return False


def check_realm(text: str) -> str:
    """Return a realm folded to its ASCII form; raise Invalid where it is no domain name."""
    try:
        realm = text.strip().casefold().encode("idna").decode("ascii")
    except UnicodeError:
        realm = ""
    labels = realm.split(".")
    if len(labels) < 2 or not all(_LABEL.match(label) for label in labels):
        raise Invalid(f"“{text}” is not a realm: write a domain name such as village.example")
    return realm


def check_name(text: str) -> str:
    """Return a citizen's name part, folded; raise Invalid with the rule where it breaks it."""
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if len(name) not in NAME_LENGTH or not _NAME.match(name):
        raise Invalid(
            f"“{text}” cannot be an identifier: use {NAME_LENGTH.start} to {NAME_LENGTH.stop - 1} "
            "letters a-z, digits, dots, hyphens or underscores, with a letter or digit at each end"
        )
    return name


def suggest(text: str) -> str:
    """Return a name built from free text (an e-mail's local part), or "" where nothing is left."""
    plain = unicodedata.normalize("NFKD", text.partition("@")[0]).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9._-]+", ".", plain.casefold()).strip("._-")[: NAME_LENGTH.stop - 1]
    name = name.strip("._-")
    return name if len(name) in NAME_LENGTH else ""


def check_slug(text: str) -> str:
    """Return a slug; raise Invalid with the rule where it breaks it."""
    if not _SLUG.fullmatch(text):
        raise Invalid(f"“{text}” is no short name: use a-z, 0-9 and hyphens, at most 64 signs")
    return text
