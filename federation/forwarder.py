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

from aaa.policy import DenyReason
from aaa.settings import FederationSettings
from federation.carriers import Carrier
from federation.directory import HomeServerEntry, PartnerDirectory, PartnerEntry
from federation.discovery.finder import Absence, Finder
from federation.groups import Group, Pools
from federation.home_servers import Change, Outcome, Patience, ServerState
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
    NOT_FOUND = "not_found"
    """DNS has no server for the realm: it is nobody's."""
    LOOP = "loop"
    """DNS names us as the server of a realm that we do not have."""

    @property
    def reason(self) -> DenyReason:
        """Why who asked is refused."""
        return _REASONS.get(self, DenyReason.HOME_UNREACHABLE)


_REASONS: Final = {
    NoAnswer.NOT_FOUND: DenyReason.UNKNOWN_REALM,
    NoAnswer.LOOP: DenyReason.ROUTING_LOOP,
}


_ABSENCES: Final = {
    Absence.NONE: NoAnswer.NOT_FOUND,
    Absence.UNUSABLE: NoAnswer.NOT_FOUND,
    Absence.LOOP: NoAnswer.LOOP,
    Absence.FAILED: NoAnswer.UNREACHABLE,
    Absence.CROWDED: NoAnswer.UNREACHABLE,
}


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
    def purpose(self) -> str:
        """What a server is asked for, as far as its health is concerned: a realm's log-ins, or
        its accounting, of which one may go well without the other."""
        is_accounting = self.service is Service.ACCOUNTING
        return _ACCOUNTING_OF + self.realm if is_accounting else self.realm

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


class Forwarder:
    """Sends errands to partners by the carrier of each server's transport."""

    def __init__(
        self,
        settings: FederationSettings,
        *,
        partners: PartnerDirectory,
        carriers: Mapping[Transport, Carrier],
        finder: Finder,
        clock: Clock,
    ) -> None:
        self._finder = finder
        self._seconds = settings.response_seconds
        self._partners = partners
        self.carriers = carriers
        """What takes packets to servers, by transport."""
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._pools = Pools(Patience(response_seconds=settings.response_seconds))
        self._conversations: Conversations[int] = Conversations(_MOST_CONVERSATIONS)
        self._revived: dict[int, datetime] = {}
        self._probing = asyncio.Event()

    async def ask(self, errand: Errand) -> Answer | NoAnswer:
        """Return the answer to an errand within the settings' seconds, or why there is none.

        A server that is silent is given up for the next, with half of the time that is left, so
        that there is some for that one. A conversation has one server, which alone knows of it.
        """
        started = self._loop.time()
        ends_at = started + self._seconds
        group = await self.group(errand.partner, errand.realm, self._seconds)
        if isinstance(group, Group):
            result = await self._ask(errand, group, ends_at)
            if isinstance(result, Answer) and errand.service is Service.AUTHENTICATION:
                self._keep(group, result)
        else:
            result = group
        self._tell(errand, result, self._loop.time() - started)
        return result

    async def account(self, partner: PartnerEntry, attributes: Attributes) -> bool:
        """Return whether a partner's home has acknowledged accounting."""
        user_name = attributes.text("User-Name") or ""
        errand = Errand(
            partner=partner,
            realm=user_name.rpartition("@")[2].lower(),
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
                groups = [_named(partner) for partner in asked] + self._finder.groups(asked)
                for group in groups:
                    self._probe_due(group, tasks)
                for carrier in self.carriers.values():
                    carrier.keep([server for group in groups for server in group.servers])
                self._pools.keep(groups)
                await self._wait(every_seconds)

    def _probe_due(self, group: Group, tasks: asyncio.TaskGroup) -> None:
        now = self._loop.time()
        due = self._pools.of(group, now).probes_due(now)
        for server in group.servers:
            if server.id in due:
                tasks.create_task(contained(self._probe(group, server)))

    async def group(
        self, partner: PartnerEntry, realm: str, within_seconds: float
    ) -> Group | NoAnswer:
        """Return whom to ask: who was found for the realm; where DNS has nobody, or does not say,
        whom the partner has named."""
        if partner.discovery is None:
            return _named(partner)
        try:
            async with asyncio.timeout(within_seconds):
                finding = await self._finder.find(partner, partner.discovery, realm)
        except TimeoutError:
            finding = Absence.FAILED
        if not isinstance(finding, Absence):
            return Group(partner, finding, realm)
        if partner.servers and finding is not Absence.LOOP:
            return _named(partner)
        return _ABSENCES[finding]

    async def _wait(self, at_most: float) -> None:
        """Wait until a pool may want to know: no longer than a moment, since requests change it."""
        self._probing.clear()
        try:
            async with asyncio.timeout(at_most):
                await self._probing.wait()
        except TimeoutError:
            return

    async def _probe(self, group: Group, server: HomeServerEntry) -> None:
        packet = _packet(Code.STATUS_SERVER, Attributes())
        carrier = self.carriers[server.transport]
        reply = await carrier.exchange(server, packet, Service.AUTHENTICATION, self._seconds)
        outcome = reply if isinstance(reply, Outcome) else _outcome(reply)
        if outcome is Outcome.UNROUTABLE:
            # It is there, and says that it can do nothing: as good as silent.
            outcome = Outcome.SILENT
        self._observe(group, server, None, outcome)

    async def _ask(self, errand: Errand, group: Group, ends_at: float) -> Answer | NoAnswer:
        held = self._held(errand, group)
        tried: list[int] = []
        refused: Answer | None = None
        was_asked = False
        while (left := ends_at - self._loop.time()) > 0:
            server = self._choose(errand, group, held, tried)
            if server is None:
                break
            tried.append(server.id)
            question = _packet(errand.code, errand.attributes)
            is_last = errand.state is not None or len(tried) >= len(group.servers)
            seconds = left if is_last else left / 2
            carrier = self.carriers[server.transport]
            reply = await carrier.exchange(server, question, errand.service, seconds)
            outcome = reply if isinstance(reply, Outcome) else _outcome(reply)
            if errand.service is Service.AUTHENTICATION or outcome is not Outcome.SILENT:
                # Who takes no accounting may well know its citizens; that is tried again anyway.
                self._observe(group, server, errand.purpose, outcome)
            was_asked = was_asked or outcome is not Outcome.UNREACHABLE
            if not isinstance(reply, Outcome):
                answer = Answer(server, reply)
                if outcome is Outcome.ANSWERED or is_last:
                    return answer
                refused = answer
            elif errand.state is not None:
                break
        return refused or (NoAnswer.TIMEOUT if was_asked else NoAnswer.UNREACHABLE)

    def _choose(
        self, errand: Errand, group: Group, held: int | None, tried: list[int]
    ) -> HomeServerEntry | None:
        now = self._loop.time()
        pool = self._pools.of(group, now)
        if held is None:
            chosen = pool.choose(errand.purpose, errand.affinity, now, tried)
        else:
            chosen = held if pool.state(held) is not ServerState.DEAD else None
        return next((server for server in group.servers if server.id == chosen), None)

    def _held(self, errand: Errand, group: Group) -> int | None:
        """Return the server that a conversation is held with, if it is known."""
        if errand.state is None:
            return None
        return self._conversations.take(_key(group, errand.state), self._clock())

    def _keep(self, group: Group, answer: Answer) -> None:
        state = answer.reply.attributes.octets("State")
        if answer.reply.code is Code.ACCESS_CHALLENGE and state is not None:
            now = self._clock()
            key = _key(group, state)
            self._conversations.keep(key, answer.server.id, now + _CONVERSATION, now)

    def _observe(
        self, group: Group, server: HomeServerEntry, purpose: str | None, outcome: Outcome
    ) -> None:
        now, jitter = self._loop.time(), random.uniform(-0.1, 0.1)  # noqa: S311  # spreads load
        pool = self._pools.of(group, now)
        for change in pool.observe(server.id, purpose, outcome, now, jitter):
            self._tell_change(group, server, change)
        if group.realm is None:
            # What strangers' DNS names is no label.
            is_up = pool.state(server.id) is not ServerState.DEAD
            federation_metrics.server_up.labels(group.partner.name, server.address).set(is_up)
        # A silence may have a Status-Server due at once.
        self._probing.set()

    def _tell_change(self, group: Group, server: HomeServerEntry, change: Change) -> None:
        if change.after is ServerState.ALIVE:
            self._revived[group.partner.id] = self._clock()
        is_news = ServerState.DEAD in (change.before, change.after)
        tell = log.warning if change.after is ServerState.DEAD else log.info
        if is_news:
            tell(
                "home server changed",
                partner=group.partner.name,
                server=server.address,
                realm=change.realm or group.realm,
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


def _named(partner: PartnerEntry) -> Group:
    return Group(partner, partner.servers)


def _key(group: Group, state: bytes) -> bytes:
    """Two homes may choose the same State."""
    partner_id, realm = group.key
    return partner_id.to_bytes(8, "big") + (realm or "").encode() + b"\0" + state


def _outcome(reply: Packet) -> Outcome:
    """What an answer says of the way. Any other Protocol-Error is of the request, which no other
    server would take either (RFC 9765 section 6.1)."""
    is_refusal = reply.code in (Code.ACCESS_REJECT, Code.PROTOCOL_ERROR)
    if is_refusal and reply.attributes.integer("Error-Cause") in _UNROUTABLE:
        return Outcome.UNROUTABLE
    return Outcome.ANSWERED
