"""One request with who sent it, what became of it, and the seam between transport and handler."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address

from aaa import mac
from aaa.authentication import Method
from aaa.policy import DenyReason
from aaa.snapshot import HotspotEntry, NasEntry
from radius.wire.packet import Packet

Address = IPv4Address | IPv6Address
Clock = Callable[[], datetime]
"""Returns the time, aware and in UTC."""


class Service(StrEnum):
    """What a port is for: RFC 2865, RFC 2866 and RFC 5176 give each a port of its own."""

    AUTHENTICATION = "authentication"
    ACCOUNTING = "accounting"
    DYNAMIC_AUTHORIZATION = "dynamic_authorization"


@dataclass(frozen=True, slots=True)
class Request:
    """A packet from a NAS that we know, with nothing hidden in it: the transport reveals what came
    hidden, and hides what goes. `is_authentic`: nobody else can have made it."""

    packet: Packet
    service: Service
    nas: NasEntry
    address: Address
    received_at: datetime
    is_authentic: bool

    @property
    def device_mac(self) -> str | None:
        """The device, from Calling-Station-Id; None where the NAS does not say, or says zeros."""
        address = mac.station(self.packet.attributes.text("Calling-Station-Id"))[0]
        return None if address == "00:00:00:00:00:00" else address

    @property
    def hotspot(self) -> HotspotEntry:
        """Where the device is: the hotspot of the access point that it is on, else the NAS'."""
        if not self.nas.access_points:
            return self.nas.hotspot
        called = mac.station(self.packet.attributes.text("Called-Station-Id"))[0]
        return self.nas.hotspot_of(called)

    def text(self, name: str) -> str | None:
        """Return an attribute as text that can be stored and shown: without NUL, and None where
        nothing is left."""
        text = self.packet.attributes.text(name)
        return text.replace("\0", "") or None if text else None


class Unanswered(StrEnum):
    """Why a packet gets no answer: metric label, log field, and with it what to do about it."""

    MALFORMED_TOO_SHORT = "malformed_too_short"
    MALFORMED_TOO_LONG = "malformed_too_long"
    MALFORMED_BAD_LENGTH = "malformed_bad_length"
    MALFORMED_BAD_ATTRIBUTE = "malformed_bad_attribute"
    UNSUPPORTED_CODE = "unsupported_code"
    UNKNOWN_NAS = "unknown_nas"
    WRONG_SECRET = "wrong_secret"
    MESSAGE_AUTHENTICATOR_MISSING = "message_authenticator_missing"
    PROXY_STATE_UNSIGNED = "proxy_state_unsigned"
    EAP_IN_PROGRESS = "eap_in_progress"
    DATABASE_UNAVAILABLE = "database_unavailable"
    DATABASE_LOCKED = "database_locked"
    DATABASE_TIMEOUT = "database_timeout"
    OVERLOADED = "overloaded"
    STOPPING = "stopping"
    UNSENDABLE = "unsendable"
    ORDER_NOT_CURRENT = "order_not_current"
    PARTNER_SUSPENDED = "partner_suspended"
    INTERNAL_ERROR = "internal_error"


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer, and what to log and count of it.

    The transport gives `packet` its Identifier and authenticators. `held_back_seconds` is how
    long the answer waits, against guessing; the request counts as in progress until then. `eap`
    says what EAP came to: the proof that was given, or the failure. `way_error` is an Error-Cause
    (RFC 5176 section 3.5) where nobody decided, since the way home was at fault: who speaks
    RADIUS/1.1 is told that much in place of `packet`.
    """

    packet: Packet
    reason: DenyReason | None = None
    method: Method | None = None
    held_back_seconds: float = 0.0
    eap: str | None = None
    way_error: str | int | None = None


Handler = Callable[[Request], Awaitable[Reply | Unanswered]]
"""Answers requests. Raises aaa.errors.Unavailable where what it needs is away, MalformedPacket
where an attribute makes no sense."""
