"""What DNS is asked, and what its answers come to."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from federation.discovery.boundaries import is_public, ourselves
from federation.discovery.search import (
    Kind,
    Naptr,
    Place,
    Question,
    Record,
    Records,
    Result,
    Srv,
    check_service,
    search,
)
from federation.discovery.zone import lines

REALM = "home.example"
TAG = "aaa+auth:radius.tls.tcp"
TTL = 300.0
World = Mapping[Question, Sequence[Record]]


def naptr(
    replacement: str,
    *,
    flags: str = "s",
    service: str = TAG,
    order: int = 100,
    preference: int = 10,
) -> Naptr:
    return Naptr(order, preference, flags, service, "", replacement)


def ask(world: World, service: str = TAG, realm: str = REALM) -> tuple[Result, list[Question]]:
    """Return what a search comes to where DNS holds what `world` says, and all that it asked."""
    asked: list[Question] = []
    running = search(check_service(service), realm)
    questions = next(running)
    while True:
        asked += questions
        answers = [Records(tuple(world.get(each, ())), TTL) for each in questions]
        try:
            questions = running.send(answers)
        except StopIteration as done:
            return done.value, asked


def places(world: World, service: str = TAG) -> list[tuple[str, int, str, int]]:
    found = ask(world, service)[0].places
    return [(place.address, place.port, place.name, place.priority) for place in found]


SRV = Question(f"_radiustls._tcp.{REALM}", Kind.SRV)
HOST: dict[Question, Sequence[Record]] = {
    Question("one.home.example", Kind.A): ["192.0.2.1"],
    Question("one.home.example", Kind.AAAA): ["2001:db8::1"],
    Question("two.home.example", Kind.A): ["192.0.2.2"],
}


def test_a_tag_leads_by_srv_to_addresses() -> None:
    world = HOST | {
        Question(REALM, Kind.NAPTR): [naptr(SRV.name + ".")],
        SRV: [Srv(0, 10, 2083, "One.home.example."), Srv(10, 5, 2084, "two.home.example.")],
    }
    result, asked = ask(world)
    assert result.places == (
        Place("192.0.2.1", 2083, "one.home.example", 0, 10),
        Place("2001:db8::1", 2083, "one.home.example", 1, 10),
        Place("192.0.2.2", 2084, "two.home.example", 2, 5),
    )
    assert result.seconds == TTL
    assert asked[:2] == [Question(REALM, Kind.NAPTR), SRV]


def test_a_flag_leads_to_a_host_at_the_usual_port() -> None:
    world = HOST | {Question(REALM, Kind.NAPTR): [naptr("two.home.example", flags="A")]}
    assert places(world) == [("192.0.2.2", 2083, "two.home.example", 0)]


def test_the_lowest_order_then_preference_comes_first() -> None:
    world = HOST | {
        Question(REALM, Kind.NAPTR): [
            naptr("one.home.example", flags="a", order=200, preference=1),
            naptr("two.home.example", flags="a", order=100, preference=99),
        ]
    }
    assert [place[0] for place in places(world)] == ["192.0.2.2", "192.0.2.1", "2001:db8::1"]


@pytest.mark.parametrize(
    "record",
    [
        naptr("one.home.example", flags="a", service="x-eduroam:radius.tls"),
        naptr("one.home.example", flags="u"),
        Naptr(1, 1, "a", TAG, "!^.*$!other.example!", "one.home.example"),
        naptr(".", flags="a"),
        naptr(f"{'a' * 64}.example", flags="a"),
    ],
)
def test_a_record_for_something_else_leads_nowhere(record: Naptr) -> None:
    assert places(HOST | {Question(REALM, Kind.NAPTR): [record]}) == []


def test_without_naptr_the_usual_srv_records_are_asked_for() -> None:
    world = HOST | {SRV: [Srv(0, 0, 2083, "two.home.example")]}
    assert places(world) == [("192.0.2.2", 2083, "two.home.example", 0)]
    assert places(world, "x-eduroam:radius.tls") == []


def test_srv_records_alone() -> None:
    world = HOST | {
        Question(f"_radsec._tcp.{REALM}", Kind.SRV): [Srv(0, 0, 2083, "two.home.example")]
    }
    assert places(world, "_radsec._tcp") == [("192.0.2.2", 2083, "two.home.example", 0)]
    assert Question(REALM, Kind.NAPTR) not in ask(world, "_radsec._tcp")[1]


def test_a_single_dot_says_that_there_is_no_such_service() -> None:
    assert places({SRV: [Srv(0, 0, 0, "."), Srv(0, 0, 2083, ".")]}) == []


def test_nothing_found_is_known_for_as_long_as_dns_says() -> None:
    assert ask({})[0] == Result((), TTL)


def test_a_realm_that_leaves_no_room_for_a_prefix_is_asked_about_as_far_as_it_goes() -> None:
    realm = ".".join(["a" * 60] * 4)
    assert ask({}, realm=realm)[1] == [Question(realm, Kind.NAPTR)]


_NAMES = st.sampled_from(["a.example", "b.example.", "C.example", ".", "", "x" * 70, SRV.name])
_NUMBERS = st.integers(0, 65535)
_RECORDS = st.one_of(
    st.builds(
        Naptr,
        _NUMBERS,
        _NUMBERS,
        st.sampled_from(["s", "a", "S", "u", ""]),
        st.sampled_from([TAG, TAG.upper(), "x-eduroam:radius.tls", ""]),
        st.sampled_from(["", "!"]),
        _NAMES,
    ),
    st.builds(Srv, _NUMBERS, _NUMBERS, _NUMBERS, _NAMES),
    st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1"]),
)


@given(st.data())
def test_whatever_dns_says_the_search_ends_soon_with_addresses(data: st.DataObject) -> None:
    """Bounded in questions and places, none twice, the first priority being 0."""
    told: dict[Question, list[Record]] = {}

    class Anything(dict[Question, Sequence[Record]]):
        def get(self, key: Question, default: object = None) -> list[Record]:
            if key not in told:
                told[key] = data.draw(st.lists(_RECORDS, max_size=12))
            return told[key]

    result, asked = ask(Anything())
    assert len(asked) <= 1 + 4 + 2 * 8
    assert len(asked) == len(set(asked))
    assert all(0 < len(question.name) <= 253 for question in asked)
    assert len(result.places) <= 8
    assert len({(place.address, place.port) for place in result.places}) == len(result.places)
    for place in result.places:
        ip_address(place.address)
        assert place.port
    assert min((place.priority for place in result.places), default=0) == 0


@pytest.mark.parametrize("text", ["", "radius", "_radsec", "aaa+auth", "a b:c", "_radsec._udp"])
def test_what_is_no_service_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="is nothing that is looked for"):
        check_service(text)


def test_what_we_publish_leads_to_us() -> None:
    """Zone lines, read as DNS would, and searched."""
    for service in (TAG, "x-eduroam:radius.tls", "_radsec._tcp"):
        world: dict[Question, list[Record]] = {Question("r.example", Kind.A): ["192.0.2.9"]}
        for line in lines(check_service(service), [REALM], ["r.example:2083"]):
            fields = line.data.replace('"', "").split(" ")
            record: Record = (
                Naptr(int(fields[0]), int(fields[1]), fields[2], fields[3], fields[4], fields[5])
                if line.kind == "NAPTR"
                else Srv(int(fields[0]), int(fields[1]), int(fields[2]), fields[3])
            )
            world.setdefault(Question(line.owner, Kind(line.kind)), []).append(record)
        assert places(world, service) == [("192.0.2.9", 2083, "r.example", 0)], service


def test_our_own_servers_are_known_by_name_and_by_address() -> None:
    us = ourselves(["Radius.village.example:2083"], ["192.0.2.1"], 2083)
    assert us.is_at(Place("198.51.100.1", 2083, "radius.village.example", 0, 1))
    assert us.is_at(Place("192.0.2.1", 2083, "other.example", 0, 1))
    assert not us.is_at(Place("192.0.2.1", 2084, "other.example", 0, 1))


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("9.9.9.9", True),
        ("2620:fe::fe", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.0.1", False),
        ("224.0.0.1", False),
        ("0.0.0.0", False),
        ("::1", False),
        ("fe80::1", False),
        ("::ffff:10.0.0.1", False),
    ],
)
def test_only_public_addresses_are_anybodys(address: str, is_one: bool) -> None:
    assert is_public(address) is is_one
