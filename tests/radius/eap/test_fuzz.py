"""Whatever comes, a conversation takes a step or ends, soon, and admits only who has proven it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radius.eap import identity as identities
from radius.eap.conversation import Conversation
from radius.eap.packet import Code, parse
from radius.eap.steps import (
    Accept,
    Answer,
    AskCertificate,
    AskPassword,
    AskSecrets,
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
from tests.radius.eap import crowd
from tests.radius.eap.crowd import CREDENTIAL, SECRET, Kind, Spoil
from tests.radius.eap.supplicant import Supplicant, TlsPeer
from tests.radius.eap.tampering import Tamper, in_turn, kinds, let_be, noises, spoils, tampers

MOST_ROUNDS = 60
LIMIT = 600

# Each example is a conversation, most of them with TLS; no test may take five minutes.
a_conversation_each = settings(max_examples=min(settings().max_examples, 5_000))


@dataclass
class Talk:
    """One conversation, driven to its end and checked at every step. What the supplicant sends goes
    through `tamper`, which returns what arrives."""

    supplicant: Supplicant
    tamper: Callable[[bytes], list[bytes]] = field(default_factory=lambda: in_turn([]))
    answer: Callable[[Question], Answer] = crowd.answer
    conversation: Conversation = field(default_factory=lambda: crowd.conversation(MOST_ROUNDS))
    proven: set[int] = field(default_factory=set)

    def run(self) -> Accept | Fail:
        """Return how it ends. What is lost or ignored, the supplicant sends again."""
        arriving: deque[bytes] = deque()
        last = b""
        step: Step = self.conversation.start(LIMIT)
        rounds = 0
        while True:
            match step:
                case Challenge(eap):
                    check_request(eap)
                    last = self.supplicant.feed(eap) or b""
                    arriving.extend(self.tamper(last))
                case Discard(eap, _):
                    check_request(eap)
                case AskPassword() | AskSecrets() | AskCertificate():
                    step = self.conversation.answer(self._answer(step), LIMIT)
                    continue
                case Accept() | Fail():
                    self._check_end(step)
                    return step
            rounds += 1
            assert rounds <= MOST_ROUNDS + 1
            step = self.conversation.receive(arriving.popleft() if arriving else last, LIMIT)

    def _answer(self, question: Question) -> Answer:
        outer = self.conversation.identity
        assert outer is not None
        assert identities.complete(outer, question.identity) == question.identity
        answer = self.answer(question)
        match answer:
            case Right(credential):
                self.proven = {credential}
            case Secrets(candidates):
                self.proven = {one.credential for one in candidates if one.secret == SECRET}
            case Wrong():
                self.proven = set()
        return answer

    def _check_end(self, end: Accept | Fail) -> None:
        packet = parse(end.eap)
        if isinstance(end, Fail):
            assert packet.code is Code.FAILURE
            assert end.reason in Failure
        else:
            assert packet.code is Code.SUCCESS
            assert end.credential in self.proven


def check_request(eap: bytes) -> None:
    request = parse(eap)
    assert request.code is Code.REQUEST
    assert request.encode() == eap
    assert len(eap) <= LIMIT


def check_who(end: Accept | Fail, kind: Kind, peer: TlsPeer) -> None:
    """If somebody was admitted, it was Anna, and the keys are hers."""
    if isinstance(end, Accept):
        assert kind.is_anna
        assert (end.proof, end.credential) == (kind.proof, CREDENTIAL)
        assert end.msk == peer.msk(crowd.TYPES[kind.proof])


@pytest.mark.parametrize("version", crowd.VERSIONS)
@pytest.mark.parametrize("proof", Proof)
def test_where_nobody_tampers_anna_is_admitted_and_nobody_else(proof: Proof, version: str) -> None:
    anna = Kind(proof, version)
    supplicant, peer = anna.arrive()
    end = Talk(supplicant).run()
    assert isinstance(end, Accept)
    check_who(end, anna, peer)
    supplicant, _ = Kind(proof, version, is_anna=False).arrive()
    end = Talk(supplicant).run()
    assert isinstance(end, Fail)
    assert end.reason is Failure.CREDENTIAL_REFUSED


@pytest.mark.fuzz
@a_conversation_each
@given(kinds, st.integers(0, 8), st.lists(tampers, min_size=1, max_size=8))
def test_packets_may_be_tampered_with(kind: Kind, after: int, tampers: list[Tamper]) -> None:
    supplicant, peer = kind.arrive()
    end = Talk(supplicant, in_turn([let_be] * after + tampers)).run()
    check_who(end, kind, peer)


@pytest.mark.fuzz
@a_conversation_each
@given(kinds, spoils)
def test_a_supplicant_may_say_anything_inside_its_tunnel(kind: Kind, spoil: Spoil) -> None:
    supplicant, peer = kind.arrive(spoil)
    end = Talk(supplicant).run()
    check_who(end, kind, peer)


@pytest.mark.fuzz
@a_conversation_each
@given(
    kinds,
    spoils,
    st.integers(0, 8),
    st.lists(tampers, max_size=4),
    st.lists(st.sampled_from([Wrong(), Secrets(())]), min_size=1),
)
def test_nobody_is_admitted_whom_no_answer_proves(
    kind: Kind, spoil: Spoil, after: int, tampers: list[Tamper], refusals: list[Answer]
) -> None:
    supplicant, _ = kind.arrive(spoil)
    waiting = deque(refusals)

    def refuse(question: Question) -> Answer:
        waiting.rotate()
        return waiting[0]

    end = Talk(supplicant, in_turn([let_be] * after + tampers), refuse).run()
    assert isinstance(end, Fail)


@pytest.mark.fuzz
@a_conversation_each
@given(kinds, st.lists(noises, max_size=12))
def test_what_is_discarded_changes_nothing(kind: Kind, noises: list[Tamper]) -> None:
    supplicant, peer = kind.arrive()
    end = Talk(supplicant, in_turn(noises)).run()
    assert isinstance(end, Accept) is kind.is_anna
    check_who(end, kind, peer)


@pytest.mark.fuzz
@a_conversation_each
@given(st.lists(st.binary(max_size=120), min_size=1, max_size=8), st.booleans())
def test_any_octets_are_taken(packets: list[bytes], is_asked: bool) -> None:
    conversation = crowd.conversation(most_rounds=6)
    if is_asked:
        conversation.start(LIMIT)
    for rounds, packet in enumerate(packets):
        step = conversation.receive(packet, LIMIT)
        assert isinstance(step, Challenge | Discard | Fail)
        if isinstance(step, Fail):
            return
        assert rounds < 6
