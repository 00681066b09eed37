"""The text of a packet: readable, and without secrets."""

from radius.wire import hiding
from radius.wire.attributes import Attributes
from radius.wire.dump import dump
from radius.wire.packet import Code, Packet
from radius.wire.values import Tagged


def test_a_packet_reads_well() -> None:
    attributes = Attributes.of(
        ("User-Name", "camille@martigues.example"),
        ("User-Password", hiding.hide_password(b"hunter2", b"secret", bytes(16))),
        ("Service-Type", "Login"),
        ("NAS-IP-Address", "192.0.2.1"),
        ("Session-Timeout", 3600),
        ("Acct-Input-Octets", 12_345_678),
        ("WISPr-Bandwidth-Max-Down", 2_000_000),
        ("Tunnel-Type", Tagged(1, "VLAN")),
        ("EAP-Message", b"\2\7\0\6\x15\0"),
        ("Class", b"gold"),
        ("State", b"\0\1"),
        ("Attr-26.311.200", b"\xff"),
    )
    assert dump(Packet(Code.ACCESS_REQUEST, 7, bytes(16), attributes)).splitlines() == [
        "Access-Request, identifier 7, 134 octets",
        "  Authenticator             00000000000000000000000000000000",
        "  User-Name                 camille@martigues.example",
        "  User-Password             <hidden 16 octets>",
        "  Service-Type              Login (1)",
        "  NAS-IP-Address            192.0.2.1",
        "  Session-Timeout           3600 s (1:00:00)",
        "  Acct-Input-Octets         12345678 octets (12.3 MB)",
        "  WISPr-Bandwidth-Max-Down  2000000 bit/s",
        "  Tunnel-Type:1             VLAN (13)",
        "  EAP-Message               EAP-Response, identifier 7, type 21, 6 octets",
        '  Class                     0x676f6c64 "gold"',
        "  State                     0x0001",
        "  Attr-26.311.200           0xff",
    ]


def test_no_secret_is_shown() -> None:
    planted = b"planted-secret-1"
    text = planted.decode()
    attributes = Attributes.of(
        ("User-Password", planted),
        ("CHAP-Password", b"\1" + planted),
        ("Tunnel-Password", Tagged(1, planted)),
        ("MS-MPPE-Send-Key", planted),
        ("MS-MPPE-Recv-Key", planted),
        ("MS-CHAP2-Response", planted),
        ("MS-CHAP-MPPE-Keys", planted),
        ("Mikrotik-Wireless-PSK", text),
        ("Ruckus-Dpsk", planted),
        ("Cisco-AVPair", f"psk={text}"),
        ("Cisco-AVPair", f"wpa-password={text}"),
        ("EAP-Message", b"\2\1\0\x15\1" + planted),
    )
    shown = dump(Packet(Code.ACCESS_ACCEPT, 1, bytes(16), attributes))
    assert text not in shown
    assert planted.hex() not in shown
    assert "psk=<hidden>" in shown


def test_control_characters_do_not_reach_the_terminal() -> None:
    attributes = Attributes.of(("Reply-Message", "é\0\x1b[2J"))
    shown = dump(Packet(Code.ACCESS_REJECT, 1, bytes(16), attributes))
    assert "é\\x00\\x1b[2J" in shown


def test_long_octets_are_cut() -> None:
    attributes = Attributes.of(("Attr-245.7", bytes(600)), ("EAP-Message", b"\1"))
    shown = dump(Packet(Code.ACCESS_REJECT, 1, bytes(16), attributes))
    assert f"0x{'00' * 64}... 600 octets" in shown
    assert "EAP-Message    0x01" in shown
