"""One connection to a server over TLS: requests out, answers in, each by its number."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from OpenSSL import SSL

from aaa.pki.identity import ServerIdentity
from radius.outstanding import Identifiers, Tokens
from radius.transports.alpn import NO_COMMON_VERSION, Versions
from radius.transports.tls import TlsConnection
from radius.transports.versions import NOT_SPOKEN, RADSEC_1_0, Version
from radius.wire.errors import BadAuthenticator, MalformedPacket
from radius.wire.packet import Code, Packet
from radius.wire.stream import Stream

# Servers hang up on who says nothing for a minute, some of them; a request that goes out just then
# would be lost.
_FRESH_SECONDS: Final = 50.0
# Nothing at all for so long, though there were requests: another connection is worth a try.
_SILENT_SECONDS: Final = 30.0


class Broken(Exception):
    """There is no connection, or no more."""

    def __init__(self, reason: str, **fields: object) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fields = fields


class Keeper(Protocol):
    """Who keeps connections to one server, and is told of each."""

    def heard(self) -> None:
        """An answer came that could be believed."""

    def tell(self, broken: Broken) -> None:
        """The server did what none does."""

    def has_changed(self) -> None:
        """There may be room for a request."""

    def lost(self, connection: "ServerConnection", why: str) -> None:
        """A connection that had been ready is over."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A request that waits for its answer."""

    code: Code
    octets: bytes
    answer: "asyncio.Future[Packet]"


class ServerConnection:
    """A connection, from its handshake on; `ready` is when requests may go out."""

    def __init__(
        self,
        keeper: Keeper,
        session: SSL.Connection,
        identity: ServerIdentity,
        judge: "Callable[[ServerConnection, Sequence[bytes]], bool]",
        versions: Versions,
    ) -> None:
        self._versions = versions
        self.version: Version = RADSEC_1_0
        """The one that was agreed on, once the connection is ready."""
        self._keeper = keeper
        self._loop = asyncio.get_running_loop()
        self.identity = identity
        self.tls = TlsConnection(session, lambda chain: judge(self, chain), self)
        self.ready: asyncio.Future[None] = self._loop.create_future()
        self.flaw: Broken | None = None
        """What is wrong with the server's certificate, or with what it speaks."""
        self.is_retired = False
        self.was_of_use = False
        self._is_open = False
        self._stream = Stream()
        self._waiting: dict[int, _Question] = {}
        self._numbers: Identifiers | Tokens = self.version.numbers()
        self._active_at = self._loop.time()
        self._unheard_since: float | None = None
        self._incomplete_since: float | None = None

    @property
    def has_room(self) -> bool:
        """Whether one more request can go out now."""
        return self._numbers.has_one and not self.tls.is_congested

    @property
    def is_fresh(self) -> bool:
        """Whether the server cannot have been about to hang up for want of work."""
        return bool(self._waiting) or self._loop.time() - self._active_at < _FRESH_SECONDS

    def retire(self) -> None:
        """Take no more requests; end when those under way have."""
        self.is_retired = True
        if not self._waiting:
            self.tls.close("it is replaced")

    async def exchange(self, packet: Packet) -> Packet:
        """Send a request and return its answer. Raises Broken where the connection ends."""
        number = self._numbers.take()
        asked_at = self._loop.time()
        try:
            request = Packet(packet.code, number, packet.authenticator, packet.attributes)
            octets = self.version.ask(request)
            if not self.tls.write(octets):
                raise Broken("broken")
            question = _Question(packet.code, octets, self._loop.create_future())
            self._waiting[number] = question
            self._note_sent()
            return await question.answer
        except asyncio.CancelledError:
            self._end_if_silent()
            self._end_if_out_of_step(asked_at)
            raise
        finally:
            self._waiting.pop(number, None)
            self._numbers.give_back(number)
            self._keeper.has_changed()
            if self.is_retired and not self._waiting:
                self.tls.close("it is replaced")

    def established(self) -> None:
        """Be ready, in the version that was agreed on."""
        version = self.tls.agreed(self._versions)
        if version is None:
            self.flaw = Broken("no_common_version")
            self.tls.write(NOT_SPOKEN)
            self.tls.close("no version in common")
            return
        self.version, self._numbers = version, version.numbers()
        self._is_open = True
        if not self.ready.done():
            self.ready.set_result(None)

    def received(self, octets: bytes) -> None:
        """Take answers out of the stream."""
        self._active_at = self._loop.time()
        self._unheard_since = None
        try:
            packets = self._stream.feed(octets)
        except MalformedPacket:
            self._end_badly_framed()
            return
        if not self._stream.is_within_packet:
            self._incomplete_since = None
        elif packets or self._incomplete_since is None:
            self._incomplete_since = self._active_at
        for datagram in packets:
            self._receive(datagram)

    def resumed(self) -> None:
        """Let requests go out again."""
        self._keeper.has_changed()

    def lost(self, why: str) -> None:
        """Have all that waits fail at once."""
        self.is_retired = True
        for question in self._waiting.values():
            if not question.answer.done():
                question.answer.set_exception(Broken("broken"))
        if not self.ready.done():
            is_alert = NO_COMMON_VERSION in why
            broken = Broken("no_common_version" if is_alert else "broken", detail=why)
            self.ready.set_exception(self.flaw or broken)
        if self._is_open:
            self._keeper.lost(self, why)

    def _receive(self, datagram: bytes) -> None:
        """Give an answer to who asked; what is no answer, or not to be believed, is ignored."""
        try:
            packet = self.version.parse(datagram)
            question = self._waiting.get(packet.identifier)
            if question is None:
                return
            answer = self.version.accept(datagram, packet, question.octets, question.code)
        except (BadAuthenticator, MalformedPacket):
            return
        if answer is None:
            return
        self.was_of_use = True
        self._keeper.heard()
        if not question.answer.done():
            question.answer.set_result(answer)

    def _note_sent(self) -> None:
        self._active_at = self._loop.time()
        if self._unheard_since is None:
            self._unheard_since = self._active_at

    def _end_if_out_of_step(self, asked_at: float) -> None:
        """Give a connection up where a packet that had begun before a request was sent is not whole
        when that is given up: what seems to be part of it are answers."""
        if self._incomplete_since is not None and self._incomplete_since <= asked_at:
            self._end_badly_framed()

    def _end_badly_framed(self) -> None:
        self._keeper.tell(Broken("bad_framing"))
        self.tls.close("bad framing")

    def _end_if_silent(self) -> None:
        """Give a connection up whose other end has gone without a word."""
        since = self._unheard_since
        if since is not None and self._loop.time() - since > _SILENT_SECONDS:
            self.tls.close("it answers nothing")
