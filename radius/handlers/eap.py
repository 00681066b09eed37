"""EAP in Access-Requests (RFC 3579): drive a conversation, have `aaa` answer its questions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aaa import identifier
from aaa.authentication import Authenticated, Authenticator, Proven, Refused
from aaa.errors import Invalid, Unavailable
from aaa.policy import Denied, DenyReason
from aaa.secret import Secret
from aaa.settings import EapSettings
from aaa.snapshot import Directory, Snapshot
from monitoring import metrics
from radius.conversations import Conversations
from radius.eap import identity as identities
from radius.eap.conversation import Conversation
from radius.eap.steps import (
    Accept,
    Answer,
    AskCertificate,
    AskPassword,
    AskSecrets,
    Candidate,
    Challenge,
    Discard,
    Fail,
    Failure,
    Proof,
    Question,
    Right,
    Secrets,
    Step,
    Wrong,
)
from radius.handlers.eap_methods import Methods
from radius.request import Clock, Request

_STATE_OCTETS: Final = 16
# A link takes no less than this for EAP (RFC 3748 section 3.1 wants 1020, 802.1X 1496).
_LEAST_OCTETS: Final = 64
# Between the Framed-MTU of the link and an EAP packet: the header of EAPOL (RFC 3579 section 2.4).
_EAPOL_OCTETS: Final = 4
# What a conversation knows the account password by, in place of a device.
_ACCOUNT: Final = 0
_REASONS: Final = {
    Failure.CREDENTIAL_REFUSED: DenyReason.WRONG_PASSWORD,
    Failure.NO_COMMON_METHOD: DenyReason.METHOD_NOT_SUPPORTED,
    Failure.REALM_MISMATCH: DenyReason.REALM_MISMATCH,
    Failure.BAD_IDENTITY: DenyReason.BAD_IDENTIFIER,
    Failure.CERTIFICATE_EXPIRED: DenyReason.CERTIFICATE_EXPIRED,
    Failure.CERTIFICATE_UNTRUSTED: DenyReason.CERTIFICATE_UNTRUSTED,
}


@dataclass(frozen=True, slots=True)
class Challenged:
    """Ask the supplicant on: `eap` and `state` go into an Access-Challenge. `is_repeated`: what it
    sent was ignored (RFC 3579 section 2.2)."""

    eap: bytes
    state: bytes
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class Admitted:
    """It has proven itself and may connect: `eap` is the EAP-Success, `msk` the link's keys."""

    authenticated: Authenticated
    eap: bytes
    msk: bytes = field(repr=False)
    proof: Proof


@dataclass(frozen=True, slots=True)
class Dismissed:
    """It may not: `failure` says where EAP itself ended."""

    refused: Refused
    failure: Failure | None = None


@dataclass(slots=True)
class _Held:
    """A conversation with what was found out in it: who each credential belongs to, why one was
    refused, and the packet that led to a step which needs the store, until that has answered."""

    conversation: Conversation
    ends_at: datetime
    proven: dict[int, Proven] = field(default_factory=dict)
    refused: Refused | None = None
    unfinished: tuple[bytes, Question | Accept] | None = None


class EapHandler:
    """Answers Access-Requests that carry EAP. `chance` returns random octets."""

    def __init__(
        self,
        authenticator: Authenticator,
        directory: Directory,
        methods: Methods,
        settings: EapSettings,
        clock: Clock,
        chance: Callable[[int], bytes],
    ) -> None:
        self._authenticator = authenticator
        self._directory = directory
        self._methods = methods
        self._settings = settings
        self._clock = clock
        self._chance = chance
        self._conversations: Conversations[_Held] = Conversations(settings.max_conversations)

    async def converse(self, request: Request) -> Challenged | Admitted | Dismissed:
        """Return what one packet of the supplicant leads to. Raises Unavailable: then the same
        packet, sent again, is taken up where it stood."""
        snapshot, now = self._directory.current, self._clock()
        eap = request.packet.attributes.octets("EAP-Message") or b""
        state = request.packet.attributes.octets("State")
        held: _Held | Dismissed | None
        if state is None:
            held = self._begin(request, snapshot, now)
        else:
            held = self._conversations.take(state, now)
        metrics.eap_under_way.set(len(self._conversations))
        if isinstance(held, Dismissed):
            return held
        if held is None:
            return Dismissed(_denied(DenyReason.EAP_FORGOTTEN))
        try:
            step = await self._advance(held, request, eap, snapshot, now)
            return await self._conclude(held, step, request, snapshot, now)
        except Unavailable:
            if state is not None:
                self._keep(held, state, now)
            raise

    def _begin(self, request: Request, snapshot: Snapshot, now: datetime) -> _Held | Dismissed:
        offers = self._methods.offers(snapshot.server_identity)
        if not offers:
            return Dismissed(_denied(DenyReason.METHOD_NOT_SUPPORTED))
        realm = identities.realm(request.text("User-Name") or "")
        if realm is not None and not _is_ours(realm, snapshot):
            return Dismissed(_denied(DenyReason.UNKNOWN_REALM))
        ends_at = now + timedelta(seconds=self._settings.conversation_seconds)
        return _Held(Conversation(offers, self._chance), ends_at)

    async def _advance(
        self, held: _Held, request: Request, eap: bytes, snapshot: Snapshot, now: datetime
    ) -> Step:
        """Return what the packet leads to, every question on the way answered."""
        limit = self._limit(request)
        step: Step
        if held.unfinished is not None and held.unfinished[0] == eap:
            step = held.unfinished[1]
        elif not eap:
            # EAP-Start: the NAS has not asked for the identity (RFC 3579 section 2.1).
            return held.conversation.start(limit)
        else:
            step = held.conversation.receive(eap, limit)
        while isinstance(step, AskPassword | AskSecrets | AskCertificate):
            held.unfinished = (eap, step)
            answer = await self._answer(held, step, request, snapshot, now)
            step = held.conversation.answer(answer, limit)
        held.unfinished = (eap, step) if isinstance(step, Accept) else None
        # User-Name has led here (RFC 3579 section 2.1): EAP may not name another realm.
        said, user_name = held.conversation.identity, request.text("User-Name")
        if said and user_name and identities.complete(user_name, said) is None:
            return Fail(b"", Failure.REALM_MISMATCH)
        return step

    async def _answer(
        self, held: _Held, question: Question, request: Request, snapshot: Snapshot, now: datetime
    ) -> Answer:
        if isinstance(question, AskSecrets):
            found = await self._authenticator.wifi_secrets(
                question.identity, request.hotspot, snapshot
            )
            held.proven |= {_credential(one.proven): one.proven for one in found}
            return Secrets(
                tuple(Candidate(_credential(one.proven), one.secret.reveal()) for one in found)
            )
        outcome = await self._prove(question, request, snapshot, now)
        if isinstance(outcome, Refused):
            held.refused = outcome
            return Wrong()
        held.proven[_credential(outcome)] = outcome
        return Right(_credential(outcome))

    async def _prove(
        self,
        question: AskPassword | AskCertificate,
        request: Request,
        snapshot: Snapshot,
        now: datetime,
    ) -> Proven | Refused:
        """Return whose credential it is. What people type by hand they type into TTLS with PAP:
        there the account password counts too."""
        if isinstance(question, AskCertificate):
            return await self._authenticator.by_certificate(
                question.certificate, question.identity, snapshot, now
            )
        is_typed = question.proof is Proof.TTLS_PAP
        prove = self._authenticator.by_typed if is_typed else self._authenticator.by_wifi_secret
        password = Secret(question.password)
        return await prove(question.identity, password, request.hotspot, request.nas, snapshot, now)

    async def _conclude(
        self, held: _Held, step: Step, request: Request, snapshot: Snapshot, now: datetime
    ) -> Challenged | Admitted | Dismissed:
        match step:
            case Challenge(eap):
                return Challenged(eap, self._keep(held, self._chance(_STATE_OCTETS), now))
            case Discard(eap, reason):
                metrics.eap_ignored.labels(reason.value).inc()
                state = self._keep(held, self._chance(_STATE_OCTETS), now)
                return Challenged(eap, state, is_repeated=True)
            case Accept(eap, _, credential, proof, msk):
                outcome = await self._authenticator.authorize(
                    held.proven[credential], request.hotspot, request.device_mac, snapshot, now
                )
                metrics.eap_conversations.labels(proof.value).inc()
                if isinstance(outcome, Refused):
                    return Dismissed(outcome)
                return Admitted(outcome, eap, msk, proof)
            case Fail(_, reason):
                metrics.eap_failures.labels(reason.value).inc()
                if reason is Failure.CREDENTIAL_REFUSED and held.refused is not None:
                    return Dismissed(held.refused, reason)
                return Dismissed(_denied(_REASONS.get(reason, DenyReason.EAP_FAILED)), reason)
        raise TypeError(f"a conversation ended in {type(step).__name__}")

    def _keep(self, held: _Held, state: bytes, now: datetime) -> bytes:
        forgotten = self._conversations.keep(state, held, held.ends_at, now)
        metrics.eap_abandoned.inc(forgotten.abandoned)
        metrics.eap_crowded_out.inc(forgotten.crowded_out)
        metrics.eap_under_way.set(len(self._conversations))
        return state

    def _limit(self, request: Request) -> int:
        """How many octets an EAP packet to this supplicant may have."""
        mtu = request.packet.attributes.integer("Framed-MTU")
        most = self._settings.fragment_octets
        return most if mtu is None else max(_LEAST_OCTETS, min(most, mtu - _EAPOL_OCTETS))


def _is_ours(realm: str, snapshot: Snapshot) -> bool:
    try:
        return identifier.check_realm(realm) in snapshot.by_realm
    except Invalid:
        return False


def _credential(proven: Proven) -> int:
    return proven.device_id or _ACCOUNT


def _denied(reason: DenyReason) -> Refused:
    return Refused(Denied(reason))
