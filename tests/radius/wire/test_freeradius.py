"""FreeRADIUS reads the same attributes out of our packets, and we out of what it makes of them."""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import Phase, given, settings

from radius.wire import authenticator, hiding
from radius.wire.attributes import Attributes
from radius.wire.dictionary import DICTIONARY, Definition
from radius.wire.packet import Code, Packet, parse
from radius.wire.values import DataType, Tagged, Value
from tests import counterparts
from tests.radius.wire import freeradius, generated
from tests.radius.wire.freeradius import SECRET, FreeRadius

pytestmark = pytest.mark.interop

Encode = Callable[[Packet, bytes], bytes]

RANDOM = bytes(range(16))
_KEY = b"key of a tunnel"
_SIGNED = {"Message-Authenticator": "0x00"}
_VALUES = freeradius.known_values()
_ESCAPES = {r"\"": '"', r"\\": "\\"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreeRadius]:
    with freeradius.running(tmp_path_factory.mktemp("freeradius")) as running:
        yield running


@pytest.fixture(scope="module")
def radclient() -> str:
    return counterparts.require("radclient")


# What means something to the server itself, and what has a narrower type or two names there.
_NOT_COMPARED = {
    "Message-Authenticator",
    "Proxy-State",
    "NAS-Filter-Rule",
    "Extended-Location-Policy-Rules",
    "Extreme-User-Vlan",
    "Fortinet-WirelessController-Device-MAC",
    "MS-MPPE-Encryption-Types",
    "Mikrotik-DHCP-Option-Param-STR2",
    "Mikrotik-Wireless-VLANID-Type",
    "Ruckus-Sta-Expiration",
}


def _shared() -> list[Definition]:
    """What both know by the same name, but for what is encrypted, which has tests of its own."""
    compared = freeradius.known_names() - _NOT_COMPARED
    return generated.leaf_definitions(
        lambda definition: definition.name in compared and not definition.encrypt
    )


@settings(max_examples=200, phases=[Phase.explicit, Phase.generate])
@given(generated.named_values(_shared()))
def test_it_reads_what_we_write_and_we_read_what_it_sends_back(
    server: FreeRadius, named: list[generated.NamedValue]
) -> None:
    request = Packet(Code.ACCESS_REQUEST, 7, RANDOM, Attributes.of(*named))
    datagram = authenticator.encode_access_request(request, SECRET)
    answer, printed = server.exchange("auth", datagram)
    assert [
        _as_we_read(name, text) for name, text in printed if name != "Message-Authenticator"
    ] == [_comparable(name, value) for name, value in named]
    reply = parse(answer)
    assert reply.code is Code.ACCESS_ACCEPT
    authenticator.verify_reply(answer, reply, RANDOM, SECRET)
    echoed = reply.attributes.without("Message-Authenticator").decoded()
    assert sorted(map(repr, echoed)) == sorted(map(repr, named))


def test_it_reads_our_hidden_password_and_we_decrypt_its_keys(server: FreeRadius) -> None:
    password = b"a password of more than sixteen octets"
    hidden = hiding.hide_password(password, SECRET, RANDOM)
    request = Packet(Code.ACCESS_REQUEST, 8, RANDOM, Attributes.of(("User-Password", hidden)))
    answer, printed = server.exchange("auth", authenticator.encode_access_request(request, SECRET))
    assert ("User-Password", f'"{password.decode()}"') in printed
    attributes = parse(answer).attributes
    (tunnel_password,) = attributes.all("Tunnel-Password")
    assert isinstance(tunnel_password, Tagged)
    assert tunnel_password.tag == 3
    for name in ("Tunnel-Password", "MS-MPPE-Send-Key"):
        octets = attributes.octets(name)
        assert octets is not None
        assert hiding.decrypt_salted(octets, SECRET, RANDOM) == _KEY


@pytest.mark.parametrize(
    ("kind", "code", "encode", "answer_code"),
    [
        (
            "acct",
            Code.ACCOUNTING_REQUEST,
            authenticator.encode_accounting_request,
            Code.ACCOUNTING_RESPONSE,
        ),
        ("coa", Code.COA_REQUEST, authenticator.encode_dynamic_request, Code.COA_ACK),
        ("coa", Code.COA_REQUEST, authenticator.encode_unsigned_dynamic_request, Code.COA_ACK),
        (
            "coa",
            Code.DISCONNECT_REQUEST,
            authenticator.encode_dynamic_request,
            Code.DISCONNECT_ACK,
        ),
        ("auth", Code.STATUS_SERVER, authenticator.encode_access_request, Code.ACCESS_ACCEPT),
        ("acct", Code.STATUS_SERVER, authenticator.encode_access_request, Code.ACCOUNTING_RESPONSE),
    ],
)
def test_it_answers_every_kind_of_request(
    server: FreeRadius, kind: str, code: Code, encode: Encode, answer_code: Code
) -> None:
    named = (("Acct-Status-Type", "Start"), ("Acct-Session-Id", "x"), ("Proxy-State", b"1"))
    datagram = encode(Packet(code, 9, RANDOM, Attributes.of(*named)), SECRET)
    answer, printed = server.exchange(kind, datagram)
    assert ("Acct-Session-Id", '"x"') in printed
    reply = parse(answer)
    assert reply.code is answer_code
    assert reply.attributes.all("Proxy-State") == (b"1",)
    authenticator.verify_reply(answer, reply, parse(datagram).authenticator, SECRET)


@pytest.mark.parametrize(
    ("kind", "named", "answer_code"),
    [
        ("auth", {"User-Name": '"bob"', "Reply-Message": '"x"'}, Code.ACCESS_ACCEPT),
        ("auth", {"EAP-Message": "0x02010004", **_SIGNED}, Code.ACCESS_CHALLENGE),
        ("status", {"NAS-Identifier": '"x"', **_SIGNED}, Code.ACCESS_ACCEPT),
        ("acct", {"Acct-Session-Id": '"x"'}, Code.ACCOUNTING_RESPONSE),
        ("coa", {"Acct-Session-Id": '"x"'}, Code.COA_ACK),
        ("coa", _SIGNED, Code.COA_NAK),
        ("disconnect", _SIGNED, Code.DISCONNECT_ACK),
    ],
)
def test_radclient_takes_our_replies(
    radclient: str, kind: str, named: dict[str, str], answer_code: Code
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.bind(("127.0.0.1", 0))
        ours.settimeout(5)
        address = f"127.0.0.1:{ours.getsockname()[1]}"
        with subprocess.Popen(
            [radclient, "-x", "-r", "1", "-t", "5", address, kind, SECRET],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as client:
            assert client.stdin
            client.stdin.write("\n".join(f"{name} = {value}" for name, value in named.items()))
            client.stdin.close()
            datagram, sender = ours.recvfrom(4096)
            request = parse(datagram)
            attributes = _reply_attributes(answer_code, request.authenticator)
            reply = Packet(answer_code, request.identifier, b"", attributes)
            if kind in ("auth", "status"):
                authenticator.verify_access_request(datagram, request, SECRET)
                answer = authenticator.encode_reply(reply, request.authenticator, SECRET)
            else:
                verify = (
                    authenticator.verify_accounting_request
                    if kind == "acct"
                    else authenticator.verify_dynamic_request
                )
                assert verify(datagram, request, SECRET) == ("Message-Authenticator" in named)
                answer = authenticator.encode_reply_in_kind(reply, request, SECRET)
            ours.sendto(answer, sender)
            assert client.stdout
            output = client.stdout.read()
    assert f"Received {answer_code.rfc_name} Id {request.identifier}" in output
    if answer_code is Code.ACCESS_ACCEPT:
        assert f'Tunnel-Password:3 = "{_KEY.decode()}"' in output
        assert f"MS-MPPE-Send-Key = 0x{_KEY.hex()}" in output
    for name, value in named.items():
        if name != "Message-Authenticator":
            decoded = _comparable(name, request.attributes.all(name)[0])
            assert decoded == _as_we_read(name, value)


def _reply_attributes(code: Code, request_authenticator: bytes) -> Attributes:
    if code is Code.COA_NAK:
        return Attributes.of(("Error-Cause", "Session-Context-Not-Found"))
    if code is not Code.ACCESS_ACCEPT:
        return Attributes()
    salted = hiding.encrypt_salted(_KEY, b"\x80\x01", SECRET, request_authenticator)
    return Attributes.of(("Tunnel-Password", Tagged(3, salted)), ("MS-MPPE-Send-Key", salted))


def _comparable(name: str, value: Value | Tagged) -> tuple[str, object]:
    """FreeRADIUS prints the tag with the name, and none as 0."""
    if isinstance(value, Tagged):
        return f"{name}:{value.tag}", value.value
    return name, value


def _as_we_read(name: str, text: str) -> tuple[str, object]:
    """What FreeRADIUS prints, as the value that we decode to."""
    definition = DICTIONARY.named(name.partition(":")[0])
    readers = {
        DataType.TEXT: _unquoted,
        DataType.STRING: lambda printed: bytes.fromhex(printed.removeprefix("0x")),
        DataType.TIME: _time,
        DataType.IPV4ADDR: ip_address,
        DataType.IPV6ADDR: ip_address,
        DataType.IPV4PREFIX: ip_network,
        DataType.IPV6PREFIX: ip_network,
        DataType.IFID: lambda printed: ":".join(part.zfill(4) for part in printed.split(":")),
    }
    if reader := readers.get(definition.data_type):
        return name, reader(text)
    return name, int(text) if text.isdecimal() else _VALUES[definition.name, text]


def _unquoted(printed: str) -> str:
    return re.sub(r"\\.", lambda match: _ESCAPES[match[0]], printed[1:-1])


def _time(printed: str) -> datetime:
    return datetime.strptime(printed.strip('"'), "%b %d %Y %H:%M:%S UTC").replace(tzinfo=UTC)
