"""The mail that brings the link of an enrolment."""

from aaa.citizens import CitizenRecord
from portal.mail import Message
from portal.onboarding import enrolments
from portal.parts import Parts


def link(parts: Parts, email: str, token: str, citizen: CitizenRecord, language: str) -> Message:
    """Return the mail with the link of an enrolment."""
    context = {
        "url": f"{parts.settings.portal.public_url}/secure/{token}",
        "network": parts.settings.federation.ssid,
        "place": citizen.collectivity.name,
        "nai": citizen.nai,
        "minutes": int(enrolments.LIFETIME.total_seconds() // 60),
    }
    return Message(
        recipient=email,
        subject=parts.pages.text("mail/link.subject", language, **context),
        text=parts.pages.text("mail/link.txt", language, **context),
        html=parts.pages.text("mail/link.html", language, **context),
    )
