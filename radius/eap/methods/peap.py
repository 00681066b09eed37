"""PEAP, version 0 ([MS-PEAP], draft-kamath-pppext-peapv0; RFC 9427 for TLS 1.3): a TLS tunnel,
EAP inside it, and a result that both sides confirm there.

Inside, requests and responses travel without their header of four octets, but for those of
EAP-Extensions, which tell the result.
"""

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from radius.eap import crypto_binding, keys
from radius.eap.conversation import Conversation, Offer
from radius.eap.crypto_binding import CryptoBinding
from radius.eap.methods.method import Chance, Done, Failed, MalformedMethod, Outcome, Send
from radius.eap.packet import Code, EapPacket, MalformedEap, Type, parse
from radius.eap.steps import Accept, Answer, Challenge, Discard, Fail, Failure, Step
from radius.eap.tls_engine import TlsFailed, TlsServer
from radius.eap.tls_exchange import Arrived, TlsExchange

_HEADER_OCTETS: Final = 4
_EAP_OCTETS: Final = 1020
"""Every EAP packet may be as long (RFC 3748 section 3.1); around it, TLS is what is fragmented."""
_LONGEST_OCTETS: Final = 4096
"""Of a message in the tunnel; the longest that make sense are a name and a password."""

_TLV: Final = struct.Struct(">HH")
_MANDATORY: Final = 0x8000
_TLV_TYPE: Final = 0x3FFF
_RESULT: Final = 3
_SUCCESS: Final = b"\0\1"
_FAILURE: Final = b"\0\2"


class Peap:
    """PEAP for one supplicant.

    `outer` is what it called itself before there was a tunnel; `offers` are the methods inside. No
    session is resumed: `server` has to be one that remembers none, since a resumed session would
    prove nobody.

    Cryptobinding is asked for, and counts where the supplicant does it. One that does not is taken
    all the same: many cannot, and profiles use secrets in tunnels only, so that there is no
    exchange elsewhere which somebody could lead into one of ours.
    """

    type: Final = Type.PEAP

    def __init__(
        self, outer: str, server: TlsServer, offers: Sequence[Offer], chance: Chance
    ) -> None:
        self._engine = server.engine()
        self._exchange = TlsExchange(self._engine)
        self._chance = chance
        self._inner = Conversation(offers, chance, within=outer)
        self._was_established = False
        # Of the request inside that waits for its response; None before the first.
        self._identifier: int | None = None
        self._end: Done | Failed | None = None
        self._binding: CryptoBinding | None = None

    def start(self, limit: int) -> Send:
        """Return the first request, which opens TLS."""
        return self._exchange.start()

    def receive(self, data: bytes, limit: int) -> Outcome:
        """Return what follows from a response: more of TLS, or of what is inside it."""
        arrived = self._exchange.receive(data, limit)
        if not isinstance(arrived, Arrived):
            return arrived
        if not self._was_established:
            # What ends the handshake is sent alone, and acknowledged; supplicants expect it so.
            self._was_established = self._engine.is_established
            return self._exchange.flush(limit)
        message = self._engine.received()
        if len(message) > _LONGEST_OCTETS:
            return Failed(Failure.TOO_LONG)
        if self._end is not None:
            return self._conclude(message, self._end)
        if self._identifier is None:
            return self._follow(self._inner.start(_EAP_OCTETS), limit)
        response = EapPacket(Code.RESPONSE, self._identifier, *_split(message))
        return self._follow(self._inner.receive(response.encode(), _EAP_OCTETS), limit)

    def answer(self, answer: Answer, limit: int) -> Outcome:
        """Return what follows from an answer to the method inside."""
        return self._follow(self._inner.answer(answer, _EAP_OCTETS), limit)

    def _follow(self, step: Step, limit: int) -> Outcome:
        match step:
            case Challenge(eap):
                self._identifier = parse(eap).identifier
                return self._send(eap[_HEADER_OCTETS:], limit)
            case Discard(_, reason):
                # No packet is lost or forged in a tunnel: nothing is to be waited for.
                raise MalformedMethod(f"inside PEAP: {reason}")
            case Accept(_, identity, credential, proof, msk):
                tunnel_keys = keys.key_material(self._engine, Type.PEAP)
                self._binding = CryptoBinding.derive(tunnel_keys, msk)
                self._end = Done(identity, credential, proof, tunnel_keys[: keys.MSK_OCTETS])
                nonce = self._chance(crypto_binding.NONCE_OCTETS)
                # The result first: Apple's supplicants read no further.
                return self._tell(_result(_SUCCESS) + self._binding.request(nonce), limit)
            case Fail(_, reason):
                self._end = Failed(reason)
                return self._tell(_result(_FAILURE), limit)
        return step

    def _conclude(self, message: bytes, end: Done | Failed) -> Done | Failed:
        """Return how it ends after what the supplicant says to the result."""
        if isinstance(end, Failed):
            # Whatever a supplicant says to a failure, it is one.
            return end
        tlvs = _read(message)
        if tlvs.get(_RESULT) != _SUCCESS:
            return Failed(Failure.SUPPLICANT_REFUSED)
        bound = tlvs.get(crypto_binding.TLV)
        if bound is None or self._binding is None:
            return end
        if not self._binding.proves(bound):
            raise MalformedMethod("a cryptobinding of other keys")
        return replace(end, msk=self._binding.msk())

    def _tell(self, tlvs: bytes, limit: int) -> Send | Failed:
        """Send a request of EAP-Extensions, header included."""
        identifier = ((self._identifier or 0) + 1) % 256
        packet = EapPacket(Code.REQUEST, identifier, Type.EXTENSIONS, tlvs)
        return self._send(packet.encode(), limit)

    def _send(self, message: bytes, limit: int) -> Send | Failed:
        try:
            self._engine.send(message)
        except TlsFailed as failed:
            return self._exchange.fail(failed.reason, limit)
        return self._exchange.flush(limit)


def _result(status: bytes) -> bytes:
    return _TLV.pack(_MANDATORY | _RESULT, len(status)) + status


def _split(message: bytes) -> tuple[int, bytes]:
    """The type and the data of a response that came without its header."""
    if not message:
        raise MalformedMethod("nothing, where a response was due")
    return message[0], message[1:]


def _read(message: bytes) -> dict[int, bytes]:
    """Return the TLVs of a response of EAP-Extensions, by type."""
    try:
        packet = parse(message)
    except MalformedEap as error:
        raise MalformedMethod("no EAP packet") from error
    if packet.code is not Code.RESPONSE or packet.type != Type.EXTENSIONS:
        raise MalformedMethod("another packet where a result was due")
    tlvs: dict[int, bytes] = {}
    rest = packet.data
    while rest:
        if len(rest) < _TLV.size:
            raise MalformedMethod("half a TLV")
        kind, length = _TLV.unpack_from(rest)
        value, rest = rest[_TLV.size : _TLV.size + length], rest[_TLV.size + length :]
        if len(value) != length:
            raise MalformedMethod("a TLV longer than the packet")
        if kind & _MANDATORY and kind & _TLV_TYPE not in (_RESULT, crypto_binding.TLV):
            raise MalformedMethod(f"TLV {kind & _TLV_TYPE}, which is mandatory")
        tlvs[kind & _TLV_TYPE] = value
    return tlvs
