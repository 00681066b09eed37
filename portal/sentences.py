"""Single sentences of the pages: what is wrong with a form, and why a session is over.

They are English msgids; templates translate them.
"""

from enum import StrEnum
from typing import Final


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
    TOO_MANY_DEVICES = "too_many_devices"
    HOME_SAYS_NO = "home_says_no"
    NOT_OF_THIS_HOME = "not_of_this_home"


class Ending(StrEnum):
    """Why a session is over."""

    LEFT = "left"
    IDLE = "idle"
    SPENT = "spent"
    DAILY_TIME_SPENT = "daily_time_spent"
    DAILY_VOLUME_SPENT = "daily_volume_spent"
    ENDED_BY_SERVICE = "ended_by_service"
    UNKNOWN = "unknown"


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
    Mistake.HOME_SAYS_NO: N_(
        "Your home says no to this identifier with this password. Type them once more."
    ),
    Mistake.NOT_OF_THIS_HOME: N_(
        "This identifier is of another home. Choose that one in the list."
    ),
    Mistake.TOO_MANY_DEVICES: N_(
        "Your list of devices is full. Take one off that you do not use any more, then try again."
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
    Mistake.HOME_SAYS_NO: "identifier",
    Mistake.NOT_OF_THIS_HOME: "identifier",
    Mistake.NAME_UNUSABLE: "name",
    Mistake.NAME_TAKEN: "name",
    Mistake.PASSWORD_UNUSABLE: "password",
    Mistake.PASSWORD_MISSING: "password",
    Mistake.TERMS_NOT_ACCEPTED: "accept_terms",
}


def sentence(mistake: Mistake) -> str:
    """Return what to say about a mistake in a form, as a msgid."""
    return _SENTENCES[mistake]


def ended_because(ending: Ending) -> str | None:
    """Return what to say about the end of a session, as a msgid; None to who left by themselves."""
    return _ENDINGS.get(ending)


def field_of(mistake: Mistake | None) -> str | None:
    """Return the name of the form field that a mistake is about, if it is about one."""
    return None if mistake is None else _FIELDS.get(mistake)
