"""PEAP's cryptobinding against the exchange that [MS-PEAP] section 4.4 prints."""

import pytest

from radius.eap.crypto_binding import CryptoBinding

PRINTED = CryptoBinding(
    ipmk=bytes.fromhex(
        "3a911c255473e83e9a0cc333ae1f8a35cdc74163e7f60f6c65ef71c26442aaaca2b6f1eb4f25eca3"
    ),
    cmk=bytes.fromhex("3355353b6920d074c782e475dfb0999d4db467eb"),
)
NONCE = bytes.fromhex("bda7a599fa816521ad3064c2bddbd16eaa949e7d98a8d7943147cf425d85da7b")
REQUEST = (
    bytes.fromhex("000c003800000000")
    + NONCE
    + bytes.fromhex("0cbf105e91755748224fbb83000626911cfb1b0f")
)
RESPONSE = bytes.fromhex(
    "00000001"
    "6c6ba38784237457ccc90b1a908cbdf4711b69994d0cfe8d3db44ecbcdad37e9"
    "42e086071d1c8b8c8e458f7021f06a6eab16b646"
)


def test_the_printed_keys_make_the_printed_request() -> None:
    assert PRINTED.request(NONCE) == REQUEST


def test_the_printed_response_proves_the_same_keys() -> None:
    assert PRINTED.proves(RESPONSE)
    assert not CryptoBinding(PRINTED.ipmk, PRINTED.cmk[::-1]).proves(RESPONSE)


@pytest.mark.parametrize("octet", range(0, 56, 5))
def test_no_octet_of_a_response_may_change(octet: int) -> None:
    changed = bytearray(RESPONSE)
    changed[octet] ^= 1
    assert not PRINTED.proves(bytes(changed))


def test_our_own_request_proves_nothing() -> None:
    assert not PRINTED.proves(REQUEST[4:])


@pytest.mark.parametrize("value", [b"", RESPONSE[:-1], RESPONSE + b"\0"])
def test_a_response_of_another_length_proves_nothing(value: bytes) -> None:
    assert not PRINTED.proves(value)


def test_the_keys_are_of_the_tunnel_and_of_the_method_inside() -> None:
    derived = CryptoBinding.derive(bytes(128), bytes(64))
    # A method without keys counts as one of zeros; what is beyond 32 octets does not count.
    assert derived == CryptoBinding.derive(bytes(128), b"")
    assert derived == CryptoBinding.derive(bytes(40) + b"\1" * 88, bytes(32) + b"\1" * 32)
    assert derived != CryptoBinding.derive(bytes(128), b"\1" * 64)
    assert derived != CryptoBinding.derive(b"\1" * 128, bytes(64))
    assert len(derived.msk()) == 64
    assert derived.cmk.hex() not in repr(derived)
