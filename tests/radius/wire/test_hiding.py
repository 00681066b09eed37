"""Encrypted values: there and back; lengths that cannot be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from radius.wire import hiding
from radius.wire.errors import Malformation, MalformedPacket

SECRET = b"secret"
AUTHENTICATOR = bytes(range(16))
SALT = b"\x80\x01"


@pytest.mark.fuzz
@given(st.binary(max_size=128).map(lambda octets: octets.rstrip(b"\0")), st.binary(min_size=1))
def test_a_password_survives_hiding(password: bytes, secret: bytes) -> None:
    hidden = hiding.hide_password(password, secret, AUTHENTICATOR)
    assert len(hidden) in range(16, 129, 16)
    assert hiding.unhide_password(hidden, secret, AUTHENTICATOR) == password


@pytest.mark.fuzz
@given(st.binary(max_size=239), st.integers(0x8000, 0xFFFF))
def test_a_key_survives_salting(key: bytes, salt: int) -> None:
    octets = hiding.encrypt_salted(key, salt.to_bytes(2, "big"), SECRET, AUTHENTICATOR)
    assert len(octets) % 16 == 2
    assert hiding.decrypt_salted(octets, SECRET, AUTHENTICATOR) == key


def test_different_salts_give_different_octets() -> None:
    one, other = (
        hiding.encrypt_salted(b"key", salt, SECRET, AUTHENTICATOR) for salt in (SALT, b"\x80\x02")
    )
    assert one[2:] != other[2:]


def test_a_password_of_129_octets_cannot_be_hidden() -> None:
    with pytest.raises(ValueError, match="129"):
        hiding.hide_password(bytes(129), SECRET, AUTHENTICATOR)


@pytest.mark.parametrize("salt", [b"", b"\x80", b"\x7f\xff", b"\x80\x01\x02"])
def test_a_salt_is_two_octets_with_the_first_bit_set(salt: bytes) -> None:
    with pytest.raises(ValueError, match="salt"):
        hiding.encrypt_salted(b"key", salt, SECRET, AUTHENTICATOR)


def test_a_key_of_240_octets_cannot_be_salted() -> None:
    with pytest.raises(ValueError, match="240"):
        hiding.encrypt_salted(bytes(240), SALT, SECRET, AUTHENTICATOR)


@pytest.mark.parametrize("length", [0, 15, 17, 144])
def test_a_hidden_password_of_another_length_is_malformed(length: int) -> None:
    with pytest.raises(MalformedPacket) as caught:
        hiding.unhide_password(bytes(length), SECRET, AUTHENTICATOR)
    assert caught.value.malformation is Malformation.BAD_ATTRIBUTE


@pytest.mark.fuzz
@given(st.binary(max_size=60))
def test_any_octets_are_a_salted_value_or_malformed(octets: bytes) -> None:
    try:
        value = hiding.decrypt_salted(octets, SECRET, AUTHENTICATOR)
    except MalformedPacket as error:
        assert error.malformation is Malformation.BAD_ATTRIBUTE
    else:
        assert len(value) < len(octets) - 2
