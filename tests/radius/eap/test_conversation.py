"""One conversation: identity, negotiation, rounds, and what is let pass."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from radius.eap.conversation import Conversation, Offer
from radius.eap.methods.method import Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.packet import Code, EapPacket, Type, parse
from radius.eap.steps import (
    Accept,
    Answer,
    AskPassword,
    Challenge,
    Discard,
    Fail,
    Failure,
    Ignored,
    Proof,
    Right,
    Step,
    Wrong,
)

LIMIT = 1000
ANNA = b"anna@village.example"


@dataclass
class Scripted:
    """A method that asks for a password: right, it is done."""

    type: Type
    identity: str
    limits: list[int] = field(default_factory=list)

    def start(self, limit: int) -> Send:
        self.limits.append(limit)
        return Send(b"begin")

    def receive(self, data: bytes, limit: int) -> Outcome:
        self.limits.append(limit)
        if data == b"broken":
            raise MalformedMethod
        if data == b"more":
            return Send(b"go on")
        return AskPassword(self.identity, data, Proof.PEAP_GTC)

    def answer(self, answer: Answer, limit: int) -> Outcome:
        if isinstance(answer, Right):
            return Done(self.identity, answer.credential, Proof.PEAP_GTC, bytes(64))
        return Failed(Failure.CREDENTIAL_REFUSED)


def begin(
    types: Sequence[Type] = (Type.TTLS, Type.TLS), *, within: str | None = None, rounds: int = 100
) -> Conversation:
    offers = [Offer(type, lambda identity, type=type: Scripted(type, identity)) for type in types]  # type: ignore[misc]
    return Conversation(offers, lambda octets: bytes(octets), within=within, most_rounds=rounds)


def response(type: int, data: bytes, identifier: int = 7) -> bytes:
    return EapPacket(Code.RESPONSE, identifier, type, data).encode()


def asked(step: Step) -> EapPacket:
    """The request in a challenge."""
    assert isinstance(step, Challenge)
    return parse(step.eap)


def reply_to(step: Step, type: int, data: bytes) -> bytes:
    return response(type, data, asked(step).identifier)


def test_a_supplicant_that_begins_is_proposed_the_first_method() -> None:
    step = begin().receive(response(Type.IDENTITY, ANNA, identifier=255), LIMIT)
    assert asked(step) == EapPacket(Code.REQUEST, 0, Type.TTLS, b"begin")


def test_a_right_password_is_success_with_the_identifier_of_the_response() -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = conversation.receive(reply_to(step, Type.TTLS, b"more"), LIMIT)
    last = asked(step).identifier
    step = conversation.receive(reply_to(step, Type.TTLS, b"lavender"), LIMIT)
    assert step == AskPassword("anna@village.example", b"lavender", Proof.PEAP_GTC)
    step = conversation.answer(Right(5), LIMIT)
    assert isinstance(step, Accept)
    assert (step.identity, step.credential) == ("anna@village.example", 5)
    assert parse(step.eap) == EapPacket(Code.SUCCESS, last)


def test_a_wrong_password_is_failure() -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    last = asked(step).identifier
    conversation.receive(reply_to(step, Type.TTLS, b"guess"), LIMIT)
    step = conversation.answer(Wrong(), LIMIT)
    assert step == Fail(EapPacket(Code.FAILURE, last).encode(), Failure.CREDENTIAL_REFUSED)


def test_a_nak_gets_the_method_it_asks_for_with_the_room_that_there_is() -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = conversation.receive(reply_to(step, Type.NAK, bytes((Type.PEAP, Type.TLS))), LIMIT)
    assert asked(step).type == Type.TLS
    method = conversation._in_method()
    assert isinstance(method, Scripted)
    assert method.limits == [LIMIT - 5]


@pytest.mark.parametrize("wanted", [b"", b"\0", bytes((Type.MD5_CHALLENGE,)), bytes((Type.TTLS,))])
def test_a_nak_for_nothing_we_have_is_failure(wanted: bytes) -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = conversation.receive(reply_to(step, Type.NAK, wanted), LIMIT)
    assert isinstance(step, Fail)
    assert step.reason is Failure.NO_COMMON_METHOD


def test_a_second_nak_and_one_after_the_method_began_are_let_pass() -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = conversation.receive(reply_to(step, Type.NAK, bytes((Type.TLS,))), LIMIT)
    second = conversation.receive(reply_to(step, Type.NAK, bytes((Type.TTLS,))), LIMIT)
    assert isinstance(step, Challenge)
    assert second == Discard(step.eap, Ignored.WRONG_TYPE)
    settled = begin()
    step = settled.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = settled.receive(reply_to(step, Type.TTLS, b"more"), LIMIT)
    late = settled.receive(reply_to(step, Type.NAK, bytes((Type.TLS,))), LIMIT)
    assert isinstance(late, Discard)


@pytest.mark.parametrize(
    ("eap", "reason"),
    [
        (b"\x02\x01\x00", Ignored.MALFORMED),
        (b"\x09\x01\x00\x05\x01", Ignored.MALFORMED),
        (EapPacket(Code.REQUEST, 8, Type.TTLS, b"x").encode(), Ignored.NOT_A_RESPONSE),
        (EapPacket(Code.SUCCESS, 8).encode(), Ignored.NOT_A_RESPONSE),
        (response(Type.TTLS, b"more", identifier=9), Ignored.WRONG_IDENTIFIER),
        (response(Type.PEAP, b"more", identifier=8), Ignored.WRONG_TYPE),
        (response(Type.IDENTITY, ANNA, identifier=8), Ignored.WRONG_TYPE),
    ],
)
def test_what_is_no_answer_changes_nothing(eap: bytes, reason: Ignored) -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    assert isinstance(step, Challenge)
    assert conversation.receive(eap, LIMIT) == Discard(step.eap, reason)
    step = conversation.receive(reply_to(step, Type.TTLS, b"more"), LIMIT)
    assert asked(step).data == b"go on"


def test_who_never_comes_to_an_end_is_failed_whatever_they_send() -> None:
    conversation = begin(rounds=4)
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = conversation.receive(reply_to(step, Type.TTLS, b"more"), LIMIT)
    good = reply_to(step, Type.TTLS, b"more")
    assert isinstance(conversation.receive(b"", LIMIT), Discard)
    assert isinstance(conversation.receive(good, LIMIT), Challenge)
    last = conversation.receive(good, LIMIT)
    assert isinstance(last, Fail)
    assert last.reason is Failure.TOO_MANY_ROUNDS


def test_a_method_that_cannot_read_what_came_fails_the_conversation() -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    step = conversation.receive(reply_to(step, Type.TTLS, b"broken"), LIMIT)
    assert isinstance(step, Fail)
    assert step.reason is Failure.MALFORMED


def test_nobody_has_to_say_who_they_are_before_a_tunnel() -> None:
    conversation = begin()
    step = conversation.receive(response(Type.IDENTITY, b""), LIMIT)
    assert asked(step).type == Type.TTLS
    assert conversation.identity == ""


def test_inside_a_tunnel_one_has_to() -> None:
    step = begin(within="anonymous@village.example").receive(response(Type.IDENTITY, b""), LIMIT)
    assert isinstance(step, Fail)
    assert step.reason is Failure.BAD_IDENTITY


@pytest.mark.parametrize("identity", [b"\xff\xfe", b"a\x07b@village.example", b"a" * 254])
def test_an_identity_that_is_no_text_is_failure(identity: bytes) -> None:
    step = begin().receive(response(Type.IDENTITY, identity), LIMIT)
    assert isinstance(step, Fail)
    assert step.reason is Failure.BAD_IDENTITY


def test_before_anything_was_asked_only_an_identity_begins() -> None:
    step = begin().receive(response(Type.TTLS, b"x"), LIMIT)
    assert isinstance(step, Fail)
    assert step.reason is Failure.MALFORMED


def test_it_asks_for_the_identity_where_nobody_has() -> None:
    conversation = begin()
    first = conversation.start(LIMIT)
    assert asked(first).type == Type.IDENTITY
    step = conversation.receive(reply_to(first, Type.IDENTITY, ANNA), LIMIT)
    assert asked(step).type == Type.TTLS
    assert conversation.identity == "anna@village.example"


@pytest.mark.parametrize(
    ("outer", "inner", "whole"),
    [
        ("anonymous@village.example", b"anna", "anna@village.example"),
        ("anonymous@Village.Example", b"anna@village.example", "anna@village.example"),
        ("@village.example", b"anna@", "anna@village.example"),
        ("anna", b"anna", "anna"),
        ("anna", ANNA, "anna@village.example"),
        ("anonymous@other.example", ANNA, None),
        (
            "x@y@other.example",
            b"z@village.example@other.example",
            "z@village.example@other.example",
        ),
    ],
)
def test_an_inner_identity_is_of_the_realm_that_led_here(
    outer: str, inner: bytes, whole: str | None
) -> None:
    conversation = begin(within=outer)
    step = conversation.receive(response(Type.IDENTITY, inner), LIMIT)
    if whole is None:
        assert isinstance(step, Fail)
        assert step.reason is Failure.REALM_MISMATCH
    else:
        assert isinstance(step, Challenge)
        assert conversation.identity == whole


def test_out_of_turn_is_a_mistake_of_ours() -> None:
    conversation = begin()
    with pytest.raises(RuntimeError):
        conversation.answer(Wrong(), LIMIT)
    step = conversation.receive(response(Type.IDENTITY, ANNA), LIMIT)
    conversation.receive(reply_to(step, Type.TTLS, b"guess"), LIMIT)
    with pytest.raises(RuntimeError):
        conversation.receive(reply_to(step, Type.TTLS, b"guess"), LIMIT)
    conversation.answer(Wrong(), LIMIT)
    with pytest.raises(RuntimeError):
        conversation.receive(reply_to(step, Type.TTLS, b"guess"), LIMIT)
