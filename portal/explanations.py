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
from portal.sentences import N_


class Obstacle(StrEnum):
    """Why the portal shows no page of the log-in, beside denials and flawed redirects."""

    EXPIRED = "expired"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    NOT_FOUND = "not_found"
    FAILURE = "failure"
    LINK_EXPIRED = "link_expired"
    SHORT_CODE_WRONG = "short_code_wrong"
    SECURE_NOT_READY = "secure_not_ready"
    OPENID_REFUSED = "openid_refused"


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
    DenyReason.EAP_FAILED: Explanation(
        108,
        Side.YOU,
        N_("The secure network did not let this device in"),
        N_("It did not finish its log-in, or did not trust our server."),
        N_("Choose the device in your list, make a new profile, and install it."),
    ),
    DenyReason.REALM_MISMATCH: Explanation(
        109,
        Side.YOU,
        N_("The settings of this device contradict each other"),
        N_("It names two different towns. Settings typed by hand are often the reason."),
        N_("Make a profile and install it: then there is nothing to type."),
    ),
    DenyReason.CERTIFICATE_EXPIRED: Explanation(
        110,
        Side.YOU,
        N_("The profile of this device is too old"),
        N_("For your safety, a profile is valid for a limited time."),
        N_("Choose the device in your list and make a new profile: it replaces the old one."),
    ),
    DenyReason.CERTIFICATE_UNTRUSTED: Explanation(
        114,
        Side.YOU,
        N_("This certificate is not one of ours"),
        N_("The device showed a certificate that was made by somebody else."),
        N_("Make a profile with us and install it."),
    ),
    DenyReason.UNKNOWN_CERTIFICATE: Explanation(
        115,
        Side.YOU,
        N_("We do not know this profile any more"),
        N_("It belongs to a device that is no longer on your list."),
        N_("Make a new profile and install it."),
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
    DenyReason.HOME_UNREACHABLE: Explanation(
        304,
        Side.HOME,
        N_("Your home does not answer"),
        N_("We asked the service that gave you your identifier, and got no answer in time."),
        N_("Try again in a few minutes. The people of your home can see to it."),
    ),
    DenyReason.PARTNER_SUSPENDED: Explanation(
        305,
        Side.HOME,
        N_("Your home and we are not connected at the moment"),
        N_("Log-ins between its network and ours have been suspended."),
        N_("Ask the town hall of your home, or begin here with your e-mail address."),
        can_retry=False,
    ),
    DenyReason.HOME_REFUSED: Explanation(
        306,
        Side.HOME,
        N_("Your home has not let you in"),
        N_("It said no, or the log-in there was stopped before its end."),
        N_("Try again. If it says no once more, ask the people of your home why."),
    ),
    DenyReason.HOME_ANSWER_UNUSABLE: Explanation(
        307,
        Side.HOME,
        N_("We did not understand your home"),
        N_("It answered in a way that we cannot rely on. For your safety, we stopped."),
        N_("Try again. If it comes back, tell the people of your home the help code below."),
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
    DenyReason.EAP_FORGOTTEN: Explanation(
        403,
        Side.SERVICE,
        N_("Our service lost the thread"),
        N_("It was busy, or has just been started again, while your device logged in."),
        N_("Your device tries again by itself."),
    ),
    DenyReason.ROUTING_LOOP: Explanation(
        404,
        Side.SERVICE,
        N_("We did not find the way to your home"),
        N_("Your log-in was passed on from network to network and came back to us."),
        N_("Tell us the help code below: somebody has to set the way right."),
        can_retry=False,
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
    Obstacle.LINK_EXPIRED: Explanation(
        116,
        Side.YOU,
        N_("This link is no longer valid"),
        N_("For your safety, it works for one hour. What you have installed goes on working."),
        N_("Ask for a new link: it takes a minute."),
        can_retry=False,
    ),
    Obstacle.SHORT_CODE_WRONG: Explanation(
        117,
        Side.YOU,
        N_("This short address does not work"),
        N_(
            "It works for a quarter of an hour at most, a few times only, and every character "
            "counts."
        ),
        N_("Open the page that showed it once more, and type what it shows now."),
        can_retry=False,
    ),
    Obstacle.OPENID_REFUSED: Explanation(
        215,
        Side.PLACE,
        N_("We cannot answer the place that sent you here"),
        N_("We do not know it, or it asked in a way that is not right."),
        N_("Go back to its Wi-Fi and try again. If that does not help, tell its people."),
        can_retry=False,
    ),
    Obstacle.SECURE_NOT_READY: Explanation(
        413,
        Side.SERVICE,
        N_("The secure network is not ready yet"),
        N_("Our service has no certificate yet by which your device could know it."),
        N_("Use the open Wi-Fi for now, and come back later."),
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
