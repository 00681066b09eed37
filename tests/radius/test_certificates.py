"""Whose certificate it is: realms, policies, and names that may be any of many."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.snapshot import NasEntry, RadsecPeerEntry
from radius.certificates import (
    CLIENT,
    SERVER,
    CertificateFlaw,
    Chain,
    Expected,
    PeerIndex,
    covers,
)
from tests.radius.eap.certificates import Authority
from tests.radius.radsec import identity_of
from tests.village import Village

NOW: Final = datetime.now(UTC)
ROOT: Final = Authority("Federation Root")
OTHER: Final = Authority("Somebody's Root")
POLICY: Final = "1.3.6.1.4.1.25178.3.1.1"
NAME: Final = "radius.home.example"


def chain(authority: Authority = ROOT, name: str = NAME, **told: list[str]) -> Chain:
    return Chain([authority.peer(name, **told).der])  # type: ignore[arg-type]


def expected(**changes: object) -> Expected:
    of = Expected((ROOT.root.der,), NAME, None, realm="home.example")
    return replace(of, **changes)  # type: ignore[arg-type]


def flaw(shown: Chain, **changes: object) -> CertificateFlaw | None:
    return shown.flaw(expected(**changes), SERVER, NOW)


@pytest.mark.parametrize(
    ("pattern", "name", "is_covered"),
    [
        ("home.example", "HOME.example.", True),
        ("*.example", "home.example", True),
        ("*.home.example", "home.example", False),
        ("*.home.example", "a.b.home.example", False),
        ("*.home.example", "*.home.example", True),
        ("*.example", "*.home.example", False),
        ("h*.example", "home.example", False),
        ("home.*", "home.example", False),
        ("*", "example", False),
        ("*.", "home.", False),
        ("", "", True),
    ],
)
def test_a_star_stands_for_one_label_at_the_beginning(
    pattern: str, name: str, is_covered: bool
) -> None:
    assert covers(pattern, name) is is_covered


_LABELS = st.lists(st.sampled_from(["a", "b", "example", "*"]), min_size=1, max_size=4)


@given(_LABELS, _LABELS)
def test_what_is_covered_differs_in_the_first_label_at_most(
    pattern: list[str], name: list[str]
) -> None:
    is_covered = covers(".".join(pattern), ".".join(name))
    is_same = pattern == name
    is_below = pattern[0] == "*" and name[0] != "*" and pattern[1:] == name[1:] != []
    assert is_covered == (is_same or is_below)


@pytest.mark.parametrize(
    ("realms", "found"),
    [
        (["home.example"], None),
        (["other.example", "*.example"], None),
        (["other.example"], CertificateFlaw.WRONG_REALM),
        (["*.home.example"], CertificateFlaw.WRONG_REALM),
    ],
)
@pytest.mark.parametrize("is_name_enough", [True, False])
def test_realms_in_a_certificate_decide(
    realms: list[str], found: CertificateFlaw | None, is_name_enough: bool
) -> None:
    """Whatever DNS called the server."""
    shown = chain(realms=realms)
    assert flaw(shown, is_name_enough=is_name_enough) is found
    assert flaw(shown, is_name_enough=is_name_enough, name="other.example") is found


def test_without_any_the_name_decides_where_it_is_enough() -> None:
    assert flaw(chain()) is None
    assert flaw(chain(), name="other.example") is CertificateFlaw.WRONG_NAME
    assert flaw(chain(), is_name_enough=False) is CertificateFlaw.WRONG_REALM


def test_the_right_realm_under_another_root_proves_nothing() -> None:
    shown = chain(OTHER, realms=["home.example"])
    assert flaw(shown) is CertificateFlaw.UNTRUSTED


def test_one_of_the_policies_is_needed() -> None:
    wanted = ("1.2.3", POLICY)
    assert flaw(chain(policies=[POLICY]), policies=wanted) is None
    assert flaw(chain(policies=["1.2.4"]), policies=wanted) is CertificateFlaw.WRONG_POLICY
    assert flaw(chain(), policies=wanted) is CertificateFlaw.WRONG_POLICY


def test_octets_that_are_no_text_are_no_realm() -> None:
    assert chain(realms=["home.example"]).realms == ("home.example",)
    assert chain(realms=["\x00"]).realms == ("\x00",)


@pytest.fixture
def nas(village: Village) -> NasEntry:
    return village.snapshot.nas_by_name["square"]


def index(village: Village, nas: NasEntry, *peers: RadsecPeerEntry) -> PeerIndex:
    known = replace(nas, radsec_peers=peers)
    other = replace(nas, id=nas.id + 1, name="other", radsec_peers=())
    return PeerIndex(replace(village.snapshot, nas=(known, other)))


OPEN: Final = RadsecPeerEntry(ROOT.root.der, "*", None)


async def test_any_name_under_an_anchor_lets_in(village: Village, nas: NasEntry) -> None:
    found = index(village, nas, OPEN).find(chain(name="whoever.example"), NOW)
    assert isinstance(found, NasEntry)
    assert found.name == nas.name


async def test_any_name_below_a_suffix(village: Village, nas: NasEntry) -> None:
    peers = index(village, nas, RadsecPeerEntry(ROOT.root.der, "*.members.example", None))
    assert isinstance(peers.find(chain(name="a.members.example"), NOW), NasEntry)
    assert peers.find(chain(name="a.example"), NOW) is CertificateFlaw.WRONG_NAME
    assert peers.find(chain(name="a.b.members.example"), NOW) is CertificateFlaw.WRONG_NAME


async def test_any_name_of_a_policy(village: Village, nas: NasEntry) -> None:
    peers = index(village, nas, replace(OPEN, policy=POLICY))
    assert isinstance(peers.find(chain(policies=[POLICY]), NOW), NasEntry)
    assert peers.find(chain(), NOW) is CertificateFlaw.WRONG_POLICY
    assert peers.find(chain(OTHER, policies=[POLICY]), NOW) is CertificateFlaw.UNTRUSTED


async def test_who_is_known_by_name_is_not_anybody(village: Village, nas: NasEntry) -> None:
    known = replace(nas, radsec_peers=(OPEN,))
    named = replace(
        nas, id=99, name="named", radsec_peers=(RadsecPeerEntry(ROOT.root.der, NAME, None),)
    )
    peers = PeerIndex(replace(village.snapshot, nas=(known, named)))
    found = peers.find(chain(), NOW)
    assert isinstance(found, NasEntry)
    assert found.name == "named"


async def test_a_client_needs_a_certificate_for_clients(village: Village, nas: NasEntry) -> None:
    server = Chain([ROOT.peer(NAME, usages=[SERVER]).der])
    client = Chain([ROOT.peer(NAME, usages=[CLIENT]).der])
    peers = index(village, nas, OPEN)
    assert peers.find(server, NOW) is CertificateFlaw.WRONG_PURPOSE
    assert isinstance(peers.find(client, NOW), NasEntry)


async def test_our_own_authority_signs_for_too_many(village: Village, nas: NasEntry) -> None:
    """Every device of a citizen has a certificate of it."""
    ours = identity_of(ROOT.peer("radius.village.example"), ROOT.root.der)
    known = replace(nas, radsec_peers=(OPEN,))
    peers = PeerIndex(replace(village.snapshot, radsec_identity=ours, nas=(known,)))
    assert peers.find(chain(name="anybody.example"), NOW) is CertificateFlaw.WRONG_NAME
