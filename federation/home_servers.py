"""Which server of a partner to ask, by what became of requests before: pure.

A server that proxies for many realms may be well while the home behind it is silent. So there are
two healths. A server's own is decided by Status-Server (RFC 5997), which only itself answers; that
of a (server, realm) by the requests of that realm. A request without an answer therefore never
condemns the server, only has it asked how it is. A server that has never answered a
Status-Server, as some do not, is never dead for its silence: then each realm finds out for itself.
All comes back without a hand: a server by the Status-Server that it answers, a realm by the one
request that is let through after a pause, and where nothing else is left a dead server so, too.

Times are seconds of a clock that only moves forward; `jitter` is a random number from -0.1 to
0.1, drawn by the caller.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from math import log1p
from typing import Final


class ServerState(StrEnum):
    """How a server is, or a realm behind it; a metric label."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    """It owes an answer; it is used as before, so that conversations stay where they are."""
    DEAD = "dead"
    """It is not used until it has answered, or a single request may try whether it does."""


class Outcome(StrEnum):
    """What became of a request, or of a Status-Server."""

    ANSWERED = "answered"
    SILENT = "silent"
    """No answer in time."""
    UNREACHABLE = "unreachable"
    """There is no way to the server itself: no address, no connection, no trust."""
    UNROUTABLE = "unroutable"
    """The server answered that the home behind it is away: Error-Cause 502, 505 or 506."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server of a partner; among those of the lowest `priority` that live, devices are shared by
    `weight`."""

    id: int
    priority: int = 0
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Patience:
    """How much silence is borne."""

    silences: int = 3
    """As many unanswered in a row make a server, or a realm behind it, dead."""
    response_seconds: float = 5.0
    """How long a request was waited for that counts as SILENT."""
    quiet_seconds: float = 30.0
    """A server that was not heard for so long is asked how it is."""
    suspect_seconds: float = 1.0
    """From one unanswered Status-Server to the next."""
    pause_seconds: float = 5.0
    """How long what is dead is left alone at first; it doubles with each failure to come back."""
    longest_pause_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Change:
    """A server, or with `realm` a realm behind it, is not what it was; to log and count."""

    server: int
    realm: str | None
    before: ServerState
    after: ServerState


MOST_REALMS: Final = 10_000
"""Failing realms that are remembered; the one that failed first is forgotten for the next."""
_SCORE_OCTETS: Final = 6
_NO_WEIGHT: Final = 0.01


@dataclass(slots=True)
class _Health:
    """`trial_at`: when a single request may try whether what is dead answers again."""

    pause_seconds: float
    state: ServerState = ServerState.ALIVE
    silences: int = 0
    trial_at: float = 0.0
    is_tried: bool = False


@dataclass(slots=True)
class _ServerHealth(_Health):
    """`probe_at`: when to ask how it is. `answers_probes`: whether it ever did."""

    probe_at: float = 0.0
    heard_at: float | None = None
    answers_probes: bool = False


class Pool:
    """The servers of one partner. It never sends: it is asked whom to, and told what came of it."""

    def __init__(self, servers: Sequence[Server], patience: Patience, now: float) -> None:
        self._patience: Final = patience
        self._servers: tuple[Server, ...] = ()
        self._health: dict[int, _ServerHealth] = {}
        self._realms: dict[tuple[int, str], _Health] = {}
        self.renew(servers, now)

    def renew(self, servers: Sequence[Server], now: float) -> None:
        """Take other servers; what is known of those that remain is kept. New ones count as alive,
        and are asked how they are at once."""
        self._servers = tuple(servers)
        ids = {server.id for server in servers}
        self._health = {
            id: self._health.get(id) or _ServerHealth(self._patience.pause_seconds, probe_at=now)
            for id in ids
        }
        self._realms = {key: health for key, health in self._realms.items() if key[0] in ids}

    def choose(
        self, realm: str, affinity: bytes, now: float, tried: Collection[int] = ()
    ) -> int | None:
        """Return the server to ask for a realm, none of `tried`; None where none is left.

        Of the lowest priority; among equals, by rendezvous hashing, `affinity` decides: a device
        stays with its server while that lives, and those of a dead one are spread over the others.
        The first request after a pause is let through to what is dead, and no second one until
        :meth:`observe` tells of it, or should have; to a dead server only where no other is left.
        """
        open_ways = [
            server
            for server in self._servers
            if server.id not in tried and self._is_open(self._realms.get((server.id, realm)), now)
        ]
        alive = [each for each in open_ways if self.state(each.id) is not ServerState.DEAD]
        usable = alive or [each for each in open_ways if self._is_open(self._health[each.id], now)]
        if not usable:
            return None
        chosen = min(usable, key=lambda server: (server.priority, _score(server, affinity))).id
        self._begin_trial(self._health[chosen], now)
        self._begin_trial(self._realms.get((chosen, realm)), now)
        return chosen

    def observe(
        self, server: int, realm: str | None, outcome: Outcome, now: float, jitter: float = 0.0
    ) -> tuple[Change, ...]:
        """Learn what became of a request for a realm, or, without one, of a Status-Server; return
        what changed. Of a server that is not in the pool any more nothing is learnt."""
        health = self._health.get(server)
        if health is None:
            return ()
        before = health.state
        if outcome in (Outcome.ANSWERED, Outcome.UNROUTABLE):
            self._heard(server, health, now, is_probe=realm is None)
        elif realm is None:
            self._missed_probe(health, outcome, now, jitter)
        elif outcome is Outcome.UNREACHABLE:
            self._fail(health, now, jitter)
        else:
            self._missed_answer(health, now, jitter)
        if health.state is ServerState.DEAD:
            health.probe_at = min(health.probe_at, health.trial_at)
        changes = [Change(server, None, before, health.state)]
        if realm is not None and outcome is not Outcome.UNREACHABLE:
            changes.append(self._observe_realm(server, realm, outcome, now, jitter))
        return tuple(change for change in changes if change.before is not change.after)

    def probes_due(self, now: float) -> tuple[int, ...]:
        """Return the servers to send a Status-Server to now. Each is named once; what came of it
        goes to :meth:`observe`."""
        due = tuple(id for id, health in self._health.items() if health.probe_at <= now)
        for id in due:
            self._health[id].probe_at = now + self._patience.quiet_seconds
        return due

    @property
    def next_probe_at(self) -> float | None:
        """When to call :meth:`probes_due` next; None for an empty pool."""
        return min((health.probe_at for health in self._health.values()), default=None)

    def state(self, server: int, realm: str | None = None) -> ServerState:
        """Return how a server is, or a realm behind it for itself; DEAD for one not in the pool."""
        health = self._health.get(server)
        if health is None:
            return ServerState.DEAD
        if realm is None:
            return health.state
        behind = self._realms.get((server, realm))
        return behind.state if behind else ServerState.ALIVE

    def _is_open(self, health: _Health | None, now: float) -> bool:
        return health is None or health.state is not ServerState.DEAD or health.trial_at <= now

    def _begin_trial(self, health: _Health | None, now: float) -> None:
        """Keep others from trying along; should nobody tell what came of it, the next may."""
        if health is not None and health.state is ServerState.DEAD:
            health.is_tried = True
            health.trial_at = now + 2 * self._patience.response_seconds

    def _heard(self, server: int, health: _ServerHealth, now: float, *, is_probe: bool) -> None:
        if health.state is ServerState.DEAD:
            # What was silent behind it may have been silent with it.
            self._realms = {key: found for key, found in self._realms.items() if key[0] != server}
        health.state = ServerState.ALIVE
        health.silences = 0
        health.pause_seconds = self._patience.pause_seconds
        health.heard_at = now
        health.probe_at = now + self._patience.quiet_seconds
        health.answers_probes = health.answers_probes or is_probe

    def _missed_answer(self, health: _ServerHealth, now: float, jitter: float) -> None:
        """One request of one realm was not answered: ask the server, unless it was heard since."""
        sent_at = now - self._patience.response_seconds
        is_heard = health.heard_at is not None and health.heard_at >= sent_at
        if health.state is ServerState.DEAD:
            self._fail(health, now, jitter)
        elif health.state is ServerState.ALIVE and not is_heard:
            health.state = ServerState.SUSPECT
            health.probe_at = now

    def _missed_probe(
        self, health: _ServerHealth, outcome: Outcome, now: float, jitter: float
    ) -> None:
        health.silences += 1
        is_over = health.silences >= self._patience.silences
        if outcome is Outcome.UNREACHABLE or (health.answers_probes and is_over):
            self._die(health, now, jitter)
            health.probe_at = health.trial_at
        elif health.answers_probes:
            health.state = ServerState.SUSPECT
            health.probe_at = now + self._patience.suspect_seconds
        elif health.state is not ServerState.ALIVE or health.heard_at is None:
            # There is a way to it, at least.
            health.state = ServerState.SUSPECT

    def _fail(self, health: _Health, now: float, jitter: float) -> None:
        """Count it dead, once: the failures of all that were on their way then tell nothing new."""
        if health.state is not ServerState.DEAD or health.is_tried:
            self._die(health, now, jitter)

    def _die(self, health: _Health, now: float, jitter: float) -> None:
        """Leave it alone for a pause, each time a longer one until it is heard."""
        health.state = ServerState.DEAD
        health.is_tried = False
        health.trial_at = now + health.pause_seconds * (1 + jitter)
        longest = self._patience.longest_pause_seconds
        health.pause_seconds = min(2 * health.pause_seconds, longest)

    def _observe_realm(
        self, server: int, realm: str, outcome: Outcome, now: float, jitter: float
    ) -> Change:
        key = (server, realm)
        before = self.state(server, realm)
        if outcome is Outcome.ANSWERED:
            self._realms.pop(key, None)
            return Change(server, realm, before, ServerState.ALIVE)
        behind = self._realms.get(key)
        if behind is None:
            if len(self._realms) >= MOST_REALMS:
                del self._realms[next(iter(self._realms))]
            behind = self._realms[key] = _Health(self._patience.pause_seconds)
        behind.silences += 1
        if behind.silences >= self._patience.silences:
            self._fail(behind, now, jitter)
        else:
            behind.state = ServerState.SUSPECT
        return Change(server, realm, before, behind.state)


def _score(server: Server, affinity: bytes) -> float:
    """The lowest wins: each device has an order of all servers of its own, in which one of twice
    the weight is first twice as often. One without any weight hardly ever is (RFC 2782)."""
    told = server.id.to_bytes(8, "big", signed=True) + affinity
    digest = blake2b(told, digest_size=_SCORE_OCTETS).digest()
    chance = int.from_bytes(digest, "big") / 256**_SCORE_OCTETS
    return -log1p(-chance) / (server.weight or _NO_WEIGHT)
