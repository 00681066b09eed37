"""Finding servers: once for all who want to know, and no realm at the cost of another."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
import structlog

from aaa.errors import Outage, Unavailable
from federation.directory import DiscoveryEntry, HomeServerEntry, PartnerEntry
from federation.discovery.boundaries import is_public, ourselves
from federation.discovery.finder import Absence, Finder, Finding
from federation.discovery.memory import FIRST_PAUSE_SECONDS, LEAST_SECONDS
from federation.discovery.search import Kind, Question, Record, Records, Srv, check_service
from federation.model import Proof
from tests.federation import partnering
from tests.federation.partnering import known
from tests.radius.served import sample
from tests.village import Village

TERMS = DiscoveryEntry(check_service("_radsec._tcp"), b"roots", Proof.NAME, ("1.2.3",))
PUBLIC = "9.9.9.9"


@dataclass
class Dns:
    """What it was asked, and how it answers: at once, but for names whose gate is closed."""

    world: dict[Question, list[Record]] = field(default_factory=dict)
    asked: list[Question] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    is_away: bool = False

    def add(self, realm: str, *addresses: str, port: int = 2083) -> None:
        """Have a realm's server at some addresses."""
        self.world[_srv(realm)] = [Srv(0, 1, port, f"r.{realm}")]
        self.world[Question(f"r.{realm}", Kind.A)] = list(addresses)

    async def ask(self, question: Question) -> Records:
        self.asked.append(question)
        if gate := self.gates.get(question.name):
            await gate.wait()
        if self.is_away:
            raise Unavailable("DNS", Outage.UNAVAILABLE, "no answer")
        return Records(tuple(self.world.get(question, ())), 0.0)

    def looks(self, realm: str) -> int:
        """How often a realm was looked for."""
        return self.asked.count(_srv(realm))


def _srv(realm: str) -> Question:
    return Question(f"_radsec._tcp.{realm}", Kind.SRV)


@dataclass
class Seeker:
    """A finder, its DNS, a clock that tests move, and a partner to look for."""

    finder: Finder
    dns: Dns
    partner: PartnerEntry
    now: list[float]

    async def find(self, realm: str) -> Finding:
        return await self.finder.find(self.partner, TERMS, realm)

    async def servers(self, realm: str) -> tuple[HomeServerEntry, ...]:
        found = await self.find(realm)
        assert not isinstance(found, Absence), found
        return found

    def groups(self) -> list[str | None]:
        return [group.realm for group in self.finder.groups([self.partner])]


@pytest.fixture
async def seeker(village: Village) -> AsyncIterator[Seeker]:
    await partnering.add(village, discovery=TERMS)
    partner = (await known(village)).by_name["liguria"]
    assert partner.discovery == TERMS
    dns, now = Dns(), [1000.0]
    us = ourselves(["radius.village.example:2083"], ["9.9.9.1"], 2083)
    finder = Finder(dns, is_us=us.is_at, is_allowed=is_public, time=lambda: now[0])
    with structlog.testing.capture_logs():
        yield Seeker(finder, dns, partner, now)
    finder.close()


async def test_a_server_is_what_dns_and_the_terms_say(seeker: Seeker) -> None:
    seeker.dns.add("home.example", PUBLIC, port=2084)
    (server,) = await seeker.servers("home.example")
    assert server.address == f"tls://{PUBLIC}:2084"
    assert (server.certificate_name, server.realm) == ("r.home.example", "home.example")
    assert (server.anchor, server.policies, server.is_name_enough) == (b"roots", ("1.2.3",), True)
    assert seeker.groups() == ["home.example"]


async def test_all_who_want_to_know_wait_for_one_look(seeker: Seeker) -> None:
    seeker.dns.add("home.example", PUBLIC)
    gate = seeker.dns.gates[_srv("home.example").name] = asyncio.Event()
    waiting = [asyncio.ensure_future(seeker.find("home.example")) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    gate.set()
    found = await asyncio.gather(*waiting[1:])
    assert seeker.dns.looks("home.example") == 1
    assert len(set(found)) == 1
    assert not isinstance(found[0], Absence)


async def test_no_realm_waits_for_the_dns_of_another(seeker: Seeker) -> None:
    seeker.dns.add("quick.example", PUBLIC)
    gate = seeker.dns.gates[_srv("slow.example").name] = asyncio.Event()
    slow = asyncio.ensure_future(seeker.find("slow.example"))
    await asyncio.sleep(0)
    assert await seeker.servers("quick.example")
    assert not slow.done()
    gate.set()
    assert await slow is Absence.NONE


async def test_more_looks_than_we_can_have_are_not_begun(seeker: Seeker) -> None:
    seeker.dns.add("known.example", PUBLIC)
    await seeker.servers("known.example")
    gate = asyncio.Event()
    realms = [f"r{number}.example" for number in range(64)]
    seeker.dns.gates |= {_srv(realm).name: gate for realm in realms}
    slow = [asyncio.ensure_future(seeker.find(realm)) for realm in realms]
    await asyncio.sleep(0)
    assert await seeker.find("one-more.example") is Absence.CROWDED
    assert await seeker.servers("known.example")
    gate.set()
    await asyncio.gather(*slow)
    assert await seeker.find("one-more.example") is Absence.NONE


async def test_an_answer_is_believed_for_a_time_and_a_server_stays_itself(seeker: Seeker) -> None:
    seeker.dns.add("home.example", PUBLIC)
    (before,) = await seeker.servers("home.example")
    seeker.now[0] += LEAST_SECONDS - 1
    assert await seeker.servers("home.example") == (before,)
    assert seeker.dns.looks("home.example") == 1
    seeker.dns.add("home.example", PUBLIC, "9.9.9.10")
    seeker.now[0] += 2
    first, second = await seeker.servers("home.example")
    assert first == before
    assert second.id != before.id


async def test_that_there_is_nobody_is_believed_for_a_time_too(seeker: Seeker) -> None:
    for _ in range(3):
        assert await seeker.find("nobody.example") is Absence.NONE
    assert seeker.dns.looks("nobody.example") == 1
    assert seeker.groups() == []


async def test_while_dns_is_away_what_was_known_serves_on(seeker: Seeker) -> None:
    seeker.dns.add("home.example", PUBLIC)
    before = await seeker.servers("home.example")
    seeker.dns.is_away = True
    seeker.now[0] += LEAST_SECONDS + 1
    assert await seeker.servers("home.example") == before
    assert await seeker.find("other.example") is Absence.FAILED
    looks = len(seeker.dns.asked)
    await seeker.find("other.example")
    assert len(seeker.dns.asked) == looks
    seeker.dns.is_away = False
    seeker.dns.add("other.example", PUBLIC)
    seeker.now[0] += FIRST_PAUSE_SECONDS + 1
    assert await seeker.servers("other.example")


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["9.9.9.1"], Absence.LOOP),
        ([PUBLIC, "9.9.9.1"], Absence.LOOP),
        (["10.0.0.1", "127.0.0.1"], Absence.UNUSABLE),
        ([], Absence.NONE),
    ],
)
async def test_what_is_not_followed(
    seeker: Seeker, addresses: list[str], expected: Absence
) -> None:
    labels = {"partner": "liguria", "outcome": expected.value}
    before = sample("farandole_federation_discoveries_total", **labels)
    seeker.dns.add("home.example", *addresses)
    assert await seeker.find("home.example") is expected
    assert sample("farandole_federation_discoveries_total", **labels) == before + 1


@pytest.mark.parametrize(
    "realm", ["gmail", "", "a b.example", "-.example", ".".join(["a" * 60] * 4)]
)
async def test_what_is_no_realm_is_never_looked_for(seeker: Seeker, realm: str) -> None:
    assert await seeker.find(realm) is Absence.NONE
    assert seeker.dns.asked == []


async def test_a_realm_that_nobody_asks_for_is_let_go(seeker: Seeker) -> None:
    seeker.dns.add("home.example", PUBLIC)
    await seeker.servers("home.example")
    seeker.now[0] += 601
    assert seeker.groups() == []


async def test_servers_found_by_other_terms_are_not_kept_up(seeker: Seeker) -> None:
    seeker.dns.add("home.example", PUBLIC)
    await seeker.servers("home.example")
    seeker.partner = replace(seeker.partner, discovery=replace(TERMS, policies=()))
    assert seeker.groups() == []
