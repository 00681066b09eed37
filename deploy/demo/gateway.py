"""A simulated CoovaChilli gateway: a NAS that speaks UAM to browsers and RADIUS to the server.

It knows nothing of the server but its answers. Phones are told apart by MAC address; which phone
a request comes from, a real gateway sees from its IP address, and :mod:`deploy.demo.hotspot` from
the port.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from deploy.demo import packets, uam, words
from deploy.demo.packets import AccessServer, Named, Station
from deploy.demo.session import Allowance, Ending, Session
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_reply_in_kind, verify_dynamic_request
from radius.wire.errors import BadAuthenticator, MalformedPacket
from radius.wire.hiding import hide_password
from radius.wire.packet import Code, Packet, parse

# A request with its authenticator chosen; the reply, verified, or None where none came.
Ask = Callable[[Packet], Awaitable[Packet | None]]

# Far shorter than RFC 2869 section 2.1 allows on a real network: one wants to see it move.
INTERIM: Final = timedelta(seconds=5)
_TICK_SECONDS: Final = 1.0
_NOTES_KEPT: Final = 8
_INTERIM_UPDATE: Final = "Interim-Update"


@dataclass(frozen=True, slots=True)
class Note:
    """Something that passed between the gateway and the server, in plain words."""

    at: datetime
    text: str


@dataclass(slots=True)
class Visitor:
    """A phone at this gateway. ``ending``: why its latest session is over; ``interim``: the latest
    interim update, which would soon push all other notes out."""

    station: Station
    challenge: bytes
    session_id: str
    session: Session | None = None
    ending: Ending | None = None
    is_in_use: bool = True
    wanted_url: str = ""
    interim: Note | None = None
    notes: deque[Note] = field(default_factory=lambda: deque(maxlen=_NOTES_KEPT))


@dataclass(frozen=True, slots=True)
class _Report:
    """An Accounting-Request to send; ``visitor`` is None where it is about the gateway itself."""

    visitor: Visitor | None
    status: str
    attributes: Attributes
    carried: str = ""


class Gateway:
    """One gateway with the phones in its reach. :meth:`run` counts, reports and enforces limits."""

    def __init__(
        self,
        nas: AccessServer,
        ask: Ask,
        clock: Callable[[], datetime],
        octets: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.nas = nas
        self.visitors: dict[str, Visitor] = {}
        self._ask = ask
        self._clock = clock
        self._octets = octets
        self._reports: asyncio.Queue[_Report | None] = asyncio.Queue()
        self._off = asyncio.Event()

    async def run(self) -> None:
        """Announce the gateway, then count and report until :meth:`switch_off`; report the end of
        every session before returning."""
        self._announce("Accounting-On")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._send_reports())
            ticking = tasks.create_task(self._tick_for_ever())
            await self._off.wait()
            ticking.cancel()
            for visitor in self.visitors.values():
                self._end(visitor, Ending.SWITCHED_OFF)
            self._announce("Accounting-Off")
            self._reports.put_nowait(None)

    def switch_off(self) -> None:
        """Let :meth:`run` end."""
        self._off.set()

    async def arrive(self, station: Station) -> Visitor:
        """Return the phone that came into reach, online already if the server remembers it."""
        visitor = Visitor(station, self._octets(16), self._session_id())
        self.visitors[station.mac] = visitor
        authenticator = self._octets(16)
        hidden = hide_password(station.mac.encode(), self.nas.secret.reveal(), authenticator)
        request = packets.mac_authentication(self.nas, station, visitor.session_id, hidden)
        reply = await self._ask(Packet(Code.ACCESS_REQUEST, 0, authenticator, request))
        self._note(visitor, f"MAC authentication: {_describe(reply)}")
        is_here = self.visitors.get(station.mac) is visitor
        if is_here and reply is not None and reply.code is Code.ACCESS_ACCEPT:
            self._open(visitor, station.mac, reply.attributes)
        return visitor

    def leave(self, mac: str) -> None:
        """Let a phone go out of reach."""
        if visitor := self.visitors.get(mac):
            self._end(visitor, Ending.LEFT)
            del self.visitors[mac]

    def capture(self, visitor: Visitor, wanted_url: str) -> str:
        """Return where a page that the phone asks for is redirected to: the portal."""
        visitor.wanted_url = wanted_url
        if visitor.session is not None:
            return self._redirect(visitor, "already")
        return self._redirect(visitor, "notyet", challenge=visitor.challenge.hex())

    async def log_on(self, visitor: Visitor, query: Mapping[str, str]) -> str:
        """Ask the server about a log-on (``username`` with ``response`` or ``password``) and return
        where the browser goes then."""
        if visitor.session is not None:
            return self._redirect(visitor, "already")
        authenticator = self._octets(16)
        user_name = query.get("username", "")
        proof = self._proof(visitor, query, authenticator)
        if not user_name or proof is None:
            return self._failed(visitor, "other")
        request = packets.log_on(self.nas, visitor.station, user_name, visitor.session_id, proof)
        reply = await self._ask(Packet(Code.ACCESS_REQUEST, 0, authenticator, request))
        self._note(visitor, f"Log-on of {user_name}: {_describe(reply)}")
        if visitor.session is not None:  # a second tap on the same button was faster
            return self._redirect(visitor, "already")
        if reply is None:
            return self._failed(visitor, "timeout")
        message = reply.attributes.text("Reply-Message")
        if reply.code is not Code.ACCESS_ACCEPT:
            return self._failed(visitor, "reject", message)
        session = self._open(visitor, user_name, reply.attributes)
        left = session.allowance.session_seconds
        return self._redirect(
            visitor, "success", uid=user_name, timeleft=str(left or ""), reply=message
        )

    def log_off(self, visitor: Visitor) -> str:
        """End the phone's session, and return where the browser goes then."""
        self._end(visitor, Ending.LOGGED_OUT)
        return self._redirect(visitor, "logoff", challenge=visitor.challenge.hex())

    def download(self, visitor: Visitor, octets: int) -> None:
        """Let a phone that is online fetch something large."""
        if visitor.session is not None:
            visitor.session.download(octets, self._clock())

    def tick(self) -> None:
        """Count what every phone carried; report what is due, end what is over."""
        now = self._clock()
        for visitor in self.visitors.values():
            session = visitor.session
            if session is None:
                continue
            session.carry(now, visitor.is_in_use)
            if ending := session.is_over(now):
                self._end(visitor, ending)
            elif now - session.reported_at >= INTERIM:
                session.reported_at = now
                self._account(visitor, session, _INTERIM_UPDATE, packets.counters(session, now))

    def receive(self, datagram: bytes) -> bytes | None:
        """Return the answer to a Disconnect-Request or CoA-Request, having done what it asks, or
        None where it gets none. As with CoovaChilli, User-Name names the session, and
        Acct-Session-Id narrows it down (RFC 5176 section 3)."""
        secret = self.nas.secret.reveal()
        try:
            packet = parse(datagram)
            verify_dynamic_request(datagram, packet, secret)
        except (MalformedPacket, BadAuthenticator):
            return None
        if packet.code not in _ANSWERS or not packet.attributes.has("User-Name"):
            return None
        acknowledgement, refusal = _ANSWERS[packet.code]
        found = self._sessions_of(packet.attributes)
        for visitor in found:
            self._obey(visitor, packet)
        code = acknowledgement if found else refusal
        reply = Packet(code, packet.identifier, bytes(16), Attributes())
        return encode_reply_in_kind(reply, packet, secret)

    def _sessions_of(self, attributes: Attributes) -> list[Visitor]:
        user_name, session_id = attributes.text("User-Name"), attributes.text("Acct-Session-Id")
        return [
            visitor
            for visitor in self.visitors.values()
            if visitor.session is not None
            and visitor.session.user_name == user_name
            and session_id in (None, visitor.session.id)
        ]

    def _obey(self, visitor: Visitor, packet: Packet) -> None:
        if packet.code is Code.DISCONNECT_REQUEST:
            self._note(visitor, "Disconnect-Request from the server: obeyed")
            self._end(visitor, Ending.DISCONNECTED)
        elif visitor.session is not None:
            changed = visitor.session.allowance.changed_by(packet.attributes)
            visitor.session.allowance = changed
            self._note(visitor, f"CoA-Request from the server: now {words.limits(changed)}")

    def _proof(
        self, visitor: Visitor, query: Mapping[str, str], authenticator: bytes
    ) -> Named | None:
        """Return the attributes that prove who logs on, or None where the query has no proof."""
        challenge = uam.shared_challenge(visitor.challenge, self.nas.uam_secret.reveal())
        try:
            if response := bytes.fromhex(query.get("response", "")):
                # The CHAP identifier is 0: the dialect's `ident` is not used by any portal.
                return [("CHAP-Challenge", challenge), ("CHAP-Password", b"\0" + response[:16])]
            password = uam.unmask(query.get("password", ""), challenge)
        except ValueError:
            return None
        if not password:
            return None
        hidden = hide_password(password, self.nas.secret.reveal(), authenticator)
        return [("User-Password", hidden)]

    def _open(self, visitor: Visitor, user_name: str, accept: Attributes) -> Session:
        now = self._clock()
        echoed = Attributes.of(
            *(
                (name, value)
                for name in ("Class", "Chargeable-User-Identity")
                if (value := accept.octets(name))
            )
        )
        session = Session(
            visitor.session_id, user_name, Allowance().changed_by(accept), echoed, now
        )
        visitor.session, visitor.ending = session, None
        self._account(visitor, session, "Start", [])
        return session

    def _end(self, visitor: Visitor, ending: Ending) -> None:
        session, now = visitor.session, self._clock()
        if session is not None:
            session.carry(now, visitor.is_in_use)
            self._account(visitor, session, "Stop", packets.counters(session, now, ending))
            visitor.session, visitor.ending = None, ending
        visitor.challenge, visitor.session_id = self._octets(16), self._session_id()

    def _failed(self, visitor: Visitor, reason: str, message: str | None = None) -> str:
        visitor.challenge = self._octets(16)
        return self._redirect(
            visitor, f"failed&reason={reason}", challenge=visitor.challenge.hex(), reply=message
        )

    def _redirect(
        self,
        visitor: Visitor,
        answer: str,
        *,
        challenge: str | None = None,
        uid: str | None = None,
        timeleft: str | None = None,
        reply: str | None = None,
    ) -> str:
        station = visitor.station
        parameters = (
            ("uamip", "127.0.0.1"),
            ("uamport", str(station.login_port)),
            ("challenge", challenge),
            ("called", self.nas.mac),
            ("uid", uid),
            ("timeleft", timeleft),
            ("mac", station.mac),
            ("ip", station.address),
            ("reply", reply),
            ("ssid", self.nas.ssid),
            ("nasid", self.nas.name),
            ("sessionid", visitor.session_id),
            ("userurl", visitor.wanted_url),
        )
        return uam.redirect_url(
            self.nas.portal_url, answer, parameters, self.nas.uam_secret.reveal()
        )

    def _announce(self, status: str) -> None:
        self._reports.put_nowait(_Report(None, status, packets.announcement(self.nas, status)))

    def _account(self, visitor: Visitor, session: Session, status: str, counted: Named) -> None:
        attributes = packets.accounting(self.nas, visitor.station, session, status, counted)
        carried = f", {words.volume(session.octets)}" if counted else ""
        self._reports.put_nowait(_Report(visitor, status, attributes, carried))

    async def _send_reports(self) -> None:
        """Send accounting in order, one at a time."""
        while (report := await self._reports.get()) is not None:
            request = Packet(Code.ACCOUNTING_REQUEST, 0, bytes(16), report.attributes)
            reply = await self._ask(request)
            if report.visitor is not None:
                text = f"Accounting {report.status}{report.carried}: {_describe(reply)}"
                self._note_report(report.visitor, report.status, text)

    def _note_report(self, visitor: Visitor, status: str, text: str) -> None:
        if status == _INTERIM_UPDATE:
            visitor.interim = Note(self._clock(), text)
        else:
            visitor.interim = None
            self._note(visitor, text)

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.tick()

    def _note(self, visitor: Visitor, text: str) -> None:
        visitor.notes.appendleft(Note(self._clock(), text))

    def _session_id(self) -> str:
        return self._octets(8).hex()


_ANSWERS: Final = {
    Code.DISCONNECT_REQUEST: (Code.DISCONNECT_ACK, Code.DISCONNECT_NAK),
    Code.COA_REQUEST: (Code.COA_ACK, Code.COA_NAK),
}


def _describe(reply: Packet | None) -> str:
    if reply is None:
        return "no answer"
    if reply.code is Code.ACCOUNTING_RESPONSE:
        return "recorded"
    said = reply.attributes.text("Reply-Message")
    if reply.code is Code.ACCESS_ACCEPT:
        said = words.limits(Allowance().changed_by(reply.attributes))
    return f"{reply.code.rfc_name} ({said})" if said else reply.code.rfc_name
