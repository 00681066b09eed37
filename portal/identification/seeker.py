"""Who is at a form of ours, and what they prove: values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from aaa.authentication import Method
from aaa.snapshot import CollectivityEntry
from portal.throttling import Rule

Tries: TypeAlias = tuple[tuple[Rule, str], ...]


@dataclass(frozen=True, slots=True)
class Seeker:
    """Somebody who has yet to prove who they are, as far as the steps have to know.

    `place`: where a bare name is looked for, and whose citizen who is new becomes. `code_id` and
    `email` are of the code that was sent last. Whatever is tried is counted for the address or the
    identifier that was typed, and under `codes`, `log_ins` or `accounts` too. `whereabouts` is what
    the audit says of where it was.
    """

    place: CollectivityEntry
    email: str | None = field(repr=False)
    code_id: int | None
    codes: Tries
    log_ins: Tries
    accounts: Tries
    whereabouts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven: which citizen it is, or whose address, where that has no account yet."""

    method: Method
    at: datetime
    citizen_id: int | None = None
    email: str | None = field(default=None, repr=False)
