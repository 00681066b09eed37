"""pyrad reads our dictionary files and our packets as we do, and we read its packets as it does."""

from importlib import resources

import pyrad.dictionary
import pyrad.packet
import pytest
from hypothesis import assume, given

from radius.wire import authenticator, hiding
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, Definition
from radius.wire.packet import Code, Packet, parse
from radius.wire.values import DataType, Tagged, Value
from tests.radius.wire import generated

pytestmark = pytest.mark.interop

SECRET = b"a secret of some length"
RANDOM = bytes(range(16))
WITH_PYRAD = pyrad.dictionary.Dictionary(
    str(resources.files("radius.wire") / "dictionaries" / "dictionary")
)
SHARED = generated.leaf_definitions(
    lambda definition: (
        definition.name in WITH_PYRAD
        and len(definition.oid) in (1, 3)
        and not (definition.has_tag or definition.encrypt or definition.is_concat)
        and definition.name != "Message-Authenticator"
    )
)


def test_pyrad_reads_the_same_dictionary() -> None:
    for definition in DICTIONARY.by_name.values():
        if definition.name in WITH_PYRAD.skipped_attributes:
            assert definition.oid[0] >= 241 or definition.name == "Vendor-Specific"
            continue
        attribute = WITH_PYRAD[definition.name]
        assert attribute.type == definition.data_type
        assert attribute.code == definition.oid[-1]
        assert attribute.has_tag == definition.has_tag
        assert attribute.encrypt == definition.encrypt
        assert len(attribute.values) == len(definition.numbers)
    assert len(WITH_PYRAD) > 300
    assert len(SHARED) > 250


@given(generated.named_values(SHARED))
def test_pyrad_reads_our_access_requests(named: list[generated.NamedValue]) -> None:
    request = Packet(Code.ACCESS_REQUEST, 7, RANDOM, Attributes.of(*named))
    datagram = authenticator.encode_access_request(request, SECRET)
    theirs = pyrad.packet.AuthPacket(packet=datagram, secret=SECRET, dict=WITH_PYRAD)
    assert theirs.verify_message_authenticator()
    assert (theirs.code, theirs.id) == (1, 7)
    for name, _ in named:
        assert theirs[name] == [
            _as_in_pyrad(DICTIONARY.named(name), value) for value in request.attributes.all(name)
        ]


@given(generated.named_values(SHARED))
def test_we_read_pyrads_requests_and_it_verifies_our_replies(
    named: list[generated.NamedValue],
) -> None:
    assume(not any(isinstance(value, bytes) and value[:2] == b"0x" for _, value in named))
    theirs = pyrad.packet.AuthPacket(
        id=9, secret=SECRET, dict=WITH_PYRAD, message_authenticator=True
    )
    for name, value in named:
        theirs.AddAttribute(name, _as_in_pyrad(DICTIONARY.named(name), value))
    datagram = theirs.RequestPacket()
    packet = parse(datagram)
    assert authenticator.verify_access_request(datagram, packet, SECRET)
    for name, _ in named:
        assert list(packet.attributes.all(name)) == [v for n, v in named if n == name]
    reply = Packet(Code.ACCESS_ACCEPT, 9, b"", Attributes.of(*named))
    answer = authenticator.encode_reply(reply, packet.authenticator, SECRET)
    assert theirs.VerifyReply(theirs.CreateReply(packet=answer), answer, enforce_ma=True)
    forged = authenticator.encode_reply(reply, RANDOM, SECRET)
    assert not theirs.VerifyReply(theirs.CreateReply(packet=forged), forged, enforce_ma=True)


def test_accounting_goes_both_ways() -> None:
    theirs = pyrad.packet.AcctPacket(id=3, secret=SECRET, dict=WITH_PYRAD)
    theirs["Acct-Status-Type"] = "Start"
    datagram = theirs.RequestPacket()
    packet = parse(datagram)
    assert not authenticator.verify_accounting_request(datagram, packet, SECRET)
    assert packet.attributes.integer("Acct-Status-Type") == 1
    reply = Packet(Code.ACCOUNTING_RESPONSE, 3, b"", Attributes())
    answer = authenticator.encode_reply_in_kind(reply, packet, SECRET)
    assert theirs.VerifyReply(theirs.CreateReply(packet=answer), answer)
    ours = authenticator.encode_accounting_request(packet, SECRET)
    read = pyrad.packet.AcctPacket(packet=ours, secret=SECRET, dict=WITH_PYRAD)
    assert read.VerifyAcctRequest()


@pytest.mark.parametrize("signed", [True, False])
def test_dynamic_authorization_goes_both_ways(signed: bool) -> None:
    ours = Packet(Code.DISCONNECT_REQUEST, 4, b"", Attributes.of(("Acct-Session-Id", "x")))
    encode = (
        authenticator.encode_dynamic_request
        if signed
        else authenticator.encode_unsigned_dynamic_request
    )
    datagram = encode(ours, SECRET)
    theirs = pyrad.packet.CoAPacket(packet=datagram, secret=SECRET, dict=WITH_PYRAD)
    assert theirs.VerifyCoARequest()
    assert not signed or theirs.verify_message_authenticator()
    reply = theirs.CreateReply(message_authenticator=signed)
    answer = reply.ReplyPacket()
    request_authenticator = parse(datagram).authenticator
    assert (
        authenticator.verify_reply(answer, parse(answer), request_authenticator, SECRET) is signed
    )
    assert parse(answer).code is Code.DISCONNECT_ACK


def test_passwords_and_keys_are_hidden_alike() -> None:
    theirs = pyrad.packet.AuthPacket(secret=SECRET, authenticator=RANDOM, dict=WITH_PYRAD)
    for password in ("x", "sixteen octets!!", "somewhat longer than sixteen octets"):
        hidden = hiding.hide_password(password.encode(), SECRET, RANDOM)
        assert theirs.PwCrypt(password) == hidden
        assert theirs.PwDecrypt(hidden) == password
        salted = hiding.encrypt_salted(password.encode(), b"\x80\x01", SECRET, RANDOM)
        assert theirs.SaltDecrypt(salted) == password.encode()
        again = hiding.decrypt_salted(theirs.SaltCrypt(password), SECRET, RANDOM)
        assert again == password.encode()


def _as_in_pyrad(definition: Definition, value: Value | Tagged) -> object:
    if isinstance(value, int):
        return definition.enum_names.get(value, value)
    if definition.data_type is DataType.TIME and not isinstance(value, bytes):
        return int(value.timestamp())  # type: ignore[union-attr]
    return value if isinstance(value, str | bytes) else str(value)
