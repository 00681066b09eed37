"""What a new citizen asks for on the page of their account."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Wish:
    """The form of a new account, as it was sent.

    No password is "" and means log-in by code, unless ``wants_password``: one had been typed into
    a form that was not taken, and has to be typed again.
    """

    name: str = field(repr=False)
    password: str = field(repr=False)
    wants_password: bool
    accepts_terms: bool
    remember: bool
    language: str
