"""A visitor's ticket at the NAS: their home has vouched for them on our pages, so that nobody is
asked again. Answered here, within our limits and the home's bounds."""

from dataclasses import replace
from typing import Final

from aaa import tickets, visitors
from aaa.authentication import Method
from aaa.authorization import authorize_visitor
from aaa.database import Database
from aaa.policy import GRANTED, Denied, DenyReason, Grant
from aaa.secret import Keyring
from aaa.snapshot import Directory
from aaa.tickets import OfVisitor
from aaa.visitors import VisitorRecord
from federation import visitor_class
from federation.refusals import Refusals
from federation.visited import Way
from federation.visitor_class import Visitor
from monitoring import metrics
from radius.handlers.access import unproven
from radius.handlers.proof import Proof, proof_of
from radius.handlers.reply import granted, respond
from radius.request import Clock, Reply, Request, Unanswered
from radius.wire.attributes import Attributes
from radius.wire.packet import Code
from radius.wire.values import Value

_CLASS: Final = 25


class VisitorTickets:
    """Answers Access-Requests that name a visitor."""

    def __init__(
        self,
        *,
        database: Database,
        directory: Directory,
        keyring: Keyring,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._database = database
        self._directory = directory
        self._keyring = keyring
        self._refusals = refusals
        self._clock = clock

    async def visitor(self, user_name: str) -> VisitorRecord | None:
        """Return the visitor of a name; None, most often without a look, where it is no visitor's.
        Raises Unavailable."""
        if not visitors.is_pseudonym(user_name):
            return None
        async with self._database.read("visitor") as session:
            return await visitors.by_user_name(session, user_name, self._clock())

    async def access(
        self, request: Request, way: Way, visitor: VisitorRecord
    ) -> Reply | Unanswered:
        """Return Access-Accept for a ticket of the visitor's: once, in time, at its NAS, from its
        device. Raises Unavailable, MalformedPacket."""
        if reason := unproven(request):
            return reason
        proof = proof_of(request)
        if proof is None:
            return self._refusals.refuse(request, DenyReason.METHOD_NOT_SUPPORTED)
        outcome = await self._redeem(request, proof, visitor)
        word = "reject" if isinstance(outcome, Denied) else "accept"
        place = request.hotspot.collectivity.slug
        metrics.log_ins.labels(place, Method.TICKET.value, word).inc()
        if isinstance(outcome, Denied):
            return self._refusals.refuse(request, outcome.reason)
        accepted = self._accepted(request, way, visitor, outcome)
        attributes = Attributes.of(*accepted, *proof.accepted())
        return Reply(respond(request, Code.ACCESS_ACCEPT, attributes), method=Method.TICKET)

    async def _redeem(
        self, request: Request, proof: Proof, visitor: VisitorRecord
    ) -> Grant | Denied:
        """Take the ticket out of use that a request proves itself by; return what is granted."""
        now = self._clock()
        async with self._database.write("ticket") as session:
            ticket_id = await tickets.match(
                session,
                self._keyring,
                bearer=OfVisitor(visitor.id),
                nas_id=request.nas.id,
                device_mac=request.device_mac,
                matches=proof.matches,
                now=now,
            )
            if ticket_id is None:
                return Denied(DenyReason.WRONG_PASSWORD)
            if isinstance(ticket_id, Denied):
                return ticket_id
            allowed = authorize_visitor(self._directory.current, request.hotspot, now)
            word = allowed.reason if isinstance(allowed, Denied) else GRANTED
            if not await tickets.serve(session, ticket_id, word, now):
                return Denied(DenyReason.TICKET_USED)
        return allowed if isinstance(allowed, Denied) else visitor.within(allowed, now)

    def _accepted(
        self, request: Request, way: Way, visitor: VisitorRecord, grant: Grant
    ) -> list[tuple[str, Value]]:
        """Return who it is to the NAS, both Classes, and the limits: as the answer of a home is
        let in (`visited.Visits`)."""
        vouched = visitor.vouched
        named: list[tuple[str, Value]] = [("User-Name", visitor.user_name)]
        if vouched.home_class is not None:
            named.append(("Class", vouched.home_class))
        ours = Visitor(way.partner.id, way.realm)
        named.append(("Class", visitor_class.seal(self._keyring, ours)))
        is_asked = request.packet.attributes.has("Chargeable-User-Identity")
        if is_asked and vouched.cui is not None:
            named.append(("Chargeable-User-Identity", vouched.cui))
        return [*named, *granted(request, grant)]

    async def with_home_class(self, request: Request) -> Request:
        """Return accounting with the Class of the visitor's home, where the NAS has not brought it
        back: without it the home would not know whose session it is. Raises Unavailable."""
        attributes = request.packet.attributes
        has_homes = any(
            number == _CLASS and not visitor_class.is_ours(self._keyring, octets)
            for number, octets in attributes
        )
        visitor = None if has_homes else await self.visitor(request.text("User-Name") or "")
        home_class = visitor.vouched.home_class if visitor else None
        if home_class is None:
            return request
        completed = attributes + Attributes.of(("Class", home_class))
        return replace(request, packet=replace(request.packet, attributes=completed))
