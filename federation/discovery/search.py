"""Where the servers of a realm are, as DNS has it (RFC 7585 section 3.4): pure.

`search` is a conversation: it yields questions, is sent the answers, and returns what they come to.
"""

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from aaa.errors import Invalid

_PORT: Final = 2083
"""Of RADIUS over TLS (RFC 6614), where a record says none."""
_MOST_LEADS: Final = 4
_MOST_TARGETS: Final = 8
_MOST_PLACES: Final = 8
LONGEST_NAME: Final = 253
_TAG: Final = re.compile(r"[a-z][a-z0-9+.-]*:[a-z][a-z0-9+.-]*")
_PREFIX: Final = re.compile(r"_[a-z0-9-]+\._tcp")
# Where a realm without NAPTR has its servers all the same (RFC 7585 section 3.4.3).
_DEFAULT_PREFIXES: Final = {"aaa+auth:radius.tls.tcp": "_radiustls._tcp"}


class Kind(StrEnum):
    """What is asked of a name."""

    NAPTR = "NAPTR"
    SRV = "SRV"
    A = "A"
    AAAA = "AAAA"


@dataclass(frozen=True, slots=True)
class Question:
    """One question to DNS; the name is absolute, without the dot at its end."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Naptr:
    """RFC 3403 section 4.1, as S-NAPTR uses it (RFC 3958)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Srv:
    """RFC 2782."""

    priority: int
    weight: int
    port: int
    target: str


Record = Naptr | Srv | str
"""Of an A or AAAA record, the address."""


@dataclass(frozen=True, slots=True)
class Records:
    """The answer to a question, good for so many seconds; no records: there are none."""

    records: tuple[Record, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server is: an address, and the `name` of the host that has it. The lowest priority is
    asked first, equal ones share the load by weight."""

    address: str
    port: int
    name: str
    priority: int
    weight: int


@dataclass(frozen=True, slots=True)
class Result:
    """Where a realm's servers are, known for so many seconds; no places: it has none."""

    places: tuple[Place, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Service:
    """What is looked for: NAPTR records with a tag, SRV records below a prefix, or those where
    there are none of the former."""

    text: str
    tag: str | None
    prefix: str | None


def check_service(text: str) -> Service:
    """Return what a service's name means: a tag such as `aaa+auth:radius.tls.tcp` or
    `x-eduroam:radius.tls`, or the beginning of SRV records such as `_radsec._tcp`. Raises Invalid.
    """
    folded = text.strip().casefold()
    if _PREFIX.fullmatch(folded):
        return Service(folded, None, folded)
    if _TAG.fullmatch(folded):
        return Service(folded, folded, _DEFAULT_PREFIXES.get(folded))
    raise Invalid(
        f"“{text}” is nothing that is looked for: write a NAPTR service tag such as "
        "aaa+auth:radius.tls.tcp or x-eduroam:radius.tls, or _radsec._tcp for SRV records alone"
    )


@dataclass(frozen=True, slots=True)
class _Lead:
    """SRV records, or with `is_host` a host, to be followed; the lowest rank first."""

    rank: int
    name: str
    is_host: bool


@dataclass(frozen=True, slots=True)
class _Target:
    rank: tuple[int, int]
    weight: int
    port: int
    host: str


def search(
    service: Service, realm: str
) -> Generator[Sequence[Question], Sequence[Records], Result]:
    """Yield questions, together those that need not wait for each other, and be sent the answers in
    the same order; return where the servers of a realm are.

    What a record says that is no name, and what comes in numbers that nobody needs, is left out.
    """
    seen: list[float] = []
    leads: list[_Lead] = []
    if service.tag is not None:
        answers = yield (Question(realm, Kind.NAPTR),)
        seen += _seconds(answers)
        leads = _leads(answers[0].records, service.tag)
    if not leads and service.prefix is not None:
        leads = [_Lead(0, f"{service.prefix}.{realm}", is_host=False)]
    by_srv = [lead for lead in leads if not lead.is_host and len(lead.name) <= LONGEST_NAME]
    answers = (yield [Question(lead.name, Kind.SRV) for lead in by_srv]) if by_srv else ()
    seen += _seconds(answers)
    targets = [_Target((lead.rank, 0), 1, _PORT, lead.name) for lead in leads if lead.is_host]
    for lead, answer in zip(by_srv, answers, strict=True):
        targets += _targets(answer.records, lead.rank)
    targets = sorted(targets, key=lambda target: target.rank)[:_MOST_TARGETS]
    hosts = list(dict.fromkeys(target.host for target in targets))
    questions = [Question(host, kind) for host in hosts for kind in (Kind.A, Kind.AAAA)]
    answers = (yield questions) if questions else ()
    seen += _seconds(answers)
    addresses = dict(zip(questions, (answer.records for answer in answers), strict=True))
    return Result(_places(targets, addresses), min(seen, default=0.0))


def _seconds(answers: Iterable[Records]) -> list[float]:
    return [answer.seconds for answer in answers]


def _leads(records: Iterable[Record], tag: str) -> list[_Lead]:
    """Return what NAPTR records lead to that are for a tag, in the order to be followed."""
    fitting = sorted(
        (record.order, record.preference, record.flags.casefold(), _folded(record.replacement))
        for record in records
        if isinstance(record, Naptr)
        and record.service.casefold() == tag
        and record.flags.casefold() in ("s", "a")
        and not record.regexp
        and _is_name(_folded(record.replacement))
    )
    followed = dict.fromkeys((flag, name) for _, _, flag, name in fitting)
    kept = enumerate(list(followed)[:_MOST_LEADS])
    return [_Lead(rank, name, is_host=flag == "a") for rank, (flag, name) in kept]


def _targets(records: Iterable[Record], rank: int) -> list[_Target]:
    """Return the hosts of SRV records; a single dot says that the service is not there."""
    return [
        _Target((rank, record.priority), record.weight, record.port, _folded(record.target))
        for record in records
        if isinstance(record, Srv) and record.port and _is_name(_folded(record.target))
    ]


def _places(
    targets: Sequence[_Target], addresses: dict[Question, tuple[Record, ...]]
) -> tuple[Place, ...]:
    """Return every address of the targets once. Among those of one rank, IPv4 comes first: where
    there is no way for the other, nobody waits for it."""
    found: dict[tuple[str, int], tuple[tuple[int, int, int], _Target]] = {}
    for target in targets:
        for family, kind in enumerate((Kind.A, Kind.AAAA)):
            for address in addresses[Question(target.host, kind)]:
                if isinstance(address, str):
                    found.setdefault((address, target.port), ((*target.rank, family), target))
    ranks = {
        rank: number for number, rank in enumerate(sorted({rank for rank, _ in found.values()}))
    }
    places = (
        Place(address, port, target.host, ranks[rank], target.weight)
        for (address, port), (rank, target) in found.items()
    )
    return tuple(sorted(places, key=lambda place: place.priority)[:_MOST_PLACES])


def _folded(name: str) -> str:
    return name.rstrip(".").casefold()


def _is_name(name: str) -> bool:
    labels = name.split(".")
    return len(name) <= LONGEST_NAME and all(0 < len(label) <= 63 for label in labels)
