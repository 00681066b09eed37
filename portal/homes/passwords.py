"""A home without pages of its own is asked about a password, by RADIUS, as a NAS would ask it."""

from typing import Final

from aaa.authentication import Method
from aaa.policy import DenyReason
from aaa.secret import Secret
from aaa.visitors import LONGEST_REALM
from federation.directory import PartnerEntry
from federation.verification import Question
from portal import throttling
from portal.answers import Answer, throttled
from portal.captive import views as visit_views
from portal.captive.attempts import Attempt
from portal.homes import identifiers, views
from portal.homes.entering import count, enter
from portal.homes.identifiers import Foreign
from portal.pages import Mistake
from portal.parts import Parts

# Of an attribute of RADIUS (RFC 2865 section 5.1).
_MOST_OCTETS: Final = 253
_OUTCOMES: Final = {
    DenyReason.WRONG_PASSWORD: "reject",
    DenyReason.HOME_UNREACHABLE: "unreachable",
    DenyReason.PARTNER_SUSPENDED: "suspended",
}


async def try_typed(
    parts: Parts, attempt: Attempt, partner: PartnerEntry, typed: str, password: Secret
) -> Answer:
    """Log in by what was typed into the form of one home."""
    found = identifiers.read_at(typed, partner, parts.partners.current)
    if isinstance(found, Foreign) and found.partner.id == partner.id:
        return await try_password(parts, attempt, found, password)
    mistake = Mistake.NOT_OF_THIS_HOME if "@" in typed else Mistake.IDENTIFIER_UNUSABLE
    return views.password(attempt, partner, mistake, identifier=typed)


async def try_password(parts: Parts, attempt: Attempt, home: Foreign, password: Secret) -> Answer:
    """Log in by an identifier and a password that their home is asked about."""
    partner, typed = home.partner, home.user_name
    octets = len(typed.encode())
    if typed.startswith("@") or octets > _MOST_OCTETS or len(home.realm) > LONGEST_REALM:
        return views.password(attempt, partner, Mistake.IDENTIFIER_UNUSABLE, identifier=typed)
    tries = [
        (throttling.LOG_INS_PER_IDENTIFIER, typed.casefold()),
        (throttling.LOG_INS_PER_DEVICE, attempt.counted_as),
    ]
    if refused := await throttling.admit(parts.database, parts.keyring, tries, parts.clock()):
        return throttled(refused, attempt)
    said = await parts.verifier.verify(
        Question(
            partner=partner,
            realm=home.realm,
            user_name=typed,
            password=password,
            operator=attempt.collectivity.realm,
            nas_identifier=attempt.nas.name,
            device_mac=attempt.device_mac,
        )
    )
    if not isinstance(said, DenyReason):
        return await enter(parts, attempt, partner, home.realm, said, Method.HOME_PASSWORD)
    count(attempt, partner, Method.HOME_PASSWORD, _OUTCOMES.get(said, "unusable"))
    if said is DenyReason.WRONG_PASSWORD:
        return views.password(attempt, partner, Mistake.HOME_SAYS_NO, identifier=typed)
    return visit_views.denied(parts, attempt, said)
