"""TLS inside EAP: flags, fragments and acknowledgements (RFC 5216 section 3.1, RFC 5281 section
9.1, the same for PEAP), and how a failure of TLS is told to the supplicant."""

import struct
from dataclasses import dataclass
from typing import Final

from radius.eap.methods.method import Failed, MalformedMethod, Send
from radius.eap.steps import Failure
from radius.eap.tls_engine import TlsEngine, TlsFailed

_LENGTH_INCLUDED: Final = 0x80
_MORE_FRAGMENTS: Final = 0x40
_START: Final = 0x20
_LENGTH: Final = struct.Struct(">I")

LONGEST_MESSAGE: Final = 65_536
"""What a supplicant may send in one message, in octets: RFC 5216 section 3 allows a chain of
certificates 64 KB."""

_ACKNOWLEDGEMENT: Final = Send(b"\x00")


@dataclass(frozen=True, slots=True)
class _Fragment:
    """What one response says: the length of the whole message, if it tells, and a part of it."""

    announced: int | None
    is_last: bool
    body: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A whole message of the supplicant has come, and the engine has been fed with it."""

    is_empty: bool
    """Nothing was in it: the supplicant has seen our last message and has nothing to add. Comes
    only once the engine is established."""


class TlsExchange:
    """The messages of one TLS connection, cut into requests and put together from responses.

    `start`; then `receive` each response, and where it returns Arrived, `flush`, when the method
    has said all that it has to say. The version in the flags of TTLS and PEAP is 0, and what a
    supplicant puts there is ignored, like the reserved bits of EAP-TLS.
    """

    __slots__ = ("_announced", "_engine", "_failure", "_incoming", "_unsent")

    def __init__(self, engine: TlsEngine) -> None:
        self._engine = engine
        self._unsent = b""
        self._incoming = b""
        self._announced: int | None = None
        self._failure: Failure | None = None

    def start(self) -> Send:
        """Return the first request: nothing but the Start flag."""
        return Send(bytes((_START,)))

    def receive(self, data: bytes, limit: int) -> Send | Arrived | Failed:
        """Return an acknowledgement, or our next fragment, while a message is under way; Arrived
        when the supplicant's is whole. `limit` as in Method; at least 6.

        Where TLS fails the alert is sent first, and Failed follows the supplicant's response to it
        (RFC 5216 section 2.1.3). Raises MalformedMethod.
        """
        fragment = _parse(data)
        if self._unsent:
            if fragment.body or not fragment.is_last:
                raise MalformedMethod("data, where an acknowledgement was due")
            return self._next_fragment(limit)
        if self._failure is not None:
            return Failed(self._failure)
        if not self._collect(fragment):
            return Failed(Failure.TOO_LONG)
        return self._arrive(limit) if fragment.is_last else _ACKNOWLEDGEMENT

    def flush(self, limit: int) -> Send:
        """Return what TLS has to send, or its first fragment; an empty request if it has nothing.
        `limit` as in Method; at least 6."""
        self._unsent = self._engine.outgoing()
        if len(self._unsent) < limit:
            return self._next_fragment(limit)
        flags = bytes((_LENGTH_INCLUDED | _MORE_FRAGMENTS,))
        header = flags + _LENGTH.pack(len(self._unsent))
        return Send(header + self._cut(limit - len(header)))

    def fail(self, reason: Failure, limit: int) -> Send | Failed:
        """Return the alert that the engine has for the supplicant, after whose response `receive`
        returns Failed; or Failed at once, where it has none."""
        self._failure = reason
        alert = self.flush(limit)
        return alert if alert.data[1:] else Failed(reason)

    def _collect(self, fragment: _Fragment) -> bool:
        """Join a fragment to those before it; return False if the message is longer than any.

        The length of the message is the supplicant's to tell or not, in any fragment; where it is
        told it has to be true.
        """
        self._announced = fragment.announced if self._announced is None else self._announced
        if fragment.announced not in (None, self._announced):
            raise MalformedMethod("two lengths of one message")
        octets = len(self._incoming) + len(fragment.body)
        if max(octets, self._announced or 0) > LONGEST_MESSAGE:
            return False
        is_short = self._announced is not None and octets < self._announced
        is_long = self._announced is not None and octets > self._announced
        if is_long or (is_short and fragment.is_last):
            raise MalformedMethod("a message that is not as long as it says")
        if not (fragment.body or fragment.is_last):
            raise MalformedMethod("a fragment of nothing")
        self._incoming += fragment.body
        return True

    def _arrive(self, limit: int) -> Send | Arrived | Failed:
        message, self._incoming, self._announced = self._incoming, b"", None
        if not message:
            if not self._engine.is_established:
                raise MalformedMethod("nothing, where a message of the handshake was due")
            return Arrived(is_empty=True)
        try:
            self._engine.feed(message)
        except TlsFailed as failed:
            return self.fail(failed.reason, limit)
        return Arrived(is_empty=False)

    def _next_fragment(self, limit: int) -> Send:
        """Return the rest of our message, or a fragment that is neither the first nor the last."""
        if len(self._unsent) < limit:
            return Send(b"\x00" + self._cut(len(self._unsent)))
        return Send(bytes((_MORE_FRAGMENTS,)) + self._cut(limit - 1))

    def _cut(self, octets: int) -> bytes:
        fragment, self._unsent = self._unsent[:octets], self._unsent[octets:]
        return fragment


def _parse(data: bytes) -> _Fragment:
    """Return what a response says. One without even flags counts as an acknowledgement: there are
    supplicants that send it."""
    flags, body = (data[0], data[1:]) if data else (0, b"")
    if flags & _START:
        raise MalformedMethod("a start from the supplicant")
    announced = None
    if flags & _LENGTH_INCLUDED:
        if len(body) < _LENGTH.size:
            raise MalformedMethod("a length of less than four octets")
        (announced,) = _LENGTH.unpack_from(body)
        body = body[_LENGTH.size :]
    return _Fragment(announced, not flags & _MORE_FRAGMENTS, body)
