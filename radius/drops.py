"""Packets that get no answer: each counted, and each cause told once a minute with its remedy."""

from typing import Final

from monitoring import metrics
from monitoring.logging import RepeatedWarnings
from radius.request import Address, Clock, Unanswered

_NO_RADIUS: Final = (
    "what arrives is no RADIUS, or was cut on the way: see what runs at this address, "
    "and block it if it is none of yours"
)
_BUSY: Final = (
    "the NAS repeats its request. If this goes on, look at the database's seconds on the dashboard "
    "and at radius.max_in_progress"
)

REMEDIES: Final = {
    Unanswered.MALFORMED_TOO_SHORT: _NO_RADIUS,
    Unanswered.MALFORMED_TOO_LONG: _NO_RADIUS,
    Unanswered.MALFORMED_BAD_LENGTH: _NO_RADIUS,
    Unanswered.MALFORMED_BAD_ATTRIBUTE: (
        "the packet contradicts itself: update the firmware of the NAS, or see what else runs there"
    ),
    Unanswered.UNSUPPORTED_CODE: (
        "log-ins belong to radius.auth_port and accounting to radius.acct_port: "
        "set both ports on the NAS; orders of partners belong to radius.dynamic_authorization_port"
    ),
    Unanswered.UNKNOWN_NAS: (
        "if this NAS is yours, make it known: farandole nas add NAME --hotspot SLUG "
        "--vendor VENDOR --address ADDRESS (or --identifier TEXT)"
    ),
    Unanswered.WRONG_SECRET: (
        "the shared secret on the NAS is not ours: enter it there again, "
        "or make a new one with farandole nas rotate NAME"
    ),
    Unanswered.MESSAGE_AUTHENTICATOR_MISSING: (
        "this NAS must sign with Message-Authenticator and does not: switch it on there or undo "
        "the change that switched it off; if nobody changed anything, take it for an attack. Only "
        "for a NAS that cannot sign: farandole nas change NAME --message-authenticator optional, "
        "which leaves its log-ins open to forgery (CVE-2024-3596); it must then send a password "
        "with each MAC address that it asks for, hidden by the secret"
    ),
    Unanswered.PROXY_STATE_UNSIGNED: (
        "a proxy that does not sign, or an attack: switch on Message-Authenticator at the proxy"
    ),
    Unanswered.EAP_IN_PROGRESS: (
        "nothing: a NAS or a proxy repeated EAP as a request of its own, while the first was being "
        "worked on. If it stays, the database or this machine is slow"
    ),
    Unanswered.DATABASE_UNAVAILABLE: (
        "start the database or mend the way to it (database.url; farandole check says what it "
        "answers). The NAS repeats its request until then"
    ),
    Unanswered.DATABASE_LOCKED: (
        "another program holds the database file: end it, or move to PostgreSQL. "
        "The NAS repeats its request until then"
    ),
    Unanswered.DATABASE_TIMEOUT: (
        "the database is too slow: look at its disk and its load, and at database.timeout_seconds. "
        "The NAS repeats its request until then"
    ),
    Unanswered.OVERLOADED: _BUSY,
    Unanswered.STOPPING: "nothing: the server was being stopped, the NAS asks again or elsewhere",
    Unanswered.UNSENDABLE: (
        "the answer could not be sent: look at this machine's routes, packet filter and "
        "send buffers"
    ),
    Unanswered.ORDER_NOT_CURRENT: (
        "an order of a partner that its clock dates more than five minutes off ours: set both "
        "clocks by NTP. If they agree, somebody sends again what was recorded"
    ),
    Unanswered.PARTNER_SUSPENDED: (
        "accounting of a partner that you suspended: it keeps it, and sends it again once you let "
        "it: farandole partner resume NAME"
    ),
    Unanswered.INTERNAL_ERROR: "this is a bug of ours: report it with the traceback",
}

NOBODY: Final = "-"


class Drops:
    """Counts what gets no answer, and warns about it without filling the disk."""

    def __init__(self, warnings: RepeatedWarnings, clock: Clock) -> None:
        self._warnings = warnings
        self._clock = clock
        # Shown at zero from the start: Prometheus sees no increase in what appears at 1.
        self._counters = {
            reason: metrics.radius_drops.labels(reason.value) for reason in Unanswered
        }

    def count(
        self, reason: Unanswered, address: Address, nas: str = NOBODY, **fields: object
    ) -> None:
        """Count a packet from `address` as unanswered, and log it if it is the first of its kind.

        `nas` is the name of the NAS where one is known; strangers are told apart by address.
        """
        self._counters[reason].inc()
        self._warnings.warn(
            f"no answer: {reason.replace('_', ' ')}",
            nas if nas != NOBODY else f"at {address}",
            self._clock(),
            reason=reason.value,
            source=str(address),
            remedy=REMEDIES[reason],
            **fields,
        )
