"""The Handler that the transport is given: what is ours goes to `radius.handlers`, what is a
partner's to its home, and what is nobody's is refused at once.

    from a NAS of ours      a citizen of ours       the local handler
                            a partner's citizen     `visited`: home, by way of the forwarder
                            one with our ticket     `visitor_tickets`: answered here
                            anybody else            Access-Reject
    from a partner          a citizen of ours       the local handler, by the partner's contract
                            anybody else            Access-Reject: nobody crosses us in transit
                            an order                `visitor_orders`: about its citizens, here
"""

from dataclasses import replace
from typing import Final

from aaa import cui, session_owner
from aaa.policy import DenyReason
from aaa.secret import Keyring
from aaa.snapshot import Directory
from federation import visitor_class
from federation.directory import PartnerDirectory, PartnerEntry, Partners
from federation.orders import Cause
from federation.proxying import admitted, answer_to_partner, proxy_mark, proxy_states
from federation.realms import Local, Route, ToPartner
from federation.refusals import Refusals
from federation.visited import MARK_KEY, Visits, Way
from federation.visitor_orders import VisitorOrders
from federation.visitor_tickets import VisitorTickets
from monitoring import federation_metrics
from radius.handlers.access import names_its_device
from radius.handlers.reply import acknowledge, nak
from radius.request import Handler, Reply, Request, Unanswered
from radius.wire.packet import Code

_ORDERS: Final = frozenset((Code.COA_REQUEST, Code.DISCONNECT_REQUEST))
_OUTCOMES: Final = {
    Code.ACCESS_ACCEPT: "accept",
    Code.ACCESS_REJECT: "reject",
    Code.ACCESS_CHALLENGE: "challenge",
    Code.ACCOUNTING_RESPONSE: "response",
}


class FederationHandler:
    """Answers every request, here or by who can."""

    def __init__(
        self,
        local: Handler,
        *,
        directory: Directory,
        partners: PartnerDirectory,
        visits: Visits,
        visitor_tickets: VisitorTickets,
        orders: VisitorOrders,
        refusals: Refusals,
        keyring: Keyring,
    ) -> None:
        self._local = local
        self._directory = directory
        self._partners = partners
        self._visits = visits
        self._visitor_tickets = visitor_tickets
        self._orders = orders
        self._refusals = refusals
        self._keyring = keyring
        self._mark_key = keyring.derive(MARK_KEY)
        self._cui_key = keyring.derive(cui.OPERATOR_KEY)

    async def __call__(self, request: Request) -> Reply | Unanswered:
        """Return the answer. Raises Unavailable, MalformedPacket."""
        if request.packet.code is Code.STATUS_SERVER:
            return await self._local(request)
        partners = await self._partners.latest()
        if request.packet.code in _ORDERS:
            return await self._order(request, partners)
        if request.hotspot.collectivity.is_partner:
            return await self._from_partner(request, partners)
        if request.packet.code is Code.ACCOUNTING_REQUEST:
            return await self._account(request, partners)
        return await self._access(request, partners)

    async def _access(self, request: Request, partners: Partners) -> Reply | Unanswered:
        user_name = request.text("User-Name") or ""
        route = partners.routes.route(user_name)
        if isinstance(route, Local) or names_its_device(user_name, request.device_mac):
            return await self._local(request)
        way = _way(partners, route)
        if way is None:
            return self._refusals.refuse(request, DenyReason.UNKNOWN_REALM)
        if not way.partner.is_active:
            federation_metrics.requests.labels(way.partner.name, "out", "suspended").inc()
            return self._refusals.refuse(request, DenyReason.PARTNER_SUSPENDED)
        if visitor := await self._visitor_tickets.visitor(user_name):
            return await self._visitor_tickets.access(request, way, visitor)
        return await self._visits.access(request, way)

    async def _account(self, request: Request, partners: Partners) -> Reply | Unanswered:
        """Record what belongs to a partner's citizen for their home too; our Class tells, or else
        the name."""
        visitor = visitor_class.find(self._keyring, request.packet.attributes)
        partner = partners.by_id.get(visitor.partner_id) if visitor else None
        way = Way(partner, visitor.realm) if visitor and partner else self._named(request, partners)
        if way is None:
            return await self._local(request)
        return await self._visits.account(await self._visitor_tickets.with_home_class(request), way)

    def _named(self, request: Request, partners: Partners) -> Way | None:
        """Return whose citizen a name makes somebody, unless our own Class says that they are
        ours."""
        if self._is_ours(request):
            return None
        return _way(partners, partners.routes.route(request.text("User-Name") or ""))

    def _is_ours(self, request: Request) -> bool:
        octets = request.packet.attributes.octets("Class")
        return session_owner.unseal(self._keyring, octets) is not None

    async def _from_partner(self, request: Request, partners: Partners) -> Reply | Unanswered:
        collectivity = request.hotspot.collectivity
        partner = partners.by_collectivity.get(collectivity.id)
        is_accounting = request.packet.code is Code.ACCOUNTING_REQUEST
        if partner is None or not partner.is_active:
            federation_metrics.requests.labels(collectivity.slug, "in", "suspended").inc()
            if is_accounting:
                # It is not recorded, so it is not acknowledged (RFC 2866 section 2): kept there.
                return Unanswered.PARTNER_SUSPENDED
            return self._refusals.refuse(request, DenyReason.PARTNER_SUSPENDED)
        attributes = admitted(request.packet, partner.contract)
        inside = replace(request, packet=replace(request.packet, attributes=attributes))
        outcome = (
            await self._account_ours(inside, partners)
            if is_accounting
            else await self._admit_ours(inside, partner, partners)
        )
        if isinstance(outcome, Reply):
            label = _OUTCOMES.get(outcome.packet.code, "response")
            federation_metrics.requests.labels(partner.name, "in", label).inc()
        return outcome

    async def _order(self, request: Request, partners: Partners) -> Reply | Unanswered:
        collectivity = request.hotspot.collectivity
        if not collectivity.is_partner:
            return await self._local(request)
        partner = partners.by_collectivity.get(collectivity.id)
        if partner is None or not partner.is_active:
            federation_metrics.orders.labels(collectivity.slug, "in", "suspended").inc()
            return Reply(nak(request, Cause.ADMINISTRATIVELY_PROHIBITED))
        return await self._orders.obey(request, partner)

    async def _admit_ours(
        self, request: Request, partner: PartnerEntry, partners: Partners
    ) -> Reply | Unanswered:
        """Answer for a citizen of ours, who is named with a realm, at a partner's place.

        A device that proves nothing but its address is remembered at our own hotspots alone.
        """
        user_name = request.text("User-Name") or ""
        route = partners.routes.route(user_name)
        if not isinstance(route, Local) or route.realm is None:
            return self._refusals.refuse(request, self._transit(request, partner, route))
        if names_its_device(user_name, request.device_mac):
            return self._refusals.refuse(request, DenyReason.METHOD_NOT_SUPPORTED)
        outcome = await self._local(request)
        if not isinstance(outcome, Reply):
            return outcome
        told = answer_to_partner(outcome.packet, request.packet, self._cui_key, partner.contract)
        return replace(outcome, packet=replace(outcome.packet, attributes=told))

    async def _account_ours(self, request: Request, partners: Partners) -> Reply | Unanswered:
        """Record a citizen of ours elsewhere; acknowledge what is of nobody here, unrecorded."""
        route = partners.routes.route(request.text("User-Name") or "")
        if self._is_ours(request) or (isinstance(route, Local) and route.realm is not None):
            return await self._local(request)
        return Reply(acknowledge(request))

    def _transit(self, request: Request, partner: PartnerEntry, route: Route) -> DenyReason:
        """Return why a partner's request for somebody else is refused: it came back, or we were
        never the way."""
        operator = request.packet.attributes.text("Operator-Name") or ""
        is_of_us = operator[1:] in self._directory.current.by_realm
        is_back = False
        if isinstance(route, ToPartner):
            mark = proxy_mark(self._mark_key, route.realm)
            is_back = route.name == partner.name or mark in proxy_states(request.packet)
        return DenyReason.ROUTING_LOOP if is_back or is_of_us else DenyReason.UNKNOWN_REALM


def _way(partners: Partners, route: Route) -> Way | None:
    """Return the way that a route names, None where that is to no partner."""
    partner = partners.by_name.get(route.name) if isinstance(route, ToPartner) else None
    return Way(partner, route.realm) if partner and isinstance(route, ToPartner) else None
