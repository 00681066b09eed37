"""CHAP beyond the printed packet, which test_vectors checks."""

from radius.wire import chap
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet

CHALLENGE = b"0123456789abcdef"


def test_only_the_password_matches() -> None:
    response = chap.respond(5, b"ticket", CHALLENGE)
    assert len(response) == 17
    assert chap.matches(b"ticket", response, CHALLENGE)
    assert not chap.matches(b"Ticket", response, CHALLENGE)
    assert not chap.matches(b"ticket", response, CHALLENGE[::-1])
    assert not chap.matches(b"ticket", bytes((6,)) + response[1:], CHALLENGE)


def test_a_response_of_another_length_never_matches() -> None:
    response = chap.respond(5, b"ticket", CHALLENGE)
    for wrong in (b"", response[:-1], response + b"\0"):
        assert not chap.matches(b"ticket", wrong, CHALLENGE)


def test_the_challenge_is_the_attribute_or_else_the_authenticator() -> None:
    without = Packet(Code.ACCESS_REQUEST, 1, CHALLENGE, Attributes())
    assert chap.challenge_of(without) == CHALLENGE
    own = Attributes.of(("CHAP-Challenge", b"another challenge"))
    assert chap.challenge_of(Packet(Code.ACCESS_REQUEST, 1, CHALLENGE, own)) == b"another challenge"
