"""Access-Request: who is it, and may they? `aaa` knows; this asks and answers (RFC 2865)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from aaa import mac
from aaa.authentication import Authenticated, Authenticator, Claim, Method, Refused
from aaa.policy import Denied, DenyReason
from aaa.snapshot import Directory
from monitoring import metrics
from radius.clients import reads_as_text
from radius.handlers.eap import Admitted, Challenged, Dismissed, EapHandler
from radius.handlers.proof import Proof, proof_of
from radius.handlers.reply import MESSAGES, ReplyBuilder
from radius.request import Clock, Reply, Request, Unanswered
from radius.wire.values import Value

# Jitter, so that how long a refusal takes tells nothing: up to a quarter more.
_JITTER: Final = 0.25


class AccessHandler:
    """Answers Access-Requests: PAP, CHAP, MS-CHAPv2 and MAC authentication; `eap`
    those that carry EAP.

    `reject_delay_seconds` is how long a refusal is held back; `chance` returns numbers from 0
    to 1.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        eap: EapHandler,
        directory: Directory,
        replies: ReplyBuilder,
        clock: Clock,
        *,
        reject_delay_seconds: float,
        chance: Callable[[], float],
    ) -> None:
        self._authenticator = authenticator
        self._eap = eap
        self._directory = directory
        self._replies = replies
        self._clock = clock
        self._reject_delay_seconds = reject_delay_seconds
        self._chance = chance

    async def __call__(self, request: Request) -> Reply | Unanswered:
        """Return Access-Accept, Access-Reject or Access-Challenge, or why what may be forged gets
        none of them.

        Raises Unavailable, MalformedPacket.
        """
        if reason := unproven(request):
            return reason
        if request.packet.attributes.has("EAP-Message"):
            return await self._converse(request)
        proof = _proof(request)
        outcome = await self._decide(request, proof)
        if isinstance(outcome, Authenticated):
            keys = proof.accepted() if proof else ()
            return self._accept(request, outcome, *keys)
        errors = proof.refused(MESSAGES[outcome.denied.reason]) if proof else ()
        return self._refuse(request, outcome, *errors)

    async def _converse(self, request: Request) -> Reply | Unanswered:
        outcome = await self._eap.converse(request)
        match outcome:
            case Unanswered():
                return outcome
            case Challenged():
                return self._challenge(request, outcome)
            case Admitted(authenticated, eap, msk, proof):
                half = len(msk) // 2
                # RFC 2548 section 2.4: as the NAS receives, and as it sends.
                keys = (("MS-MPPE-Recv-Key", msk[:half]), ("MS-MPPE-Send-Key", msk[half:]))
                # When its time is up the supplicant proves itself anew, in place of being cut off
                # (RFC 3580 section 3.17).
                again = ("Termination-Action", "RADIUS-Request")
                reply = self._accept(request, authenticated, ("EAP-Message", eap), *keys, again)
                return replace(reply, eap=proof.value)
            case Dismissed(refused, failure):
                return replace(
                    self._refuse(request, refused), eap=failure.value if failure else None
                )

    def _challenge(self, request: Request, challenged: Challenged) -> Reply:
        named: list[tuple[str, Value]] = [
            ("EAP-Message", challenged.eap),
            ("State", challenged.state),
        ]
        if challenged.is_repeated:
            named.append(("Error-Cause", "Invalid-EAP-Packet"))
        return Reply(
            self._replies.challenge(request, *named),
            held_back_seconds=self._jitter() if challenged.hides_search else 0.0,
        )

    def _accept(
        self, request: Request, authenticated: Authenticated, *more: tuple[str, Value]
    ) -> Reply:
        collectivity = request.hotspot.collectivity.slug
        metrics.log_ins.labels(collectivity, authenticated.method.value, "accept").inc()
        packet = self._replies.accept(request, authenticated, *more)
        return Reply(packet, method=authenticated.method)

    def _refuse(self, request: Request, refused: Refused, *more: tuple[str, Value]) -> Reply:
        collectivity, reason = request.hotspot.collectivity.slug, refused.denied.reason
        metrics.denials.labels(collectivity, reason.value, "radius").inc()
        if refused.method is not None:
            metrics.log_ins.labels(collectivity, refused.method.value, "reject").inc()
        return Reply(
            self._replies.reject(request, reason, *more),
            reason=reason,
            method=refused.method,
            held_back_seconds=self._delay(refused),
        )

    async def _decide(self, request: Request, proof: Proof | None) -> Authenticated | Refused:
        snapshot, now = self._directory.current, self._clock()
        user_name = request.text("User-Name") or ""
        if names_its_device(user_name, request.device_mac):
            return await self._authenticator.by_device(
                request.device_mac or "", request.hotspot, snapshot, now
            )
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
        return self._reject_delay_seconds + self._jitter()

    def _jitter(self) -> float:
        return self._reject_delay_seconds * _JITTER * self._chance()


def names_its_device(user_name: str, device_mac: str | None) -> bool:
    """Whether a User-Name is the device's own MAC address, a realm that the NAS adds left out:
    then the NAS asks for the device, and the password says nothing.

    Service-Type would tell too, but NAS differ in it: Call-Check, Framed, or Login as for people.
    """
    return device_mac is not None and mac.normalize(user_name.partition("@")[0]) == device_mac


def unproven(request: Request) -> Unanswered | None:
    """Return why a request that anybody may have forged is not worth a look at the database.

    What is not signed proves its NAS only by a password that our secret makes text of. CHAP and a
    bare MAC address prove nothing of it, and the answer to the latter tells whose device that is.
    """
    if request.is_authentic:
        return None
    if request.packet.attributes.has("EAP-Message"):
        # RFC 3579 section 3.1: then it must be.
        return Unanswered.MESSAGE_AUTHENTICATOR_MISSING
    password = request.packet.attributes.octets("User-Password")
    if password is not None and not reads_as_text(password):
        return Unanswered.WRONG_SECRET
    asks_for_device = names_its_device(request.text("User-Name") or "", request.device_mac)
    if asks_for_device and password is None:
        return Unanswered.MESSAGE_AUTHENTICATOR_MISSING
    return None


def _proof(request: Request) -> Proof | None:
    """Return the proof that a request stands on: none where it asks for the device."""
    if names_its_device(request.text("User-Name") or "", request.device_mac):
        return None
    return proof_of(request)
