"""Access-Request: who is it, and may they? `aaa` knows; this asks and answers (RFC 2865)."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from aaa import mac
from aaa.authentication import Authenticated, Authenticator, Claim, Method, Refused
from aaa.policy import Denied, DenyReason
from aaa.secret import Secret
from aaa.snapshot import Directory
from monitoring import metrics
from radius.clients import reads_as_text
from radius.handlers.reply import ReplyBuilder
from radius.request import Clock, Reply, Request, Unanswered
from radius.wire import chap
from radius.wire.hiding import unhide_password

# Jitter, so that how long a refusal takes tells nothing: up to a quarter more.
_JITTER: Final = 0.25


@dataclass(frozen=True, slots=True)
class _Proof:
    """What a request proves itself by: `matches` compares it with a ticket."""

    # The octets compared with would show in it.
    matches: Callable[[bytes], bool] = field(repr=False)
    password: Secret | None


class AccessHandler:
    """Answers Access-Requests: PAP, CHAP and MAC authentication.

    `reject_delay_seconds` is how long a refusal is held back; `chance` returns numbers from 0
    to 1.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        directory: Directory,
        replies: ReplyBuilder,
        clock: Clock,
        *,
        reject_delay_seconds: float,
        chance: Callable[[], float],
    ) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._replies = replies
        self._clock = clock
        self._reject_delay_seconds = reject_delay_seconds
        self._chance = chance

    async def __call__(self, request: Request) -> Reply | Unanswered:
        """Return Access-Accept or Access-Reject, or why what may be forged gets neither.

        Raises Unavailable, MalformedPacket.
        """
        if unproven := _unproven(request):
            return unproven
        outcome = await self._decide(request)
        collectivity = request.hotspot.collectivity.slug
        if isinstance(outcome, Authenticated):
            metrics.log_ins.labels(collectivity, outcome.method.value, "accept").inc()
            return Reply(self._replies.accept(request, outcome), method=outcome.method)
        reason = outcome.denied.reason
        metrics.denials.labels(collectivity, reason.value, "radius").inc()
        if outcome.method is not None:
            metrics.log_ins.labels(collectivity, outcome.method.value, "reject").inc()
        return Reply(
            self._replies.reject(request, reason),
            reason=reason,
            method=outcome.method,
            held_back_seconds=self._delay(outcome),
        )

    async def _decide(self, request: Request) -> Authenticated | Refused:
        snapshot, now = self._directory.current, self._clock()
        user_name = request.text("User-Name") or ""
        attributes = request.packet.attributes
        if attributes.has("EAP-Message"):
            return Refused(Denied(DenyReason.METHOD_NOT_SUPPORTED))
        if names_its_device(user_name, request.device_mac):
            return await self._authenticator.by_device(
                request.device_mac or "", request.hotspot, snapshot, now
            )
        proof = _proof(request)
        if proof is None:
            return Refused(Denied(DenyReason.METHOD_NOT_SUPPORTED))
        claim = Claim(
            user_name=user_name,
            nas=request.nas,
            hotspot=request.hotspot,
            device_mac=request.device_mac,
            matches=proof.matches,
            password=proof.password,
        )
        return await self._authenticator.by_credentials(claim, snapshot, now)

    def _delay(self, refused: Refused) -> float:
        """How long to hold a refusal back. A device that is not remembered is no guess: each new
        phone in the village waits for this answer before it sees the welcome page."""
        if refused.method is Method.DEVICE:
            return 0.0
        return self._reject_delay_seconds * (1 + _JITTER * self._chance())


def names_its_device(user_name: str, device_mac: str | None) -> bool:
    """Whether a User-Name is the device's own MAC address, a realm that the NAS adds left out:
    then the NAS asks for the device, and the password says nothing.

    Service-Type would tell too, but NAS differ in it: Call-Check, Framed, or Login as for people.
    """
    return device_mac is not None and mac.normalize(user_name.partition("@")[0]) == device_mac


def _unproven(request: Request) -> Unanswered | None:
    """Return why a request that anybody may have forged is not worth a look at the database.

    What is not signed proves its NAS only by a password that our secret makes text of. CHAP and a
    bare MAC address prove nothing of it, and the answer to the latter tells whose device that is.
    """
    if request.was_signed:
        return None
    if not reads_as_text(request.packet, request.secret):
        return Unanswered.WRONG_SECRET
    asks_for_device = names_its_device(request.text("User-Name") or "", request.device_mac)
    if asks_for_device and not request.packet.attributes.has("User-Password"):
        return Unanswered.MESSAGE_AUTHENTICATOR_MISSING
    return None


def _proof(request: Request) -> _Proof | None:
    attributes = request.packet.attributes
    chap_password = attributes.octets("CHAP-Password")
    if chap_password is not None:
        challenge = chap.challenge_of(request.packet)
        matches = partial(chap.matches, chap_password=chap_password, challenge=challenge)
        return _Proof(matches, None)
    hidden = attributes.octets("User-Password")
    if hidden is None:
        return None
    secret, authenticator = request.secret.reveal(), request.packet.authenticator
    password = unhide_password(hidden, secret, authenticator)
    return _Proof(partial(hmac.compare_digest, password), Secret(password))
