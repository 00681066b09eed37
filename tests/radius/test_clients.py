import secrets
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from aaa.model import MessageAuthenticatorRule
from aaa.secret import Secret
from aaa.snapshot import EMPTY, CollectivityEntry, HotspotEntry, NasEntry
from radius.clients import ClientIndex, Identified, Stranger, broken_rule, identify
from radius.request import Unanswered
from radius.wire.attributes import Attributes
from radius.wire.authenticator import (
    encode_access_request,
    encode_accounting_request,
)
from radius.wire.packet import Code, Packet, encode, parse
from tests.radius.served import Named, accounting, chapped, pap, status
from tests.village import NOON

COLLECTIVITY = CollectivityEntry(
    *(1, "village", "Village", "village.example", (1,), "FR", "fr", "Europe/Paris"),
    *(None, None, None, 1, None),
)
HOTSPOT = HotspotEntry(1, "square", "Square", None, COLLECTIVITY, ())
A, B, C = Secret("the secret of the first"), Secret("that of the second"), Secret("a third one")


def nas(number: int, network: str | None, identifier: str | None = None, **more: Any) -> NasEntry:
    entry = NasEntry(
        id=number,
        name=f"nas-{number}",
        vendor="generic",
        hotspot=HOTSPOT,
        network=ip_network(network) if network else None,
        identifier=identifier,
        secret=A,
        former_secret=None,
        former_secret_until=None,
        uam_secret=None,
        login_host=None,
        uses_pap=False,
        coa_port=None,
        message_authenticator=MessageAuthenticatorRule.LEARN,
        limit_proxy_state=True,
    )
    return replace(entry, **more)


def index(*entries: NasEntry) -> ClientIndex:
    return ClientIndex(replace(EMPTY, nas=entries))


def found(
    known: ClientIndex,
    packet: Packet,
    secret: Secret = A,
    address: str = "192.0.2.7",
    *,
    is_signed: bool = True,
    now: timedelta = timedelta(),
    proven: Secret | None = None,
) -> Identified | Stranger:
    """Send `packet` and identify its sender."""
    if packet.code is Code.ACCOUNTING_REQUEST:
        datagram = encode_accounting_request(packet, secret.reveal())
    elif is_signed:
        datagram = encode_access_request(packet, secret.reveal())
    else:
        datagram = encode(packet)
    source = ip_address(address)
    return identify(known, parse(datagram), datagram, source, NOON + now, lambda _nas: proven)


def test_the_longest_network_is_asked() -> None:
    wide, narrow, host = nas(1, "192.0.0.0/16"), nas(2, "192.0.2.0/24"), nas(3, "192.0.2.7")
    known = index(wide, host, narrow)
    for address, entry in (("192.0.2.7", host), ("192.0.2.8", narrow), ("192.0.3.1", wide)):
        assert found(known, status(), address=address) == Identified(entry, A, True)
    assert found(known, status(), address="198.51.100.1") == Stranger(Unanswered.UNKNOWN_NAS)


def test_ipv6_and_ipv4_do_not_mix() -> None:
    six, all_four = nas(1, "2001:db8::/32"), nas(2, "0.0.0.0/0")
    known = index(six, all_four)
    assert found(known, status(), address="2001:db8::7") == Identified(six, A, True)
    assert found(known, status(), address="::c000:207") == Stranger(Unanswered.UNKNOWN_NAS)
    assert found(known, status(), address="192.0.2.7") == Identified(all_four, A, True)


@pytest.mark.parametrize(
    "attribute",
    [
        ("NAS-Identifier", "Mairie-2"),
        ("Called-Station-Id", "mairie-2"),
        ("NAS-Identifier", "mairie-2\0"),
    ],
)
def test_an_identifier_tells_nas_behind_one_address_apart(attribute: Named) -> None:
    first = nas(1, "192.0.2.7", "mairie-1")
    second = nas(2, "192.0.2.7", "mairie-2", secret=B)
    third = nas(3, None, "mairie-3", secret=C)
    known = index(first, second, third)
    assert found(known, accounting("Start", attribute), B) == Identified(second, B, False)
    refused = found(known, accounting("Start", attribute), A)
    assert refused == Stranger(Unanswered.WRONG_SECRET, second)
    elsewhere = found(known, accounting("Start", attribute), B, "192.0.2.8")
    assert elsewhere == Stranger(Unanswered.UNKNOWN_NAS)


def test_a_nas_known_by_its_mac_comes_from_anywhere() -> None:
    entry = nas(1, None, "00:11:22:aa:bb:cc")
    called = ("Called-Station-Id", "00-11-22-AA-BB-CC:Village Wi-Fi")
    for address in ("192.0.2.7", "2001:db8::7"):
        answer = found(index(entry), accounting("Start", called), address=address)
        assert answer == Identified(entry, A, False)


def test_the_address_serves_where_the_identifier_is_somebody_elses() -> None:
    """Half of all gateways are called "nas01"."""
    here, there = nas(1, "192.0.2.7"), nas(2, None, "nas01", secret=B)
    named = ("NAS-Identifier", "nas01")
    known = index(here, there)
    assert found(known, accounting("Start", named), A) == Identified(here, A, False)
    assert found(known, accounting("Start", named), B) == Identified(there, B, False)
    assert found(known, pap("anna", "lily", named, secret=A), is_signed=False) == Identified(
        here, A, False
    )


@pytest.mark.parametrize("is_signed", [True, False])
def test_both_secrets_are_valid_while_one_is_rotated(is_signed: bool) -> None:
    until = NOON + timedelta(hours=1)
    entry = nas(1, "192.0.2.7", former_secret=B, former_secret_until=until)
    known = index(entry)
    for secret in (A, B):
        packet = pap("anna", "lavender", secret=secret)
        answer = found(known, packet, secret, is_signed=is_signed)
        assert answer == Identified(entry, secret, is_signed)
        assert found(known, accounting("Start"), secret) == Identified(entry, secret, False)
    too_late = found(known, accounting("Start"), B, now=timedelta(hours=1))
    assert too_late == Stranger(Unanswered.WRONG_SECRET, entry)


@pytest.mark.parametrize(("proven", "used"), [(None, B), (A, A), (B, B), (C, B)])
def test_where_nothing_decides_it_is_the_secret_last_proven(
    proven: Secret | None, used: Secret
) -> None:
    entry = nas(1, "192.0.2.7", former_secret=B, former_secret_until=NOON + timedelta(hours=1))
    answer = found(index(entry), chapped("anna", "x"), is_signed=False, proven=proven)
    assert answer == Identified(entry, used, False)


def test_a_wrong_message_authenticator_is_a_wrong_secret() -> None:
    entry = nas(1, "192.0.2.7")
    assert found(index(entry), pap("anna", "x"), B) == Stranger(Unanswered.WRONG_SECRET, entry)


def test_status_server_and_eap_must_be_signed() -> None:
    entry = nas(1, "192.0.2.7")
    eap = Packet(
        Code.ACCESS_REQUEST,
        0,
        secrets.token_bytes(16),
        Attributes.of(("EAP-Message", bytes((2, 1, 0, 5, 1)))),
    )
    for packet in (status(), eap):
        answer = found(index(entry), packet, is_signed=False)
        assert answer == Stranger(Unanswered.MESSAGE_AUTHENTICATOR_MISSING, entry)


PROXIED = ("Proxy-State", b"hop")


@pytest.mark.parametrize(
    ("rule", "limits", "more", "was_signed", "broken"),
    [
        ("learn", True, (), False, None),
        ("learn", True, (PROXIED,), False, Unanswered.PROXY_STATE_UNSIGNED),
        ("learn", True, (PROXIED,), True, None),
        ("learn", False, (PROXIED,), False, None),
        ("optional", True, (), False, None),
        ("optional", True, (PROXIED,), False, Unanswered.PROXY_STATE_UNSIGNED),
        ("required", True, (), False, Unanswered.MESSAGE_AUTHENTICATOR_MISSING),
        ("required", False, (PROXIED,), False, Unanswered.MESSAGE_AUTHENTICATOR_MISSING),
        ("required", True, (PROXIED,), True, None),
    ],
)
def test_the_rules_against_blastradius(
    rule: str,
    limits: bool,
    more: tuple[Named, ...],
    was_signed: bool,
    broken: Unanswered | None,
) -> None:
    entry = nas(
        1,
        "192.0.2.7",
        message_authenticator=MessageAuthenticatorRule(rule),
        limit_proxy_state=limits,
    )
    assert broken_rule(entry, pap("anna", "lily", *more), was_signed) is broken


def test_accounting_is_not_concerned() -> None:
    entry = nas(1, "192.0.2.7", message_authenticator=MessageAuthenticatorRule.REQUIRED)
    assert broken_rule(entry, accounting("Start", PROXIED), was_signed=False) is None
