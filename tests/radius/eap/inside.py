"""What a supplicant says inside a tunnel: AVPs of EAP-TTLS for each proof, right ones or not; and
the least that PEAP wants."""

from collections.abc import Callable, Iterable
from typing import Any

from radius.eap.diameter import Avp, Place, encode, parse
from radius.eap.packet import Code, EapPacket, Type
from radius.wire import chap, mschap
from tests.radius.eap.supplicant import Say, Supplicant, TlsClient, TlsPeer

USER_NAME, USER_PASSWORD, CHAP_PASSWORD = (0, 1), (0, 2), (0, 3)
CHAP_CHALLENGE, EAP_MESSAGE = (0, 60), (0, 79)
MS_CHAP_ERROR, MS_CHAP_CHALLENGE = (311, 2), (311, 11)
MS_CHAP2_RESPONSE, MS_CHAP2_SUCCESS = (311, 25), (311, 26)
PEER_CHALLENGE = bytes(range(16))

Inside = Callable[[TlsPeer], Say]
"""Says something inside the tunnel of a peer, whose keys it may use."""


def inside_of(client: TlsClient, inside: Inside, **options: Any) -> TlsPeer:
    """Return a peer in whose tunnel `inside` speaks; `options` as TlsPeer takes them."""
    peer = TlsPeer(client, say=lambda plaintext: say(plaintext), **options)
    say = inside(peer)
    return peer


def says(*avps: Avp) -> Inside:
    """Says these AVPs when the tunnel is open, and nothing after."""
    return lambda peer: lambda plaintext: b"" if plaintext else encode(avps)


def pap(name: bytes, password: bytes) -> Inside:
    padded = password + bytes(-len(password) % 16)
    return says(Avp(USER_NAME, name), Avp(USER_PASSWORD, padded))


def implicit_challenge(peer: TlsPeer) -> tuple[bytes, int]:
    octets = peer.export(b"ttls challenge", None, 17)
    return octets[:16], octets[16]


def chapped(name: bytes, password: bytes, *, flip: Place | None = None) -> Inside:
    """CHAP; of the AVP in `flip`, the first octet is another."""

    def avps(peer: TlsPeer) -> Iterable[Avp]:
        challenge, identifier = implicit_challenge(peer)
        yield Avp(USER_NAME, name)
        yield Avp(CHAP_CHALLENGE, challenge)
        yield Avp(CHAP_PASSWORD, chap.respond(identifier, password, challenge))

    return _begins(avps, flip)


def mschapped(name: bytes, password: bytes, *, flip: Place | None = None) -> Inside:
    """MS-CHAPv2; of the AVP in `flip`, the first octet is another."""

    def avps(peer: TlsPeer) -> Iterable[Avp]:
        challenge, identifier = implicit_challenge(peer)
        response = mschap.respond(identifier, password, challenge, PEER_CHALLENGE, name)
        yield Avp(USER_NAME, name)
        yield Avp(MS_CHAP_CHALLENGE, challenge)
        yield Avp(MS_CHAP2_RESPONSE, response)

    return _begins(avps, flip)


def eap(name: bytes, type: Type, respond: Callable[[bytes], bytes]) -> Inside:
    """EAP; `respond` is given the data of each request of this type, and returns a response's."""
    supplicant = Supplicant(name.decode(), type, respond)

    def say(plaintext: bytes) -> bytes:
        asked = [avp.data for avp in parse(plaintext) if avp.place == EAP_MESSAGE]
        request = asked[0] if asked else EapPacket(Code.REQUEST, 0, Type.IDENTITY).encode()
        response = supplicant.feed(request)
        assert response is not None, "neither success nor failure is sent inside"
        return encode([Avp(EAP_MESSAGE, response)])

    return lambda peer: say


def eap_gtc(name: bytes, password: bytes) -> Inside:
    return eap(name, Type.GTC, lambda prompt: password)


def eap_mschapv2(name: bytes, password: bytes) -> Inside:
    return eap(name, Type.MSCHAPV2, _responds(name, password))


def peap_gtc(name: bytes, password: bytes) -> Inside:
    return peap(name, Type.GTC, lambda prompt: password)


def peap_mschapv2(name: bytes, password: bytes) -> Inside:
    return peap(name, Type.MSCHAPV2, _responds(name, password))


def peap(name: bytes, type: Type, respond: Callable[[bytes], bytes]) -> Inside:
    """EAP as PEAP has it inside, without cryptobinding; `respond` as in `eap`."""

    def say(plaintext: bytes) -> bytes:
        if not plaintext:
            return b""
        if plaintext[4:5] == bytes((Type.EXTENSIONS,)):
            result = plaintext[5:11]
            return EapPacket(Code.RESPONSE, plaintext[1], Type.EXTENSIONS, result).encode()
        if plaintext[0] == Type.IDENTITY:
            return bytes((Type.IDENTITY,)) + name
        if plaintext[0] != type:
            return bytes((Type.NAK, type))
        return bytes((type,)) + respond(plaintext[1:])

    return lambda peer: say


def _responds(name: bytes, password: bytes) -> Callable[[bytes], bytes]:
    """EAP-MSCHAPv2; success and failure are confirmed without a look at them."""

    def respond(data: bytes) -> bytes:
        if data[0] != 1:
            return data[:1]
        value = mschap.respond(data[1], password, data[5:21], PEER_CHALLENGE, name)[2:] + b"\0"
        length = (5 + len(value) + len(name)).to_bytes(2, "big")
        return bytes((2, data[1])) + length + bytes((len(value),)) + value + name

    return respond


def _begins(avps: Callable[[TlsPeer], Iterable[Avp]], flip: Place | None) -> Inside:
    def inside(peer: TlsPeer) -> Say:
        def say(plaintext: bytes) -> bytes:
            if plaintext:
                return b""
            return encode(_flipped(avp) if avp.place == flip else avp for avp in avps(peer))

        return say

    return inside


def _flipped(avp: Avp) -> Avp:
    return Avp(avp.place, bytes((avp.data[0] ^ 1,)) + avp.data[1:])
