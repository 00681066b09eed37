"""What is hidden on one hop: revealed when it comes, hidden when it goes, nothing else touched."""

from itertools import count

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from radius.wire import chap
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY
from radius.wire.errors import MalformedPacket
from radius.wire.hiding import decrypt_salted, hide_password
from radius.wire.hop import hide_reply, hide_request, reveal_reply, reveal_request
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged, Value
from tests.radius.wire.generated import leaf_definitions, named_values

SECRET, OTHER = b"a secret of the NAS", b"radsec"
AUTHENTICATOR = bytes(range(16))
REPLIES = [code for code in Code if code not in (Code.ACCESS_REQUEST, Code.ACCESS_ACCEPT)]


def request(*named: tuple[str, Value | Tagged], code: Code = Code.ACCESS_REQUEST) -> Packet:
    return Packet(code, 7, AUTHENTICATOR, Attributes.of(*named))


def accept(*named: tuple[str, Value | Tagged]) -> Packet:
    return Packet(Code.ACCESS_ACCEPT, 7, bytes(16), Attributes.of(*named))


def chance(octets: int) -> bytes:
    return b"\x7f\xff"[:octets]


def test_a_password_is_hidden_anew_on_each_hop() -> None:
    hidden = hide_password(b"correct horse", SECRET, AUTHENTICATOR)
    came = request(("User-Name", "anna"), ("User-Password", hidden), ("NAS-Port", 1))
    clear = reveal_request(came, SECRET)
    assert list(clear.attributes.decoded()) == [
        ("User-Name", "anna"),
        ("User-Password", b"correct horse"),
        ("NAS-Port", 1),
    ]
    onward = hide_request(clear, OTHER)
    assert onward.attributes.octets("User-Password") not in (hidden, b"correct horse")
    assert reveal_request(onward, OTHER) == clear
    assert hide_request(clear, SECRET) == came


@pytest.mark.parametrize("length", [0, 5, 17, 144])
def test_a_password_of_no_possible_length_is_malformed(length: int) -> None:
    came = Attributes(((1, b"anna"), (2, bytes(length))))
    with pytest.raises(MalformedPacket):
        reveal_request(Packet(Code.ACCESS_REQUEST, 7, AUTHENTICATOR, came), SECRET)


@pytest.mark.parametrize("challenge", [None, b"a challenge"])
def test_a_chap_response_keeps_its_challenge(challenge: bytes | None) -> None:
    """On another hop the Request Authenticator is another."""
    proof = chap.respond(1, b"secret", challenge or AUTHENTICATOR)
    stated = [("CHAP-Challenge", challenge)] if challenge else []
    clear = reveal_request(request(("CHAP-Password", proof), *stated), SECRET)
    assert clear.attributes.all("CHAP-Challenge") == (challenge or AUTHENTICATOR,)
    onward = Packet(Code.ACCESS_REQUEST, 1, bytes(16), clear.attributes)
    assert chap.matches(b"secret", proof, chap.challenge_of(onward))


def test_each_key_has_a_salt_of_its_own() -> None:
    keys = {"MS-MPPE-Send-Key": b"s" * 32, "MS-MPPE-Recv-Key": b"r" * 32}
    hidden = hide_reply(accept(*keys.items()), AUTHENTICATOR, SECRET, chance)
    octets = {name: hidden.attributes.octets(name) or b"" for name in keys}
    opened = {name: decrypt_salted(each, SECRET, AUTHENTICATOR) for name, each in octets.items()}
    assert opened == keys
    salts = {each[:2] for each in octets.values()}
    assert len(salts) == 2
    assert all(salt[0] & 0x80 for salt in salts)


def test_a_tunnel_password_keeps_its_tag() -> None:
    """RFC 2868 section 3.5: in clear it is like any other attribute with a tag."""
    clear = accept(("Tunnel-Password", Tagged(3, b"tunnel")), ("Tunnel-Password", b"no tag"))
    hidden = hide_reply(clear, AUTHENTICATOR, SECRET, chance)
    tagged, bare = (octets for number, octets in hidden.attributes if number == 69)
    assert (tagged[0], bare[0]) == (3, 0)
    assert decrypt_salted(tagged[1:], SECRET, AUTHENTICATOR) == b"tunnel"
    assert decrypt_salted(bare[1:], SECRET, AUTHENTICATOR) == b"no tag"
    back = reveal_reply(hidden, AUTHENTICATOR, SECRET)
    assert back.attributes.all("Tunnel-Password") == (Tagged(3, b"tunnel"), Tagged(0, b"no tag"))


@pytest.mark.parametrize(
    "named", [("MS-MPPE-Send-Key", bytes(5)), ("Tunnel-Password", bytes(1)), ("Attr-69", b"\xff")]
)
def test_what_cannot_be_decrypted_is_malformed(named: tuple[str, bytes]) -> None:
    with pytest.raises(MalformedPacket):
        reveal_reply(accept(named), AUTHENTICATOR, SECRET)


@given(named_values(leaf_definitions()), st.sampled_from(REPLIES))
def test_other_packets_are_as_they_are(named: list[tuple[str, Value | Tagged]], code: Code) -> None:
    packet = Packet(code, 7, AUTHENTICATOR, Attributes.of(*named))
    assert reveal_request(packet, SECRET) is packet
    assert hide_request(packet, SECRET) is packet
    assert reveal_reply(packet, AUTHENTICATOR, SECRET) is packet
    assert hide_reply(packet, AUTHENTICATOR, SECRET, chance) is packet


@pytest.mark.fuzz
@given(named_values(leaf_definitions()), st.integers(0, 0xFFFF))
def test_an_answer_is_the_same_on_the_next_hop(
    named: list[tuple[str, Value | Tagged]], first: int
) -> None:
    clear = accept(*named)
    salts = count(first)
    hidden = hide_reply(
        clear, AUTHENTICATOR, SECRET, lambda _: (next(salts) & 0xFFFF).to_bytes(2, "big")
    )
    back = reveal_reply(hidden, AUTHENTICATOR, SECRET)
    assert list(back.attributes.decoded()) == list(clear.attributes.decoded())
    for (place, octets), (_, in_clear) in zip(
        hidden.attributes.leaves(), clear.attributes.leaves(), strict=True
    ):
        assert (octets != in_clear) == (DICTIONARY.placed(place).encrypt == 2)


@pytest.mark.fuzz
@given(
    named_values(leaf_definitions(lambda definition: definition.name != "CHAP-Password")),
    st.binary(min_size=1, max_size=128),
)
def test_a_request_is_the_same_on_the_next_hop(
    named: list[tuple[str, Value | Tagged]], password: bytes
) -> None:
    # NULs at its end are padding (RFC 2865 section 5.2).
    assume(password[-1])
    named = [each for each in named if each[0] != "User-Password"]
    clear = request(*named, ("User-Password", password))
    assert reveal_request(hide_request(clear, SECRET), SECRET) == clear
