"""Signing and verifying: what is accepted, what each flaw is called."""

import hmac
from collections.abc import Callable
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.wire import authenticator
from radius.wire.attributes import Attributes
from radius.wire.errors import AuthenticatorFlaw, BadAuthenticator
from radius.wire.packet import Code, Packet, encode, parse
from tests.radius.wire import generated

SECRET = b"a secret of some length"
RANDOM = bytes(range(16))
Encode = Callable[[Packet, bytes], bytes]
Verify = Callable[[bytes, Packet, bytes], bool]


def _request(code: Code, *named: generated.NamedValue) -> Packet:
    return Packet(code, 7, RANDOM, Attributes.of(*named))


REQUESTS: list[tuple[Packet, Encode, Verify]] = [
    (
        _request(Code.ACCESS_REQUEST, ("User-Name", "x"), ("EAP-Message", b"\2\1\0\4")),
        authenticator.encode_access_request,
        authenticator.verify_access_request,
    ),
    (
        _request(Code.STATUS_SERVER, ("NAS-Identifier", "x")),
        authenticator.encode_access_request,
        authenticator.verify_access_request,
    ),
    (
        _request(Code.COA_REQUEST, ("Acct-Session-Id", "x"), ("Session-Timeout", 60)),
        authenticator.encode_dynamic_request,
        authenticator.verify_dynamic_request,
    ),
    (
        _request(Code.DISCONNECT_REQUEST, ("Acct-Session-Id", "x")),
        authenticator.encode_dynamic_request,
        authenticator.verify_dynamic_request,
    ),
]
UNSIGNED: list[tuple[Packet, Encode, Verify]] = [
    (
        _request(Code.ACCOUNTING_REQUEST, ("Acct-Session-Id", "x")),
        authenticator.encode_accounting_request,
        authenticator.verify_accounting_request,
    ),
    (
        _request(Code.DISCONNECT_REQUEST, ("Acct-Session-Id", "x")),
        authenticator.encode_unsigned_dynamic_request,
        authenticator.verify_dynamic_request,
    ),
]


@pytest.mark.parametrize(("request_", "encode_request", "verify"), REQUESTS)
def test_requests_are_signed_first_and_verified(
    request_: Packet, encode_request: Encode, verify: Verify
) -> None:
    datagram = encode_request(request_, SECRET)
    packet = parse(datagram)
    assert next(iter(packet.attributes))[0] == authenticator.MESSAGE_AUTHENTICATOR
    assert packet.attributes.without("Message-Authenticator") == request_.attributes
    assert verify(datagram, packet, SECRET)
    assert encode_request(packet, SECRET) == datagram


@pytest.mark.parametrize(("request_", "encode_request", "verify"), UNSIGNED)
def test_requests_without_message_authenticator_are_verified(
    request_: Packet, encode_request: Encode, verify: Verify
) -> None:
    datagram = encode_request(request_, SECRET)
    packet = parse(datagram)
    assert packet.attributes == request_.attributes
    assert verify(datagram, packet, SECRET) is False
    signed = Packet(packet.code, 7, RANDOM, Attributes(((80, RANDOM), *packet.attributes)))
    assert encode_request(signed, SECRET) == datagram


@pytest.mark.parametrize(("request_", "encode_request", "verify"), REQUESTS + UNSIGNED)
def test_one_changed_bit_is_noticed(
    request_: Packet, encode_request: Encode, verify: Verify
) -> None:
    datagram = encode_request(request_, SECRET)
    for position in (1, 10, len(datagram) - 1):
        forged = bytearray(datagram)
        forged[position] ^= 1
        with pytest.raises(BadAuthenticator):
            verify(bytes(forged), parse(bytes(forged)), SECRET)


@pytest.mark.parametrize(("request_", "encode_request", "verify"), REQUESTS + UNSIGNED)
def test_another_secret_is_noticed_and_padding_is_not(
    request_: Packet, encode_request: Encode, verify: Verify
) -> None:
    datagram = encode_request(request_, SECRET)
    verify(datagram + b"padding", parse(datagram + b"padding"), SECRET)
    with pytest.raises(BadAuthenticator):
        verify(datagram, parse(datagram), SECRET + b"!")


def test_an_access_request_may_be_unsigned_unless_it_has_eap() -> None:
    plain = _request(Code.ACCESS_REQUEST, ("User-Name", "x"))
    assert authenticator.verify_access_request(encode(plain), plain, SECRET) is False
    for packet in (
        _request(Code.ACCESS_REQUEST, ("EAP-Message", b"\2\1\0\4")),
        _request(Code.STATUS_SERVER),
    ):
        with pytest.raises(BadAuthenticator) as caught:
            authenticator.verify_access_request(encode(packet), packet, SECRET)
        assert caught.value.flaw is AuthenticatorFlaw.MISSING_MESSAGE_AUTHENTICATOR


@pytest.mark.parametrize("values", [(b"",), (bytes(15),), (bytes(17),), (bytes(16), bytes(16))])
def test_a_message_authenticator_of_another_shape_is_wrong(values: tuple[bytes, ...]) -> None:
    packet = Packet(Code.ACCESS_REQUEST, 7, RANDOM, Attributes(tuple((80, v) for v in values)))
    with pytest.raises(BadAuthenticator) as caught:
        authenticator.verify_access_request(encode(packet), packet, SECRET)
    assert caught.value.flaw is AuthenticatorFlaw.MESSAGE_AUTHENTICATOR


def test_message_authenticator_is_verified_wherever_it_stands() -> None:
    signed = authenticator.encode_access_request(
        _request(Code.ACCESS_REQUEST, ("User-Name", "x")), SECRET
    )
    first = parse(signed)
    last = Packet(first.code, first.identifier, RANDOM, Attributes(tuple(first.attributes)[::-1]))
    with pytest.raises(BadAuthenticator):
        authenticator.verify_access_request(encode(last), last, SECRET)
    zeroed = Attributes((*first.attributes.without("Message-Authenticator"), (80, bytes(16))))
    unsigned = encode(Packet(first.code, 7, RANDOM, zeroed))
    mac = _reference_hmac(unsigned)
    datagram = unsigned[:-16] + mac
    assert authenticator.verify_access_request(datagram, parse(datagram), SECRET)


def test_a_message_authenticator_in_accounting_counts_the_authenticator_as_zero() -> None:
    packet = _request(Code.ACCOUNTING_REQUEST, ("Message-Authenticator", bytes(16)))
    zeroed = encode(Packet(packet.code, 7, bytes(16), packet.attributes))
    right = _with_request_authenticator(zeroed[:-16] + _reference_hmac(zeroed))
    assert authenticator.verify_accounting_request(right, parse(right), SECRET)
    wrong = _with_request_authenticator(zeroed)
    with pytest.raises(BadAuthenticator) as caught:
        authenticator.verify_accounting_request(wrong, parse(wrong), SECRET)
    assert caught.value.flaw is AuthenticatorFlaw.MESSAGE_AUTHENTICATOR


def test_replies_to_access_requests_begin_with_message_authenticator() -> None:
    for code in (Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE):
        reply = Packet(code, 7, b"", Attributes.of(("Reply-Message", "x"), ("Class", b"y")))
        datagram = authenticator.encode_reply(reply, RANDOM, SECRET)
        parsed = parse(datagram)
        assert next(iter(parsed.attributes))[0] == authenticator.MESSAGE_AUTHENTICATOR
        assert authenticator.verify_reply(datagram, parsed, RANDOM, SECRET)
        for wrong in ((RANDOM[::-1], SECRET), (RANDOM, b"other")):
            with pytest.raises(BadAuthenticator) as caught:
                authenticator.verify_reply(datagram, parsed, *wrong)
            assert caught.value.flaw is AuthenticatorFlaw.RESPONSE_AUTHENTICATOR


def test_replies_to_accounting_and_coa_are_signed_if_the_request_was() -> None:
    reply = Packet(Code.COA_ACK, 7, b"", Attributes.of(("Error-Cause", 201)))
    request = _request(Code.COA_REQUEST, ("Acct-Session-Id", "x"))
    for encode_request, is_signed in (
        (authenticator.encode_dynamic_request, True),
        (authenticator.encode_unsigned_dynamic_request, False),
    ):
        received = parse(encode_request(request, SECRET))
        datagram = authenticator.encode_reply_in_kind(reply, received, SECRET)
        parsed = parse(datagram)
        assert parsed.attributes.without("Message-Authenticator") == reply.attributes
        verified = authenticator.verify_reply(datagram, parsed, received.authenticator, SECRET)
        assert verified is is_signed


def test_a_reply_with_unsigned_eap_is_refused() -> None:
    request = _request(Code.ACCOUNTING_REQUEST)
    reply = Packet(Code.ACCESS_ACCEPT, 7, b"", Attributes.of(("EAP-Message", b"\3\1\0\4")))
    datagram = authenticator.encode_reply_in_kind(reply, request, SECRET)
    with pytest.raises(BadAuthenticator) as caught:
        authenticator.verify_reply(datagram, parse(datagram), RANDOM, SECRET)
    assert caught.value.flaw is AuthenticatorFlaw.MISSING_MESSAGE_AUTHENTICATOR


@pytest.mark.fuzz
@given(generated.packets(), st.binary(min_size=1, max_size=100))
def test_any_packet_can_be_signed_and_verified(packet: Packet, secret: bytes) -> None:
    datagram = authenticator.encode_reply(packet, RANDOM, secret)
    assert authenticator.verify_reply(datagram, parse(datagram), RANDOM, secret)
    datagram = authenticator.encode_access_request(packet, secret)
    assert authenticator.verify_access_request(datagram, parse(datagram), secret)


def _reference_hmac(datagram: bytes) -> bytes:
    return hmac.digest(SECRET, datagram, "md5")


def _with_request_authenticator(datagram: bytes) -> bytes:
    zeroed = datagram[:4] + bytes(16) + datagram[20:]
    return datagram[:4] + md5(zeroed + SECRET).digest() + datagram[20:]
