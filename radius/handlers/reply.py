"""A grant or a denial as a packet, for the NAS that asked."""

from collections.abc import Iterator
from typing import Final

from aaa import cui, session_owner
from aaa.authentication import Authenticated
from aaa.nas.registry import adapter
from aaa.policy import DenyReason, Grant
from aaa.secret import Keyring
from aaa.session_owner import SessionOwner
from radius.request import Request
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged, Value

_LARGEST: Final = 0xFFFF_FFFF
# A NAS that heeds it has this in place of a measure of its own: a lost frame costs no more, and its
# five or so repetitions leave a person half a minute to say that they trust the server.
_REPEAT_SECONDS: Final = 5
_EAP_FAILURE: Final = 4
_PROXY_STATE: Final = 33
_ACKS: Final = {
    Code.COA_REQUEST: Code.COA_ACK,
    Code.DISCONNECT_REQUEST: Code.DISCONNECT_ACK,
}
_NAKS: Final = {
    Code.COA_REQUEST: Code.COA_NAK,
    Code.DISCONNECT_REQUEST: Code.DISCONNECT_NAK,
}
_NOT_RIGHT: Final = "This identifier or password is not right."
_TICKET: Final = "This log-in is not valid any more: please start again on the welcome page."

# For people, in gateways' own pages; the portal says more, in their language. An identifier that
# nobody has and a wrong password read the same, so that nobody can find out who has an account.
MESSAGES: Final = {
    DenyReason.UNKNOWN_CITIZEN: _NOT_RIGHT,
    DenyReason.WRONG_PASSWORD: _NOT_RIGHT,
    DenyReason.UNKNOWN_REALM: "We do not know the place that this identifier names after the @.",
    DenyReason.BAD_IDENTIFIER: "An identifier looks like name@village.example.",
    DenyReason.PASSWORD_NOT_ALLOWED: "Please log in on the welcome page of this network.",
    DenyReason.TICKET_EXPIRED: _TICKET,
    DenyReason.TICKET_USED: _TICKET,
    DenyReason.TICKET_ELSEWHERE: _TICKET,
    DenyReason.UNKNOWN_DEVICE: "Please log in: we do not know this device.",
    DenyReason.DEVICE_EXPIRED: "Please log in again: this device was remembered long enough.",
    DenyReason.DEVICE_REVOKED: "Please log in: this device is not remembered any more.",
    DenyReason.METHOD_NOT_SUPPORTED: "This way of logging in is not offered here.",
    DenyReason.EAP_FAILED: "The secure log-in did not succeed: install the profile again.",
    DenyReason.EAP_FORGOTTEN: "The secure log-in took too long: please try again.",
    DenyReason.REALM_MISMATCH: "The two identifiers in this profile name different places.",
    DenyReason.CERTIFICATE_UNTRUSTED: "This certificate is not one of ours.",
    DenyReason.CERTIFICATE_EXPIRED: "This profile has expired: install a new one.",
    DenyReason.UNKNOWN_CERTIFICATE: "This profile is not known: install a new one.",
    DenyReason.BANNED: "This account has been suspended: please ask at the town hall.",
    DenyReason.CLOSED: "This account is closed.",
    DenyReason.OUTSIDE_HOURS: "This hotspot is closed at this hour.",
    DenyReason.DAILY_TIME_SPENT: "Your time for today is used up: see you tomorrow.",
    DenyReason.DAILY_VOLUME_SPENT: "Your volume for today is used up: see you tomorrow.",
    DenyReason.TOO_MANY_DEVICES: "Too many of your devices are online: disconnect one first.",
    DenyReason.HOME_UNREACHABLE: "Your home's service does not answer: please try again later.",
    DenyReason.ROUTING_LOOP: "We cannot find the way to your home's service.",
    DenyReason.HOME_REFUSED: "Your home has not let you in.",
    DenyReason.HOME_ANSWER_UNUSABLE: "We could not understand your home's answer.",
    DenyReason.PARTNER_SUSPENDED: "Our network and your home's are not connected at the moment.",
}


class ReplyBuilder:
    """Builds Access-Accept, Access-Challenge and Access-Reject; seals with `keyring`."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._cui_key = keyring.derive(cui.KEY)

    def accept(
        self, request: Request, authenticated: Authenticated, *more: tuple[str, Value]
    ) -> Packet:
        """Return the Access-Accept: who it is, whose session, within which limits; and `more`."""
        citizen = authenticated.citizen
        owner = SessionOwner(authenticated.method, citizen.id, authenticated.device_id)
        named: list[tuple[str, Value | Tagged]] = [
            # A NAS names the session in accounting by this, not by what was typed.
            ("User-Name", citizen.nai),
            ("Class", session_owner.seal(self._keyring, owner).encode()),
            *self._chargeable_user_identity(request, citizen.id),
        ]
        named += [*granted(request, authenticated.grant), *more]
        return respond(request, Code.ACCESS_ACCEPT, Attributes.of(*named))

    def challenge(self, request: Request, *named: tuple[str, Value]) -> Packet:
        """Return the Access-Challenge: ask on, and say when to repeat what got no answer (RFC 3580
        section 3.17)."""
        attributes = Attributes.of(*named, ("Session-Timeout", _REPEAT_SECONDS))
        return respond(request, Code.ACCESS_CHALLENGE, attributes)

    def reject(self, request: Request, reason: DenyReason, *more: tuple[str, Value]) -> Packet:
        """Return the Access-Reject: an end to EAP where there is any, else a sentence for the
        person (RFC 3579 section 2.6.5 wants them apart); and `more`."""
        said = eap_failure(request) or [("Reply-Message", MESSAGES[reason])]
        return respond(request, Code.ACCESS_REJECT, Attributes.of(*said, *more))

    def _chargeable_user_identity(
        self, request: Request, citizen_id: int
    ) -> Iterator[tuple[str, Value]]:
        """The citizen's pseudonym in this collectivity, where the NAS asks for one.

        RFC 4372 section 2.1: it asks by sending the attribute, at first with one NUL octet. Any
        other value is what CoovaChilli kept of the device's previous user, and is overwritten.
        """
        if request.packet.attributes.has("Chargeable-User-Identity"):
            visited = request.hotspot.collectivity.id
            pseudonym = cui.pseudonym(self._cui_key, citizen_id, visited)
            yield "Chargeable-User-Identity", pseudonym.encode()


def granted(request: Request, grant: Grant) -> Iterator[tuple[str, Value]]:
    """Yield the limits of a grant as the NAS that asked reads them."""
    for name, value in adapter(request.nas.vendor).reply_attributes(grant):
        yield name, min(value, _LARGEST) if isinstance(value, int) else value


def acknowledge(request: Request) -> Packet:
    """Return the Accounting-Response."""
    return respond(request, Code.ACCOUNTING_RESPONSE, Attributes())


def ack(request: Request) -> Packet:
    """Return the CoA-ACK or Disconnect-ACK: what was ordered is done."""
    return respond(request, _ACKS[request.packet.code], Attributes())


def nak(request: Request, cause: str | int | None) -> Packet:
    """Return the CoA-NAK or Disconnect-NAK with its Error-Cause, by name or number, if it has one
    (RFC 5176 section 3.5)."""
    attributes = Attributes.of(("Error-Cause", cause)) if cause else Attributes()
    return respond(request, _NAKS[request.packet.code], attributes)


def respond(request: Request, code: Code, attributes: Attributes) -> Packet:
    """Return the reply with every Proxy-State of the request, unchanged and in order (RFC 2865
    section 5.33)."""
    packet = request.packet
    if packet.attributes.has("Proxy-State"):
        attributes += Attributes(tuple(p for p in packet.attributes if p[0] == _PROXY_STATE))
    return Packet(code, packet.identifier, packet.authenticator, attributes)


def eap_failure(request: Request) -> list[tuple[str, Value]]:
    """Return EAP-Failure for the Identifier of the EAP-Response (RFC 3579 section 2.6.3); nothing
    where there was none."""
    eap = request.packet.attributes.octets("EAP-Message")
    if eap is None:
        return []
    identifier = eap[1] if len(eap) > 1 else 0
    return [("EAP-Message", bytes((_EAP_FAILURE, identifier, 0, 4)))]
