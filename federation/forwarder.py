"""Asks a partner's home servers: chooses one, waits, fails over, and keeps their health in mind."""

import asyncio
import random
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog

from aaa.settings import FederationSettings
from federation.carriers import Carrier
from federation.directory import HomeServerEntry, PartnerDirectory, PartnerEntry
from federation.home_servers import Change, Outcome, Patience, Pool, Server, ServerState
from federation.model import Transport
from monitoring import federation_metrics
from radius.conversations import Conversations
from radius.request import Clock, Service
from radius.transports.tasks import contained
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet

log = structlog.get_logger()

_MOST_CONVERSATIONS: Final = 16_384
_CONVERSATION: Final = timedelta(minutes=2)
_AUTHENTICATOR_OCTETS: Final = 16
_OUTCOMES: Final = {
    Code.ACCESS_ACCEPT: "accept",
    Code.ACCESS_REJECT: "reject",
    Code.ACCESS_CHALLENGE: "challenge",
    Code.ACCOUNTING_RESPONSE: "response",
    Code.PROTOCOL_ERROR: "protocol_error",
}
# RFC 5176 section 3.5: not routable, a proxy's trouble, no resources.
_UNROUTABLE: Final = frozenset((502, 505, 506))
# No realm has this in front: that a home takes accounting says nothing of its log-ins.
_ACCOUNTING_OF: Final = "accounting of "


class NoAnswer(StrEnum):
    """Why there is no answer; a metric label and a log field."""

    TIMEOUT = "timeout"
    """Whoever was asked kept silent."""
    UNREACHABLE = "unreachable"
    """There was no way to any server, or the conversation's own is gone."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What to ask a partner, who has `realm`: a request, with nothing hidden in it.

    `affinity` keeps a device with one server, `state` its conversation.
    """

    partner: PartnerEntry
    realm: str
    affinity: bytes
    state: bytes | None
    code: Code
    attributes: Attributes

    @property
    def service(self) -> Service:
        """Which of a server's services it is for."""
        is_accounting = self.code is Code.ACCOUNTING_REQUEST
        return Service.ACCOUNTING if is_accounting else Service.AUTHENTICATION


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, with nothing hidden in it."""

    server: HomeServerEntry
    reply: Packet


@dataclass(slots=True)
class _Pooled:
    """A partner's pool, and the servers that it was made or renewed for."""

    pool: Pool
    servers: tuple[HomeServerEntry, ...]


class Forwarder:
    """Sends errands to partners by the carrier of each server's transport."""

    def __init__(
        self,
        settings: FederationSettings,
        *,
        partners: PartnerDirectory,
        carriers: Mapping[Transport, Carrier],
        clock: Clock,
    ) -> None:
        self._seconds = settings.response_seconds
        self._patience = Patience(response_seconds=settings.response_seconds)
        self._partners = partners
        self.carriers = carriers
        """What takes packets to servers, by transport."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._pools: dict[int, _Pooled] = {}
        self._conversations: Conversations[int] = Conversations(_MOST_CONVERSATIONS)
        self._revived: dict[int, datetime] = {}
        self._probing = asyncio.Event()

    async def ask(self, errand: Errand) -> Answer | NoAnswer:
        """Return the answer to an errand within the settings' seconds, or why there is none.

        A server that is silent is given up for the next, with half of the time that is left, so
        that there is some for that one. A conversation has one server, which alone knows of it.
        """
        started = self._loop.time()
        result = await self._ask(errand, started + self._seconds)
        self._tell(errand, result, self._loop.time() - started)
        if isinstance(result, Answer) and errand.service is Service.AUTHENTICATION:
            self._keep(errand.partner, result)
        return result

    async def account(self, partner: PartnerEntry, attributes: Attributes) -> bool:
        """Return whether a partner's home has acknowledged accounting."""
        user_name = attributes.text("User-Name") or ""
        errand = Errand(
            partner=partner,
            realm=_ACCOUNTING_OF + user_name.rpartition("@")[2].lower(),
            affinity=attributes.octets("Calling-Station-Id") or b"",
            state=None,
            code=Code.ACCOUNTING_REQUEST,
            attributes=attributes,
        )
        answer = await self.ask(errand)
        return isinstance(answer, Answer) and answer.reply.code is Code.ACCOUNTING_RESPONSE

    def revived_at(self, partner_id: int) -> datetime | None:
        """Return when a server of a partner was last found to answer again, if it ever was."""
        return self._revived.get(partner_id)

    async def run(self, every_seconds: float = 1.0) -> None:
        """Ask servers how they are, for ever, as their pools want it (RFC 5997)."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                asked = [each for each in self._partners.current.by_id.values() if each.is_active]
                for partner in asked:
                    self._probe_due(partner, tasks)
                for carrier in self.carriers.values():
                    carrier.keep([server for partner in asked for server in partner.servers])
                await self._wait(every_seconds)

    def _probe_due(self, partner: PartnerEntry, tasks: asyncio.TaskGroup) -> None:
        due = self._pool(partner).probes_due(self._loop.time())
        for server in partner.servers:
            if server.id in due:
                tasks.create_task(contained(self._probe(partner, server)))

    async def _wait(self, at_most: float) -> None:
        """Wait until a pool may want to know: no longer than a moment, since requests change it."""
        self._probing.clear()
        try:
            async with asyncio.timeout(at_most):
                await self._probing.wait()
        except TimeoutError:
            return

    async def _probe(self, partner: PartnerEntry, server: HomeServerEntry) -> None:
        packet = _packet(Code.STATUS_SERVER, Attributes())
        carrier = self.carriers[server.transport]
        reply = await carrier.exchange(server, packet, Service.AUTHENTICATION, self._seconds)
        outcome = reply if isinstance(reply, Outcome) else _outcome(reply)
        if outcome is Outcome.UNROUTABLE:
            # It is there, and says that it can do nothing: as good as silent.
            outcome = Outcome.SILENT
        self._observe(partner, server, None, outcome)

    async def _ask(self, errand: Errand, ends_at: float) -> Answer | NoAnswer:
        held = self._held(errand)
        tried: list[int] = []
        refused: Answer | None = None
        was_asked = False
        while (left := ends_at - self._loop.time()) > 0:
            server = self._choose(errand, held, tried)
            if server is None:
                break
            tried.append(server.id)
            question = _packet(errand.code, errand.attributes)
            is_last = errand.state is not None or len(tried) >= len(errand.partner.servers)
            seconds = left if is_last else left / 2
            carrier = self.carriers[server.transport]
            reply = await carrier.exchange(server, question, errand.service, seconds)
            outcome = reply if isinstance(reply, Outcome) else _outcome(reply)
            if errand.service is Service.AUTHENTICATION or outcome is not Outcome.SILENT:
                # Who takes no accounting may well know its citizens; that is tried again anyway.
                self._observe(errand.partner, server, errand.realm, outcome)
            was_asked = was_asked or outcome is not Outcome.UNREACHABLE
            if not isinstance(reply, Outcome):
                answer = Answer(server, reply)
                if outcome is Outcome.ANSWERED or is_last:
                    return answer
                refused = answer
            elif errand.state is not None:
                break
        return refused or (NoAnswer.TIMEOUT if was_asked else NoAnswer.UNREACHABLE)

    def _choose(self, errand: Errand, held: int | None, tried: list[int]) -> HomeServerEntry | None:
        pool = self._pool(errand.partner)
        if held is None:
            now = self._loop.time()
            chosen = pool.choose(errand.realm, errand.affinity, now, tried)
        else:
            chosen = held if pool.state(held) is not ServerState.DEAD else None
        servers = errand.partner.servers
        return next((server for server in servers if server.id == chosen), None)

    def _held(self, errand: Errand) -> int | None:
        """Return the server that a conversation is held with, if it is known."""
        if errand.state is None:
            return None
        return self._conversations.take(_key(errand.partner, errand.state), self._clock())

    def _keep(self, partner: PartnerEntry, answer: Answer) -> None:
        state = answer.reply.attributes.octets("State")
        if answer.reply.code is Code.ACCESS_CHALLENGE and state is not None:
            now = self._clock()
            key = _key(partner, state)
            self._conversations.keep(key, answer.server.id, now + _CONVERSATION, now)

    def _pool(self, partner: PartnerEntry) -> Pool:
        pooled = self._pools.get(partner.id)
        if pooled is not None and pooled.servers == partner.servers:
            return pooled.pool
        servers = [Server(server.id, server.priority) for server in partner.servers]
        now = self._loop.time()
        if pooled is None:
            pooled = _Pooled(Pool(servers, self._patience, now), partner.servers)
            self._pools[partner.id] = pooled
        else:
            pooled.pool.renew(servers, now)
            pooled.servers = partner.servers
        return pooled.pool

    def _observe(
        self, partner: PartnerEntry, server: HomeServerEntry, realm: str | None, outcome: Outcome
    ) -> None:
        now, jitter = self._loop.time(), random.uniform(-0.1, 0.1)  # noqa: S311  # spreads load
        for change in self._pool(partner).observe(server.id, realm, outcome, now, jitter):
            self._tell_change(partner, server, change)
        is_up = self._pool(partner).state(server.id) is not ServerState.DEAD
        federation_metrics.server_up.labels(partner.name, server.address).set(is_up)
        # A silence may have a Status-Server due at once.
        self._probing.set()

    def _tell_change(self, partner: PartnerEntry, server: HomeServerEntry, change: Change) -> None:
        if change.after is ServerState.ALIVE:
            self._revived[partner.id] = self._clock()
        is_news = ServerState.DEAD in (change.before, change.after)
        tell = log.warning if change.after is ServerState.DEAD else log.info
        if is_news:
            tell(
                "home server changed",
                partner=partner.name,
                server=server.address,
                realm=change.realm,
                state=change.after.value,
            )

    def _tell(self, errand: Errand, result: Answer | NoAnswer, seconds: float) -> None:
        partner = errand.partner.name
        if isinstance(result, Answer):
            outcome = _OUTCOMES.get(result.reply.code, NoAnswer.UNREACHABLE.value)
            server = result.server.address
            federation_metrics.seconds.labels(partner).observe(seconds)
        else:
            outcome, server = result.value, None
        federation_metrics.requests.labels(partner, "out", outcome).inc()
        tell = log.debug if outcome in ("challenge", "response") else log.info
        tell(
            "request forwarded",
            partner=partner,
            server=server,
            outcome=outcome,
            ms=round(seconds * 1000, 1),
        )


def _packet(code: Code, attributes: Attributes) -> Packet:
    return Packet(code, 0, secrets.token_bytes(_AUTHENTICATOR_OCTETS), attributes)


def _key(partner: PartnerEntry, state: bytes) -> bytes:
    """Two homes may choose the same State."""
    return partner.id.to_bytes(8, "big") + state


def _outcome(reply: Packet) -> Outcome:
    """What an answer says of the way. Any other Protocol-Error is of the request, which no other
    server would take either (RFC 9765 section 6.1)."""
    is_refusal = reply.code in (Code.ACCESS_REJECT, Code.PROTOCOL_ERROR)
    if is_refusal and reply.attributes.integer("Error-Cause") in _UNROUTABLE:
        return Outcome.UNROUTABLE
    return Outcome.ANSWERED
