"""A partner's citizen at our hotspot: our policy first, their home's answer, our limits on it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from aaa.accounting import Effect, Kind
from aaa.authorization import authorize_visitor
from aaa.nas.registry import adapter
from aaa.policy import Denied, DenyReason, Grant
from aaa.secret import Keyring
from aaa.snapshot import Directory
from federation import visitor_class
from federation.accounting_forwarder import AccountingForwarder, packed, session_digest
from federation.directory import PartnerEntry
from federation.forwarder import Errand, Forwarder, NoAnswer
from federation.model import ForwardedAccounting
from federation.proxying import (
    Hop,
    Refusal,
    affinity,
    inbound,
    outbound,
    proxy_mark,
    proxy_states,
    within,
)
from federation.refusals import Refusals
from federation.visitor_class import Visitor
from monitoring import federation_metrics, metrics
from radius.handlers.access import unproven
from radius.handlers.accounting import AccountingHandler, kind_of, occurred_at
from radius.handlers.reply import eap_failure, granted
from radius.request import Clock, Reply, Request, Unanswered
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from radius.wire.values import Value

MARK_KEY: Final = "proxy-mark"
"""The purpose of the key that our Proxy-State is made with."""
# The label of their log-ins, where our citizens' have the method.
_METHOD: Final = "partner"
_OUTCOMES: Final = {Code.ACCESS_ACCEPT: "accept", Code.ACCESS_REJECT: "reject"}


@dataclass(frozen=True, slots=True)
class Way:
    """Where a request goes: the partner, and the realm that led there."""

    partner: PartnerEntry
    realm: str


class Visits:
    """Answers for partners' citizens at our hotspots."""

    def __init__(
        self,
        *,
        directory: Directory,
        keyring: Keyring,
        accounting: AccountingHandler,
        forwarder: Forwarder,
        accounts: AccountingForwarder,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._keyring = keyring
        self._accounting = accounting
        self._forwarder = forwarder
        self._accounts = accounts
        self._refusals = refusals
        self._clock = clock
        self._mark_key = keyring.derive(MARK_KEY)

    async def access(self, request: Request, way: Way) -> Reply | Unanswered:
        """Return what the home says, within what our own policy allows; a refusal where the home
        says nothing."""
        if reason := unproven(request):
            return reason
        allowed = self._allowed(request)
        if isinstance(allowed, Denied):
            return self._refusals.refuse(request, allowed.reason)
        hop = self._hop(request, way)
        attributes = outbound(request.packet, hop)
        if isinstance(attributes, Refusal):
            _count(way, attributes)
            is_loop = attributes is Refusal.LOOP
            denied = DenyReason.ROUTING_LOOP if is_loop else DenyReason.HOME_UNREACHABLE
            return self._refusals.refuse(request, denied)
        answer = await self._forwarder.ask(_errand(request, way, attributes))
        if isinstance(answer, NoAnswer):
            return self._refusals.refuse(request, answer.reason)
        let_in = inbound(answer.reply, hop)
        if answer.reply.code is Code.PROTOCOL_ERROR:
            said = let_in.integer("Error-Cause")
            return self._refusals.refuse(request, DenyReason.HOME_UNREACHABLE, said)
        reply = replace(request.packet, code=answer.reply.code, attributes=let_in)
        return self._conclude(request, way, reply, allowed)

    async def account(self, request: Request, way: Way) -> Reply:
        """Return the acknowledgement of what is recorded here as visited, and kept for the home in
        the same transaction. Raises Unavailable."""
        home = way.partner.collectivity.id
        attributes = outbound(request.packet, self._hop(request, way))
        if isinstance(attributes, Refusal):
            _count(way, attributes)
            return await self._accounting.visit(request, home)
        row = {
            "partner_id": way.partner.id,
            "session_digest": session_digest(attributes),
            "attributes": packed(attributes),
            "occurred_at": occurred_at(request.packet.attributes, request.received_at),
            "next_attempt_at": request.received_at,
            "created_at": request.received_at,
        }
        is_interim = kind_of(request) is Kind.INTERIM

        def keep(session: AsyncSession, effect: Effect) -> None:
            # What was recorded before was kept before. An interim update that counts nothing
            # new still tells the home that the session lives.
            if is_interim or effect is not Effect.REPEATED:
                session.add(ForwardedAccounting(**row))

        reply = await self._accounting.visit(request, home, keep)
        self._accounts.wake()
        return reply

    def _allowed(self, request: Request) -> Grant | Denied:
        """Return what our own policy gives a partner's citizen here and now."""
        limits = self._directory.current.limits(request.hotspot, None)
        if not limits.passwords_at_nas and not request.packet.attributes.has("EAP-Message"):
            return Denied(DenyReason.PASSWORD_NOT_ALLOWED)
        return authorize_visitor(self._directory.current, request.hotspot, self._clock())

    def _hop(self, request: Request, way: Way) -> Hop:
        packet = request.packet
        view_point = packet.attributes.integer("ChilliSpot-Acct-View-Point")
        return Hop(
            partner=way.partner.name,
            realm=way.realm,
            operator=request.hotspot.collectivity.realm,
            nas_identifier=request.nas.name,
            mark=proxy_mark(self._mark_key, way.realm),
            proxy_states=proxy_states(packet),
            received_at=request.received_at,
            is_our_class=partial(visitor_class.is_ours, self._keyring),
            is_input_download=adapter(request.nas.vendor).is_input_download(view_point),
            contract=way.partner.contract,
        )

    def _conclude(self, request: Request, way: Way, reply: Packet, allowed: Grant) -> Reply:
        if outcome := _OUTCOMES.get(reply.code):
            collectivity = request.hotspot.collectivity.slug
            metrics.log_ins.labels(collectivity, _METHOD, outcome).inc()
        match reply.code:
            case Code.ACCESS_ACCEPT:
                attributes = self._admit(request, way, reply.attributes, allowed)
                return Reply(replace(reply, attributes=attributes))
            case Code.ACCESS_REJECT if not reply.attributes.has("EAP-Message"):
                failure = Attributes.of(*eap_failure(request))
                return Reply(replace(reply, attributes=reply.attributes + failure))
        return Reply(reply)

    def _admit(self, request: Request, way: Way, let_in: Attributes, allowed: Grant) -> Attributes:
        """Return what the NAS is told of an Access-Accept, our limits and our Class with it."""
        visitor = Visitor(way.partner.id, way.realm)
        own: list[tuple[str, Value]] = [
            ("Class", visitor_class.seal(self._keyring, visitor)),
            *granted(request, allowed),
        ]
        if let_in.has("EAP-Message"):
            # When the time is up the supplicant proves itself anew (RFC 3580 section 3.17).
            own.append(("Termination-Action", "RADIUS-Request"))
        return within(let_in, Attributes.of(*own))


def _errand(request: Request, way: Way, attributes: Attributes) -> Errand:
    return Errand(
        partner=way.partner,
        realm=way.realm,
        affinity=affinity(request.packet),
        state=request.packet.attributes.octets("State"),
        code=request.packet.code,
        attributes=attributes,
    )


def _count(way: Way, refusal: Refusal) -> None:
    outcome = "loop" if refusal is Refusal.LOOP else "refused"
    federation_metrics.requests.labels(way.partner.name, "out", outcome).inc()
