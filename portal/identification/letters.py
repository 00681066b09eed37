"""The mail with a code."""

from aaa.citizens import CitizenRecord
from aaa.snapshot import CollectivityEntry
from portal.identification import codes
from portal.mail import Message
from portal.pages import Pages


def code(
    pages: Pages,
    place: CollectivityEntry,
    email: str,
    digits: str,
    citizen: CitizenRecord | None,
    language: str,
) -> Message:
    """Return the mail with a code; it tells its reader alone whether there is an account."""
    context = {
        "code": digits,
        "place": place.name,
        "minutes": int(codes.LIFETIME.total_seconds() // 60),
        "has_account": citizen is not None,
        "nai": citizen.nai if citizen else None,
    }
    return Message(
        recipient=email,
        subject=pages.text("mail/code.subject", language, **context),
        text=pages.text("mail/code.txt", language, **context),
        html=pages.text("mail/code.html", language, **context),
    )
