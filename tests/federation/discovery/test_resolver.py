"""What a real DNS server says, and what is made of its silence."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from aaa.errors import Unavailable
from federation.discovery.resolver import DnsResolver
from federation.discovery.search import Kind, Naptr, Question, Srv
from tests.interop.nameserver import run_nameserver
from tests.ports import free_port

ZONE = """
@ 120 IN NAPTR 100 10 "S" "aaa+auth:radius.tls.tcp" "" _radiustls._tcp
_radiustls._tcp IN SRV 5 10 2084 radius
radius IN A 192.0.2.1
radius IN A 192.0.2.2
radius IN AAAA 2001:db8::1
alias IN CNAME radius
"""


@pytest.fixture(scope="module")
def resolver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DnsResolver]:
    port = free_port()
    with run_nameserver(tmp_path_factory.mktemp("dns"), port, {"home.example": ZONE}):
        yield DnsResolver([f"127.0.0.1:{port}"])


@pytest.mark.interop
@pytest.mark.parametrize(
    ("name", "kind", "records", "seconds"),
    [
        (
            "home.example",
            Kind.NAPTR,
            [
                Naptr(
                    *(100, 10, "S", "aaa+auth:radius.tls.tcp", ""),
                    replacement="_radiustls._tcp.home.example.",
                )
            ],
            120,
        ),
        (
            "_radiustls._tcp.home.example",
            Kind.SRV,
            [Srv(5, 10, 2084, "radius.home.example.")],
            300,
        ),
        ("radius.home.example", Kind.A, ["192.0.2.1", "192.0.2.2"], 300),
        ("radius.home.example", Kind.AAAA, ["2001:db8::1"], 300),
        ("alias.home.example", Kind.AAAA, ["2001:db8::1"], 300),
        # Neither a name without such records nor one that is not there: the zone says how long.
        ("home.example", Kind.SRV, [], 300),
        ("nobody.home.example", Kind.NAPTR, [], 300),
    ],
)
async def test_what_dns_says(
    resolver: DnsResolver, name: str, kind: Kind, records: list[object], seconds: float
) -> None:
    found = await resolver.ask(Question(name, kind))
    assert (sorted(map(str, found.records)), found.seconds) == (sorted(map(str, records)), seconds)


@pytest.mark.interop
async def test_a_server_that_refuses_says_nothing_of_the_name(resolver: DnsResolver) -> None:
    with pytest.raises(Unavailable, match="REFUSED"):
        await resolver.ask(Question("far.example", Kind.A))


async def test_silence_is_no_answer() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        resolver = DnsResolver([f"127.0.0.1:{silent.getsockname()[1]}"], seconds=0.2)
        with pytest.raises(Unavailable):
            await resolver.ask(Question("home.example", Kind.A))


async def test_a_machine_that_asks_nobody_has_no_answer(tmp_path: Path) -> None:
    """Nor does it keep the service from starting; once it knows somebody, they are asked."""
    machine = tmp_path / "resolv.conf"
    resolver = DnsResolver(machine=machine, seconds=0.2)
    with pytest.raises(Unavailable):
        await resolver.ask(Question("home.example", Kind.A))
    machine.write_text("nameserver 127.0.0.1\n")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1"):
        await resolver.ask(Question("home.example", Kind.A))


async def test_what_is_no_name_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        await DnsResolver(["127.0.0.1:1"]).ask(Question("a" * 64 + ".example", Kind.A))
