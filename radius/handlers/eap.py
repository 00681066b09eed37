"""EAP in Access-Requests (RFC 3579): drive a conversation, have `aaa` answer its questions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from aaa.authentication import Authenticated, Authenticator, Proven, Refused
from aaa.errors import Unavailable
from aaa.policy import Denied, DenyReason
from aaa.secret import Secret
from aaa.settings import EapSettings
from aaa.snapshot import Directory, Snapshot
from monitoring import metrics
from radius.conversations import Conversations
from radius.eap import identity as identities
from radius.eap.conversation import Conversation
from radius.eap.packet import begins
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
    Ignored,
    Proof,
    Question,
    Right,
    Secrets,
    Step,
    Wrong,
)
from radius.handlers.eap_methods import Methods
from radius.request import Clock, Request, Unanswered

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
    sent was ignored (RFC 3579 section 2.2). `hides_search`: secrets were tried, and how long that
    took must not tell how many there are."""

    eap: bytes
    state: bytes
    is_repeated: bool = False
    hides_search: bool = False


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
    """A conversation with what was found out in it: who each credential belongs to, and why one was
    refused."""

    conversation: Conversation
    ends_at: datetime
    proven: dict[int, Proven] = field(default_factory=dict)
    refused: Refused | None = None
    request: bytes = b""
    """What the supplicant was asked last."""
    unfinished: tuple[bytes, Question | Accept] | None = None
    """Its packet, with the step that this led to, until the store has answered that."""
    answered: bytes | None = None
    """The State of its packet that was answered last."""
    was_searched: bool = False
    """Whether secrets were tried for the packet that is worked on."""


@dataclass(frozen=True, slots=True)
class _Answered:
    """What a supplicant's packet was answered with."""

    eap: bytes
    challenged: Challenged


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
        # By the State of the request that was answered: of each conversation the last.
        self._answered: Conversations[_Answered] = Conversations(settings.max_conversations)
        # The State of each request that is being worked on.
        self._working: set[bytes] = set()

    async def converse(self, request: Request) -> Challenged | Admitted | Dismissed | Unanswered:
        """Return what one packet of the supplicant leads to. A NAS or a proxy may send it again as
        a request of its own: then the same as the first time, or nothing while it is worked on.

        Raises Unavailable: then the same packet, sent again, is taken up where it stood.
        """
        snapshot, now = self._directory.current, self._clock()
        state, eap = _state(request), _eap(request)
        if state is None:
            return await self._work(self._begin(request, snapshot, now), request, snapshot, now)
        if state in self._working:
            return Unanswered.EAP_IN_PROGRESS
        answered = self._answered.look(state, now)
        if answered is not None and answered.eap == eap:
            return answered.challenged
        held: _Held | Dismissed | None = self._conversations.take(state, now)
        if begins(eap):
            # The supplicant was out of range, and the NAS has kept its State.
            held = self._begin(request, snapshot, now)
        self._working.add(state)
        try:
            return await self._work(held, request, snapshot, now)
        except Unavailable:
            if isinstance(held, _Held):
                self._keep(held, state, now)
            raise
        finally:
            self._working.remove(state)

    async def _work(
        self, held: _Held | Dismissed | None, request: Request, snapshot: Snapshot, now: datetime
    ) -> Challenged | Admitted | Dismissed:
        metrics.eap_under_way.set(len(self._conversations))
        if isinstance(held, Dismissed):
            return held
        if held is None:
            return Dismissed(_denied(DenyReason.EAP_FORGOTTEN))
        step = await self._advance(held, request, snapshot, now)
        return await self._conclude(held, step, request, snapshot, now)

    def _begin(self, request: Request, snapshot: Snapshot, now: datetime) -> _Held | Dismissed:
        offers = self._methods.offers(snapshot.server_identity)
        if not offers:
            return Dismissed(_denied(DenyReason.METHOD_NOT_SUPPORTED))
        realm = identities.realm(request.text("User-Name") or "")
        if realm is not None and realm not in snapshot.by_realm:
            return Dismissed(_denied(DenyReason.UNKNOWN_REALM))
        ends_at = now + timedelta(seconds=self._settings.conversation_seconds)
        return _Held(Conversation(offers, self._chance), ends_at)

    async def _advance(
        self, held: _Held, request: Request, snapshot: Snapshot, now: datetime
    ) -> Step:
        """Return what the packet leads to, every question on the way answered."""
        limit, eap = self._limit(request), _eap(request)
        held.was_searched = False
        step: Step
        if held.unfinished is not None:
            if held.unfinished[0] != eap:
                return Discard(held.request, Ignored.OUT_OF_TURN)
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
            return await self._search(held, question, request, snapshot, now)
        outcome = await self._prove(question, request, snapshot, now)
        if isinstance(outcome, Refused):
            held.refused = outcome
            return Wrong()
        held.proven[_credential(outcome)] = outcome
        return Right(_credential(outcome))

    async def _search(
        self, held: _Held, question: AskSecrets, request: Request, snapshot: Snapshot, now: datetime
    ) -> Secrets:
        """Return what may answer a challenge; where nothing may, find out why."""
        held.was_searched = True
        found = await self._authenticator.wifi_secrets(question.identity, request.hotspot, snapshot)
        if not found:
            nothing = AskPassword(question.identity, b"", question.proof)
            outcome = await self._prove(nothing, request, snapshot, now)
            held.refused = outcome if isinstance(outcome, Refused) else None
        held.proven |= {_credential(one.proven): one.proven for one in found}
        return Secrets(
            tuple(Candidate(_credential(one.proven), one.secret.reveal()) for one in found)
        )

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
                state = self._chance(_STATE_OCTETS)
                challenged = Challenged(eap, state, hides_search=held.was_searched)
                return self._challenge(held, challenged, request, now)
            case Discard(eap, reason):
                metrics.eap_ignored.labels(reason.value).inc()
                challenged = Challenged(eap, self._chance(_STATE_OCTETS), is_repeated=True)
                return self._challenge(held, challenged, request, now)
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

    def _challenge(
        self, held: _Held, challenged: Challenged, request: Request, now: datetime
    ) -> Challenged:
        """Keep the conversation for what comes next, and the answer for what may come again."""
        held.request = challenged.eap
        if held.answered is not None:
            self._answered.take(held.answered, now)
        held.answered = _state(request)
        if held.answered is not None:
            answered = _Answered(_eap(request), challenged)
            self._answered.keep(held.answered, answered, held.ends_at, now)
        self._keep(held, challenged.state, now)
        return challenged

    def _keep(self, held: _Held, state: bytes, now: datetime) -> None:
        forgotten = self._conversations.keep(state, held, held.ends_at, now)
        metrics.eap_abandoned.inc(forgotten.abandoned)
        metrics.eap_crowded_out.inc(forgotten.crowded_out)
        metrics.eap_under_way.set(len(self._conversations))

    def _limit(self, request: Request) -> int:
        """How many octets an EAP packet to this supplicant may have."""
        mtu = request.packet.attributes.integer("Framed-MTU")
        most = self._settings.fragment_octets
        return most if mtu is None else max(_LEAST_OCTETS, min(most, mtu - _EAPOL_OCTETS))


def _eap(request: Request) -> bytes:
    return request.packet.attributes.octets("EAP-Message") or b""


def _state(request: Request) -> bytes | None:
    return request.packet.attributes.octets("State")


def _credential(proven: Proven) -> int:
    return proven.device_id or _ACCOUNT


def _denied(reason: DenyReason) -> Refused:
    return Refused(Denied(reason))
