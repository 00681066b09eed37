"""MS-CHAPv2 against what RFC 2759 section 9.2 and RFC 3079 section 3.5.3 print."""

import pytest
from Crypto.Hash import MD4

from radius.wire import mschap
from radius.wire.errors import MalformedPacket

PASSWORD = b"clientPass"
USER_NAME = b"User"
AUTHENTICATOR_CHALLENGE = bytes.fromhex("5b5d7c7d7b3f2f3e3c2c602132262628")
PEER_CHALLENGE = bytes.fromhex("21402324255e262a28295f2b3a337c7e")
NT_HASH = bytes.fromhex("44ebba8d5312b8d611474411f56989ae")
NT_RESPONSE = bytes.fromhex("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df")
AUTHENTICATOR_RESPONSE = b"S=407A5589115FD0D6209F510FE9C04566932CDA56"
SEND_KEY = bytes.fromhex("8b7cdc149b993a1ba118cb153f56dccb")

RESPONSE = mschap.Response(7, PEER_CHALLENGE, NT_RESPONSE)


def test_the_printed_password_has_the_printed_hash() -> None:
    assert mschap.nt_hash(PASSWORD) == NT_HASH


def test_the_printed_challenges_have_the_printed_response() -> None:
    computed = mschap.nt_response(AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, USER_NAME, NT_HASH)
    assert computed == NT_RESPONSE


def test_the_server_proves_itself_as_printed() -> None:
    computed = mschap.authenticator_response(
        NT_HASH, NT_RESPONSE, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, USER_NAME
    )
    assert computed == AUTHENTICATOR_RESPONSE


def test_the_printed_start_key_is_what_the_server_sends_by() -> None:
    keys = mschap.mppe_keys(NT_HASH, NT_RESPONSE)
    assert keys.send == SEND_KEY
    assert len(keys.recv) == 16
    assert keys.recv != keys.send
    assert SEND_KEY.hex() not in repr(keys)


def test_a_password_beyond_ascii_is_hashed_as_utf_16() -> None:
    utf_16 = bytes.fromhex("e900 ac20 3dd8 00de")
    assert mschap.nt_hash("é€😀".encode()) == MD4.new(utf_16).digest()
    with pytest.raises(ValueError):
        mschap.nt_hash(b"\xe9")


def test_the_password_explains_the_response_and_no_other_does() -> None:
    proven = mschap.verify(PASSWORD, RESPONSE, AUTHENTICATOR_CHALLENGE, USER_NAME)
    assert proven == mschap.Proven(AUTHENTICATOR_RESPONSE, mschap.mppe_keys(NT_HASH, NT_RESPONSE))
    assert mschap.verify(b"clientpass", RESPONSE, AUTHENTICATOR_CHALLENGE, USER_NAME) is None
    assert mschap.verify(PASSWORD, RESPONSE, AUTHENTICATOR_CHALLENGE[::-1], USER_NAME) is None
    assert mschap.verify(PASSWORD, RESPONSE, AUTHENTICATOR_CHALLENGE, b"user") is None


def test_a_domain_may_count_or_not() -> None:
    named = b"VILLAGE\\User"
    without = mschap.verify(PASSWORD, RESPONSE, AUTHENTICATOR_CHALLENGE, named)
    assert without is not None
    assert without.authenticator_response == AUTHENTICATOR_RESPONSE
    counted = mschap.parse_response(
        mschap.respond(7, PASSWORD, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, named)
    )
    proven = mschap.verify(PASSWORD, counted, AUTHENTICATOR_CHALLENGE, named)
    assert proven is not None
    assert proven.authenticator_response == mschap.authenticator_response(
        NT_HASH, counted.nt_response, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, named
    )


def test_a_domain_ends_at_the_first_backslash() -> None:
    response = mschap.parse_response(
        mschap.respond(7, PASSWORD, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, b"A\\User")
    )
    for name, is_right in ((b"DOMAIN\\A\\User", True), (b"DOMAIN\\User", False)):
        proven = mschap.verify(PASSWORD, response, AUTHENTICATOR_CHALLENGE, name)
        assert (proven is not None) is is_right


def test_a_response_is_read_as_it_is_written() -> None:
    octets = mschap.respond(7, PASSWORD, AUTHENTICATOR_CHALLENGE, PEER_CHALLENGE, USER_NAME)
    assert len(octets) == mschap.RESPONSE_OCTETS
    assert mschap.parse_response(octets) == RESPONSE


@pytest.mark.parametrize("length", [0, 49, 51])
def test_a_response_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(MalformedPacket):
        mschap.parse_response(bytes(length))


def test_a_refusal_allows_no_retry() -> None:
    assert mschap.refusal("No.") == b"E=691 R=0 C=" + 32 * b"0" + b" V=3 M=No."
