"""What is said when something does not work: what happened, whose side it is, what to do next.

The texts are English msgids; templates translate them. A help code names the text in any
language, so that a citizen can read it out at the town hall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aaa.nas.adapter import RedirectFlaw
from aaa.policy import DenyReason


def N_(msgid: str) -> str:
    """Return the msgid as it is: marks it for translation, by gettext's custom."""
    return msgid


class Mistake(StrEnum):
    """What is wrong with what was typed into a form: the ``error`` of a page."""

    EMAIL_UNUSABLE = "email_unusable"
    EMAIL_TAKEN = "email_taken"
    MAIL_NOT_SENT = "mail_not_sent"
    CODE_WRONG = "code_wrong"
    CODE_EXPIRED = "code_expired"
    IDENTIFIER_UNUSABLE = "identifier_unusable"
    CREDENTIALS_WRONG = "credentials_wrong"
    NAME_UNUSABLE = "name_unusable"
    NAME_TAKEN = "name_taken"
    PASSWORD_UNUSABLE = "password_unusable"
    PASSWORD_MISSING = "password_missing"
    TERMS_NOT_ACCEPTED = "terms_not_accepted"
    NOT_CONNECTED = "not_connected"
    NOT_RECOGNISED = "not_recognised"


class Obstacle(StrEnum):
    """Why the portal shows no page of the log-in, beside denials and flawed redirects."""

    EXPIRED = "expired"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    NOT_FOUND = "not_found"
    FAILURE = "failure"


class Ending(StrEnum):
    """Why a session is over."""

    LEFT = "left"
    IDLE = "idle"
    SPENT = "spent"
    DAILY_TIME_SPENT = "daily_time_spent"
    DAILY_VOLUME_SPENT = "daily_volume_spent"
    ENDED_BY_SERVICE = "ended_by_service"
    UNKNOWN = "unknown"


class Side(StrEnum):
    """Who can do something about it: a link of the chain from the citizen to the Internet."""

    YOU = "you"
    PLACE = "place"
    HOME = "home"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Explanation:
    """One obstacle in words; ``can_retry``: trying again at once may well work."""

    code: int
    side: Side
    title: str
    happened: str
    advice: str
    can_retry: bool = True


# The label of each side, and the sentence that says whose turn it is.
SIDES: Final = {
    Side.YOU: (N_("You"), N_("You can solve this yourself.")),
    Side.PLACE: (N_("This place"), N_("This comes from the place where you are.")),
    Side.HOME: (
        N_("Your home town"),
        N_("This comes from the town that gave you your identifier."),
    ),
    Side.SERVICE: (N_("Our service"), N_("This comes from our service, not from you.")),
}

_SENTENCES: Final = {
    Mistake.EMAIL_UNUSABLE: N_("This is not an e-mail address. Example: anna@example.org"),
    Mistake.EMAIL_TAKEN: N_("This e-mail address has an account already. Log in with it."),
    Mistake.MAIL_NOT_SENT: N_("We could not send the e-mail. Try again in a few minutes."),
    Mistake.CODE_WRONG: N_("This is not the code that we sent. Read it once more."),
    Mistake.CODE_EXPIRED: N_("This code is no longer valid. Ask for a new one."),
    Mistake.IDENTIFIER_UNUSABLE: N_(
        "This identifier is not complete. It looks like anna, or anna@village.example"
    ),
    Mistake.CREDENTIALS_WRONG: N_("The identifier or the password is not right."),
    Mistake.NAME_UNUSABLE: N_(
        "Use 3 to 32 letters without accents, digits, dots or hyphens. "
        "Begin and end with a letter or a digit."
    ),
    Mistake.NAME_TAKEN: N_("Somebody has this name already. Choose another one."),
    Mistake.PASSWORD_UNUSABLE: N_(
        "This password is too short or too easy to guess. Take three or four words, for example."
    ),
    Mistake.PASSWORD_MISSING: N_("Please type your password again."),
    Mistake.TERMS_NOT_ACCEPTED: N_("Please accept the terms of use first."),
    Mistake.NOT_RECOGNISED: N_(
        "We know no such e-mail address with this password. "
        "If it is an identifier, its town is not in our network yet."
    ),
    Mistake.NOT_CONNECTED: N_(
        "The access point did not get our answer in time. This is not your fault: try again."
    ),
}

# Nobody needs to be told that they have left.
_ENDINGS: Final = {
    Ending.IDLE: N_("The session has ended: your device was quiet for a while."),
    Ending.SPENT: N_("The session has ended: the time or the data that it had is used up."),
    Ending.DAILY_TIME_SPENT: N_("The session has ended: your time for today is used up."),
    Ending.DAILY_VOLUME_SPENT: N_("The session has ended: your data for today is used up."),
    Ending.ENDED_BY_SERVICE: N_("The session has ended: the service, or the place, closed it."),
    Ending.UNKNOWN: N_("The session has ended."),
}

_FIELDS: Final = {
    Mistake.EMAIL_UNUSABLE: "email",
    Mistake.EMAIL_TAKEN: "email",
    Mistake.MAIL_NOT_SENT: "email",
    Mistake.CODE_WRONG: "code",
    Mistake.CODE_EXPIRED: "code",
    Mistake.IDENTIFIER_UNUSABLE: "identifier",
    Mistake.CREDENTIALS_WRONG: "identifier",
    Mistake.NOT_RECOGNISED: "identifier",
    Mistake.NAME_UNUSABLE: "name",
    Mistake.NAME_TAKEN: "name",
    Mistake.PASSWORD_UNUSABLE: "password",
    Mistake.PASSWORD_MISSING: "password",
    Mistake.TERMS_NOT_ACCEPTED: "accept_terms",
}

# One text for both, so that nobody learns from it which identifiers exist.
_NOT_RECOGNISED: Final = Explanation(
    101,
    Side.YOU,
    N_("We did not recognise you"),
    N_("The identifier or the password is not right."),
    N_("Type them once more, or take the way by e-mail: it needs no password."),
)

_EXPLANATIONS: Final[Mapping[StrEnum, Explanation]] = {
    DenyReason.UNKNOWN_CITIZEN: _NOT_RECOGNISED,
    DenyReason.WRONG_PASSWORD: _NOT_RECOGNISED,
    DenyReason.BAD_IDENTIFIER: Explanation(
        102,
        Side.YOU,
        N_("This identifier is not complete"),
        N_("We could not read the identifier that was typed."),
        N_("It looks like anna, or anna@village.example. You find it in our first e-mail to you."),
    ),
    DenyReason.UNKNOWN_DEVICE: Explanation(
        103,
        Side.YOU,
        N_("We do not know this device"),
        N_("It has not been here before, or it changed its address to protect your privacy."),
        N_("Log in once more, and let us remember it if you wish."),
    ),
    DenyReason.DEVICE_EXPIRED: Explanation(
        104,
        Side.YOU,
        N_("We no longer remember this device"),
        N_("The time for which you let us remember it is over."),
        N_("Log in once more to begin again."),
    ),
    DenyReason.DEVICE_REVOKED: Explanation(
        105,
        Side.YOU,
        N_("This device was taken off your account"),
        N_("You, or somebody at your request, asked us to forget it."),
        N_("Log in once more if you want to use it here."),
    ),
    DenyReason.TOO_MANY_DEVICES: Explanation(
        106,
        Side.YOU,
        N_("Too many of your devices are online"),
        N_("You have reached the number of devices that may be online at the same time."),
        N_("Log out on one of them, or switch its Wi-Fi off, then try again."),
    ),
    DenyReason.TICKET_ELSEWHERE: Explanation(
        107,
        Side.YOU,
        N_("You have moved in the meantime"),
        N_("Your pass was made for another device or another place."),
        N_("Connect again from here."),
    ),
    DenyReason.OUTSIDE_HOURS: Explanation(
        201,
        Side.PLACE,
        N_("The Wi-Fi is closed for now"),
        N_("This place switches its Wi-Fi off at certain hours."),
        N_("Come back during opening hours: your account stays as it is."),
        can_retry=False,
    ),
    DenyReason.DAILY_TIME_SPENT: Explanation(
        202,
        Side.PLACE,
        N_("Your time for today is used up"),
        N_("So that there is room for everybody, this place gives each person some time a day."),
        N_("Come back tomorrow: your time starts anew."),
        can_retry=False,
    ),
    DenyReason.DAILY_VOLUME_SPENT: Explanation(
        203,
        Side.PLACE,
        N_("Your data for today is used up"),
        N_("So that there is room for everybody, this place gives each person some data a day."),
        N_("Come back tomorrow: your data starts anew."),
        can_retry=False,
    ),
    DenyReason.PASSWORD_NOT_ALLOWED: Explanation(
        204,
        Side.PLACE,
        N_("Please log in on our page"),
        N_("Here, passwords are only taken on this page, where they are safe."),
        N_("Log in here, with your e-mail address or your identifier."),
    ),
    DenyReason.METHOD_NOT_SUPPORTED: Explanation(
        205,
        Side.PLACE,
        N_("We could not understand the access point"),
        N_("It asked for you in a way that our service does not know."),
        N_("Try again. If it comes back, tell the people here: they can set it right."),
    ),
    RedirectFlaw.INCOMPLETE: Explanation(
        211,
        Side.PLACE,
        N_("Something is missing"),
        N_("The access point did not tell us all that we need to let you in."),
        N_("Switch the Wi-Fi of your device off and on again, then open any page."),
        can_retry=False,
    ),
    RedirectFlaw.WRONG_CHECKSUM: Explanation(
        212,
        Side.PLACE,
        N_("We are not sure of this access point"),
        N_("What it told us may have been changed on the way. For your safety, we stopped."),
        N_("Switch the Wi-Fi of your device off and on again, then open any page."),
        can_retry=False,
    ),
    RedirectFlaw.MISSING_CHECKSUM: Explanation(
        213,
        Side.PLACE,
        N_("We are not sure of this access point"),
        N_("It did not sign what it told us. For your safety, we stopped."),
        N_("Switch the Wi-Fi of your device off and on again, then open any page."),
        can_retry=False,
    ),
    RedirectFlaw.FOREIGN_HOST: Explanation(
        214,
        Side.PLACE,
        N_("This way leads somewhere else"),
        N_("The access point wanted to send you to an address that is not its own. We stopped."),
        N_("Type no password here, leave this Wi-Fi, and tell the people of this place."),
        can_retry=False,
    ),
    DenyReason.BANNED: Explanation(
        301,
        Side.HOME,
        N_("Your access is suspended"),
        N_("The town that gave you your identifier has suspended it."),
        N_("Ask its town hall why, and how to get it back."),
        can_retry=False,
    ),
    DenyReason.CLOSED: Explanation(
        302,
        Side.HOME,
        N_("This account is closed"),
        N_("It was closed at your request, or by the town that gave it to you."),
        N_("You can open a new one with another e-mail address, or ask the town hall."),
    ),
    DenyReason.UNKNOWN_REALM: Explanation(
        303,
        Side.HOME,
        N_("Your town is not in our network yet"),
        N_("We do not know the part of your identifier that follows the @ sign."),
        N_("Check it, or begin with your e-mail address as if it were your first time here."),
    ),
    DenyReason.TICKET_EXPIRED: Explanation(
        401,
        Side.SERVICE,
        N_("That took a little too long"),
        N_("The pass that we gave your device was valid for two minutes only."),
        N_("Try again: you will get a new one."),
    ),
    DenyReason.TICKET_USED: Explanation(
        402,
        Side.SERVICE,
        N_("This pass has been used already"),
        N_("Each pass opens the Wi-Fi once only."),
        N_("Try again: you will get a new one."),
    ),
    Obstacle.EXPIRED: Explanation(
        111,
        Side.YOU,
        N_("This page has waited too long"),
        N_("For your safety, a log-in that is not finished is forgotten after a while."),
        N_("Switch the Wi-Fi of your device off and on again, then open any page."),
    ),
    Obstacle.THROTTLED: Explanation(
        112,
        Side.YOU,
        N_("Too many tries"),
        N_("To protect every account, we count how often codes and passwords are tried."),
        N_("Take a short break, then try again."),
    ),
    Obstacle.NOT_FOUND: Explanation(
        113,
        Side.YOU,
        N_("There is nothing at this address"),
        N_("The address may have been typed wrong, or the page has moved."),
        N_("To connect, choose the Wi-Fi network again and open any page."),
        can_retry=False,
    ),
    Obstacle.UNAVAILABLE: Explanation(
        411,
        Side.SERVICE,
        N_("Our service is taking a break"),
        N_("It cannot answer at the moment. We have been told and are working on it."),
        N_("Try again in a few minutes."),
    ),
    Obstacle.FAILURE: Explanation(
        412,
        Side.SERVICE,
        N_("Something went wrong with us"),
        N_("Our service met a mistake of its own. It has been written down for us to mend."),
        N_("Try again. If it comes back, tell us the help code below."),
    ),
}


def explain(obstacle: StrEnum) -> Explanation:
    """Return the words for a DenyReason, a RedirectFlaw or an Obstacle."""
    return _EXPLANATIONS[obstacle]


def sentence(mistake: Mistake) -> str:
    """Return what to say about a mistake in a form, as a msgid."""
    return _SENTENCES[mistake]


def ended_because(ending: Ending) -> str | None:
    """Return what to say about the end of a session, as a msgid; None to who left by themselves."""
    return _ENDINGS.get(ending)


def field_of(mistake: Mistake | None) -> str | None:
    """Return the name of the form field that a mistake is about, if it is about one."""
    return None if mistake is None else _FIELDS.get(mistake)
