"""The mails that bring the link of an enrolment, or remind of the end of a profile."""

from aaa.citizens import CitizenRecord
from aaa.pki.devices import EndingCertificate
from aaa.settings import Settings
from portal.languages import choose_language
from portal.mail import Message
from portal.onboarding import enrolments
from portal.pages import Pages
from portal.parts import Parts


def link(
    parts: Parts, email: str, reference: str, citizen: CitizenRecord, language: str
) -> Message:
    """Return the mail with the link of an enrolment."""
    context = {
        "url": parts.settings.portal.public_url + enrolments.way_to(parts.keyring, reference),
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


def reminder(
    settings: Settings,
    pages: Pages,
    email: str,
    citizen: CitizenRecord,
    certificate: EndingCertificate,
) -> Message:
    """Return the mail that says until when the profile of a device is valid, in the language of
    the citizen's home."""
    home = citizen.collectivity
    language = choose_language(None, None, home.language)
    context = {
        "url": f"{settings.portal.public_url}/secure",
        "network": settings.federation.ssid,
        "device_name": certificate.device_name,
        "expires_at": certificate.expires_at,
        "collectivity": home,
    }
    return Message(
        recipient=email,
        subject=pages.text("mail/reminder.subject", language, **context),
        text=pages.text("mail/reminder.txt", language, **context),
        html=pages.text("mail/reminder.html", language, **context),
    )
