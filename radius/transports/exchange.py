"""From a packet to its answer: parse, identify, find repetitions, have it handled, answer.

Every packet ends in one of three ways: an answer, a repetition that is counted as one, or a
counted drop with its reason. Nothing that anybody sends raises beyond this file.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final

import structlog

from aaa.errors import Outage, Unavailable
from monitoring import metrics
from radius.clients import Clients, Identified, Stranger, broken_rule
from radius.drops import NOBODY, Drops
from radius.duplicates import Answered, DuplicateWindow, Progress
from radius.request import Clock, Handler, Reply, Request, Service, Unanswered
from radius.sightings import Sightings
from radius.transports.arrival import Arrival, Caller, Line, Send, address_of
from radius.transports.tasks import contained
from radius.transports.versions import Radius10
from radius.wire.errors import BadAuthenticator, Malformation, MalformedPacket
from radius.wire.packet import Code, parse

Spawn = Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]

log = structlog.get_logger()

_ACCEPTED: Final = {
    Service.AUTHENTICATION: frozenset((Code.ACCESS_REQUEST, Code.STATUS_SERVER)),
    Service.ACCOUNTING: frozenset((Code.ACCOUNTING_REQUEST, Code.STATUS_SERVER)),
    Service.DYNAMIC_AUTHORIZATION: frozenset((Code.COA_REQUEST, Code.DISCONNECT_REQUEST)),
}
# RFC 6614 section 3.4: one port takes all.
_SERVICES: Final = {
    Code.ACCESS_REQUEST: Service.AUTHENTICATION,
    Code.STATUS_SERVER: Service.AUTHENTICATION,
    Code.ACCOUNTING_REQUEST: Service.ACCOUNTING,
    Code.COA_REQUEST: Service.DYNAMIC_AUTHORIZATION,
    Code.DISCONNECT_REQUEST: Service.DYNAMIC_AUTHORIZATION,
}
_OUTCOMES: Final = {
    Code.ACCESS_ACCEPT: "accept",
    Code.ACCESS_REJECT: "reject",
    Code.ACCESS_CHALLENGE: "challenge",
    Code.COA_NAK: "nak",
    Code.DISCONNECT_NAK: "nak",
}
_MALFORMED: Final = {
    Malformation.TOO_SHORT: Unanswered.MALFORMED_TOO_SHORT,
    Malformation.TOO_LONG: Unanswered.MALFORMED_TOO_LONG,
    Malformation.BAD_LENGTH: Unanswered.MALFORMED_BAD_LENGTH,
    Malformation.BAD_ATTRIBUTE: Unanswered.MALFORMED_BAD_ATTRIBUTE,
    Malformation.UNKNOWN_CODE: Unanswered.UNSUPPORTED_CODE,
}
_OUTAGES: Final = {
    Outage.UNAVAILABLE: Unanswered.DATABASE_UNAVAILABLE,
    Outage.LOCKED: Unanswered.DATABASE_LOCKED,
    Outage.TIMEOUT: Unanswered.DATABASE_TIMEOUT,
}
# Strangers wait for the next look at the database; a flood of them must not fill the memory.
_STRANGERS: Final = 64
_LONGEST_IDENTIFIER: Final = 64
# As long as an order counts as current, on either side of our clock (RFC 5176 section 6.3).
_ORDERS_KEPT_SECONDS: Final = 600.0


class Exchanges:
    """Takes packets of all services and answers them.

    `spawn` starts a task in the group that the server waits for; `max_in_progress` is how many
    requests of known NAS may be worked on or held back at once. Strangers have a limit of their
    own, so that no flood of theirs shuts a known NAS out.
    """

    def __init__(
        self,
        *,
        clients: Clients,
        handler: Handler,
        sightings: Sightings,
        drops: Drops,
        spawn: Spawn,
        clock: Clock,
        max_in_progress: int,
    ) -> None:
        self._clients = clients
        self._handler = handler
        self._sightings = sightings
        self._drops = drops
        self._spawn = spawn
        self._clock = clock
        self._max_in_progress = max_in_progress
        self._loop = asyncio.get_running_loop()
        self._windows = {service: DuplicateWindow() for service in Service}
        self._windows[Service.DYNAMIC_AUTHORIZATION] = DuplicateWindow(_ORDERS_KEPT_SECONDS)
        self._working: set[asyncio.Task[None]] = set()
        self._introducing: set[asyncio.Task[None]] = set()
        self._held: dict[asyncio.TimerHandle, Callable[[], None]] = {}
        self._in_progress = 0

    def receive(
        self, datagram: bytes, service: Service, source: tuple[str, int], send: Send
    ) -> None:
        """Take one datagram that came from `source` (host, port). Never raises."""
        address = address_of(source[0])
        try:
            packet = parse(datagram)
            if packet.code not in _ACCEPTED[service]:
                self._drops.count(
                    Unanswered.UNSUPPORTED_CODE, address, code=packet.code.rfc_name, port=service
                )
                return
            repeatable = (source[0], source[1], packet.identifier)
            if service is Service.DYNAMIC_AUTHORIZATION:
                # Who records an order and sends it again is not bound to its port.
                repeatable = (packet.authenticator.hex(), 0, packet.identifier)
            now = self._clock()
            arrival = Arrival(
                packet, datagram, service, address, repeatable, send, now, self._loop.time()
            )
            sender = self._clients.identify(packet, datagram, address, now)
            if isinstance(sender, Identified):
                self._admit(arrival, sender)
            else:
                self._await_introduction(arrival, sender)
        except MalformedPacket as error:
            self._drops.count(_MALFORMED[error.malformation], address)
        except Exception:
            self._drops.count(Unanswered.INTERNAL_ERROR, address, exc_info=True)

    def receive_on(self, line: Line, datagram: bytes) -> bool:
        """Take one packet of a client that is known by its connection; return whether it was taken
        on, so that the line will be told when it has ended. Never raises.

        What is wrong with one packet is wrong with that one only: nothing here ends a connection.
        Message-Authenticator is verified where there is one, and asked for by none of the rules
        against BlastRADIUS, which nobody can work within TLS.
        """
        nas, address = line.nas, line.address
        try:
            packet, is_authentic = line.version.receive(datagram)
            service = _SERVICES.get(packet.code)
            if service is None:
                code = packet.code.rfc_name
                self._decline(line, datagram, Unanswered.UNSUPPORTED_CODE, code=code)
                return False
            now = self._clock()
            source = (line.name, 0, packet.identifier) if line.version.may_repeat else None
            arrival = Arrival(
                *(packet, datagram, service, address, source),
                *(line.send, now, self._loop.time(), line.ended),
            )
            self._sightings.note_connected(nas, now)
            return self._begin(arrival, Caller(nas, line.version, is_authentic))
        except BadAuthenticator:
            self._drops.count(Unanswered.WRONG_SECRET, address, nas.name, secret="radsec")
        except MalformedPacket as error:
            self._decline(line, datagram, _MALFORMED[error.malformation])
        except Exception:
            self._decline(line, datagram, Unanswered.INTERNAL_ERROR, exc_info=True)
        return False

    def _decline(self, line: Line, datagram: bytes, reason: Unanswered, **fields: object) -> None:
        """Count what gets no answer, and say so where the version has a word for it."""
        self._drops.count(reason, line.address, line.nas.name, **fields)
        if octets := line.version.decline(datagram, reason):
            line.send(octets)

    async def finish(self, within_seconds: float) -> None:
        """Answer what is in progress, and what is held back at once; then cancel what remains."""
        for handle, answer in list(self._held.items()):
            handle.cancel()
            answer()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                # Who is introduced becomes work.
                while under_way := self._introducing | self._working:
                    await asyncio.wait(under_way)
        for handle, answer in list(self._held.items()):
            handle.cancel()
            answer()
        for task in self._introducing | self._working:
            task.cancel()

    def _await_introduction(self, arrival: Arrival, stranger: Stranger) -> None:
        """Have a look at the database first: this NAS, or its secret, may be new."""
        if len(self._introducing) >= _STRANGERS:
            self._drop_stranger(arrival, stranger)
        else:
            self._start(self._introduce(arrival), self._introducing)

    async def _introduce(self, arrival: Arrival) -> None:
        try:
            await self._clients.renew()
            sender = self._clients.identify(
                arrival.packet, arrival.datagram, arrival.address, arrival.received_at
            )
            if isinstance(sender, Identified):
                self._admit(arrival, sender)
            else:
                self._drop_stranger(arrival, sender)
        except asyncio.CancelledError:
            self._drops.count(Unanswered.STOPPING, arrival.address)
            raise
        except Exception:
            self._drops.count(Unanswered.INTERNAL_ERROR, arrival.address, exc_info=True)

    def _drop_stranger(self, arrival: Arrival, stranger: Stranger) -> None:
        identifier = arrival.packet.attributes.text("NAS-Identifier") or ""
        self._drops.count(
            stranger.reason,
            arrival.address,
            stranger.nas.name if stranger.nas else NOBODY,
            code=arrival.packet.code.rfc_name,
            nas_identifier=identifier[:_LONGEST_IDENTIFIER],
        )

    def _admit(self, arrival: Arrival, sender: Identified) -> None:
        packet, nas = arrival.packet, sender.nas
        if broken := broken_rule(nas, packet, sender.was_signed):
            if broken is Unanswered.MESSAGE_AUTHENTICATOR_MISSING:
                self._sightings.note_missing_signature(nas)
            self._drops.count(broken, arrival.address, nas.name, code=packet.code.rfc_name)
            return
        self._sightings.note(sender, packet, arrival.address, arrival.received_at)
        self._begin(arrival, Caller(nas, Radius10(sender.secret), sender.was_signed))

    def _begin(self, arrival: Arrival, caller: Caller) -> bool:
        """Have a request worked on unless it is a repetition; return whether that was begun."""
        nas = caller.nas
        seen = self._seen(arrival)
        if isinstance(seen, Answered):
            metrics.radius_duplicates.labels("resent").inc()
            if not arrival.send(seen.datagram):
                self._drops.count(Unanswered.UNSENDABLE, arrival.address, nas.name)
        elif seen is Progress.IN_PROGRESS:
            metrics.radius_duplicates.labels("in_progress").inc()
        elif self._in_progress >= self._max_in_progress:
            self._drop(arrival, caller, Unanswered.OVERLOADED)
        else:
            self._count_in_progress(1)
            self._start(self._work(arrival, caller), self._working)
            return True
        return False

    def _seen(self, arrival: Arrival) -> Progress | Answered:
        if arrival.source is None:
            return Progress.FRESH
        window = self._windows[arrival.service]
        return window.see(arrival.source, arrival.packet.authenticator, arrival.arrived)

    def _drop(self, arrival: Arrival, caller: Caller, reason: Unanswered, **fields: object) -> None:
        """Count a request that gets no answer, so that its repetition is tried anew; say so where
        there are no repetitions."""
        packet = arrival.packet
        if arrival.source is not None:
            self._windows[arrival.service].forget(arrival.source, packet.authenticator)
        code = packet.code.rfc_name
        self._drops.count(reason, arrival.address, caller.nas.name, code=code, **fields)
        if octets := caller.version.decline(arrival.datagram, reason):
            arrival.send(octets)

    def _count_in_progress(self, change: int) -> None:
        """Keep count of what was admitted and not answered yet, held back or not; the gauge too."""
        self._in_progress += change
        metrics.radius_in_progress.set(self._in_progress)

    def _end(self, arrival: Arrival) -> None:
        self._count_in_progress(-1)
        if arrival.ended is not None:
            arrival.ended()

    def _start(self, work: Coroutine[Any, Any, None], under_way: set[asyncio.Task[None]]) -> None:
        task = self._spawn(contained(work))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    async def _work(self, arrival: Arrival, caller: Caller) -> None:
        """Have one request handled, and see to its answer."""
        try:
            request = caller.request(arrival)
            outcome = await self._handler(request)
            datagram = b""
            if isinstance(outcome, Reply):
                datagram = caller.version.answer(outcome, arrival.packet)
        except Unavailable as error:
            is_database = error.what == "database"
            reason = _OUTAGES[error.outage] if is_database else Unanswered.OVERLOADED
            self._give_up(arrival, caller, reason, detail=str(error))
        except MalformedPacket as error:
            self._give_up(arrival, caller, _MALFORMED[error.malformation])
        except asyncio.CancelledError:
            self._give_up(arrival, caller, Unanswered.STOPPING)
            raise
        except Exception:
            self._give_up(arrival, caller, Unanswered.INTERNAL_ERROR, exc_info=True)
        else:
            # Once: what fails from here on must not give up what may have been answered.
            if isinstance(outcome, Reply):
                self._reply(arrival, request, outcome, datagram)
            else:
                self._give_up(arrival, caller, outcome)

    def _give_up(
        self, arrival: Arrival, caller: Caller, reason: Unanswered, **fields: object
    ) -> None:
        self._end(arrival)
        self._drop(arrival, caller, reason, **fields)

    def _reply(self, arrival: Arrival, request: Request, reply: Reply, datagram: bytes) -> None:
        """Answer now, or when it has been held back; repetitions meanwhile are in progress."""
        # What is held back on purpose is no time that the request took.
        seconds = self._loop.time() - arrival.arrived

        def answer() -> None:
            self._held.pop(handle, None)
            self._answer(arrival, request, reply, datagram, seconds)

        if reply.held_back_seconds > 0:
            handle = self._loop.call_later(reply.held_back_seconds, answer)
            self._held[handle] = answer
        else:
            self._answer(arrival, request, reply, datagram, seconds)

    def _answer(
        self, arrival: Arrival, request: Request, reply: Reply, datagram: bytes, seconds: float
    ) -> None:
        packet, nas = arrival.packet, request.nas
        self._end(arrival)
        if arrival.source is not None:
            window = self._windows[arrival.service]
            window.answered(arrival.source, packet.authenticator, datagram)
        if not arrival.send(datagram):
            self._drops.count(Unanswered.UNSENDABLE, arrival.address, nas.name)
            return
        outcome = _OUTCOMES.get(reply.packet.code, "response")
        reason = reply.reason.value if reply.reason else ""
        code = packet.code.rfc_name
        metrics.count_radius_exchange(code, outcome, nas.vendor, seconds, reason=reason)
        fields = {"reason": reason} if reason else {}
        if reply.method is not None:
            fields["method"] = reply.method.value
        if reply.eap is not None:
            fields["eap"] = reply.eap
        # Of a conversation its end is told; each step only to who looks closer.
        tell = log.debug if reply.packet.code is Code.ACCESS_CHALLENGE else log.info
        tell(
            "request answered",
            code=code,
            nas=nas.name,
            hotspot=request.hotspot.slug,
            outcome=outcome,
            ms=round(seconds * 1000, 1),
            **fields,
        )
