"""The supplicant's side of EAP-TLS, TTLS and PEAP, in memory: TLS, its fragments, its packets.

`TlsClient` is what many supplicants share, `TlsPeer` speaks TLS in the data of one EAP method,
`Supplicant` puts that into whole EAP packets, identity and Nak included. What travels inside the
tunnel is a function's to say.
"""

import struct
from collections.abc import Callable, Iterable
from enum import Enum

from cryptography import x509
from OpenSSL import SSL, crypto

from radius.eap.methods.method import Done, Failed, Method, Outcome, Send
from radius.eap.packet import Code, EapPacket, Type, parse
from radius.eap.steps import Answer, Question
from tests.radius.eap.certificates import Issued

LENGTH_INCLUDED, MORE_FRAGMENTS, START = 0x80, 0x40, 0x20
_VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}

Say = Callable[[bytes], bytes]
"""Says what goes into the tunnel: of b"" once it is open, then of whatever came out of it.
b"" is nothing to say."""


def say_nothing(plaintext: bytes) -> bytes:
    return b""


class Lengths(Enum):
    """Which fragments tell the length of the whole message."""

    FIRST_OF_MANY = "first of many"
    ALL = "all"
    NONE = "none"


class TlsClient:
    """What a supplicant believes and has: long-lived, one for all peers that are alike."""

    def __init__(
        self, anchors: Iterable[bytes], version: str = "1.3", own: Issued | None = None
    ) -> None:
        """`anchors`: the authorities believed (DER)."""
        self.context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self.context.set_min_proto_version(_VERSIONS[version])
        self.context.set_max_proto_version(_VERSIONS[version])
        self.context.set_verify(SSL.VERIFY_PEER, _note_certificate)
        store = self.context.get_cert_store()
        assert store is not None
        for anchor in anchors:
            certificate = x509.load_der_x509_certificate(anchor)
            store.add_cert(crypto.X509.from_cryptography(certificate))
        self.own = own
        if own is not None:
            self.context.use_certificate(own.certificate)
            self.context.use_privatekey(own.key)


class TlsPeer:
    """One supplicant's TLS in one EAP method: `respond` to the data of each request.

    `session`: one that `keep_session` of an earlier peer of the same client returned.
    """

    def __init__(
        self,
        client: TlsClient,
        *,
        say: Say = say_nothing,
        fragment_octets: int = 1000,
        lengths: Lengths = Lengths.FIRST_OF_MANY,
        session: SSL.Session | None = None,
    ) -> None:
        self.connection = SSL.Connection(client.context)
        self.connection.set_connect_state()
        self._certificates: list[int] = []
        self.connection.set_app_data(self._certificates)
        if session is not None:
            self.connection.set_session(session)
        self._say = say
        self._room = fragment_octets - 5
        self._lengths = lengths
        self._incoming = b""
        self._unsent = b""
        self._length = 0
        self.is_established = False
        self.plaintext = b""
        """All that came out of the tunnel."""
        self.failure: str | None = None
        """OpenSSL's word for why TLS ended: what it found wrong, or the alert that came."""

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier session goes on: the handshake is complete, and the server has shown
        no certificate."""
        return self.is_established and not self._certificates

    def respond(self, data: bytes) -> bytes:
        """Return the data of the response to a request with `data`."""
        flags, body = data[0], data[1:]
        if flags & LENGTH_INCLUDED:
            body = body[4:]
        self._incoming += body
        if flags & MORE_FRAGMENTS:
            return b"\x00"
        if not self._unsent:
            message, self._incoming = self._incoming, b""
            self._converse(message)
            self._unsent = self._outgoing()
            self._length = len(self._unsent)
        return self._fragment()

    def export(self, label: bytes, context: bytes | None, octets: int) -> bytes:
        return self.connection.export_keying_material(label, octets, context)

    def msk(self, type: Type) -> bytes:
        """Return the MSK, computed from the words of RFC 5216, 5281, 9190 and 9427 once more."""
        if self.connection.get_protocol_version() == SSL.TLS1_3_VERSION:
            return self.export(b"EXPORTER_EAP_TLS_Key_Material", bytes([type]), 128)[:64]
        ttls = type == Type.TTLS
        return self.export(b"ttls keying material" if ttls else b"client EAP encryption", None, 64)

    def keep_session(self) -> SSL.Session:
        """End the connection in good order, and return its session to resume."""
        self.connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
        session = self.connection.get_session()
        assert session is not None
        return session

    def _converse(self, message: bytes) -> None:
        if message:
            self.connection.bio_write(message)
        try:
            if not self.is_established:
                self.connection.do_handshake()
                self.is_established = True
                self._tell(self._say(b""))
            while True:
                plaintext = self.connection.recv(16_384)
                self.plaintext += plaintext
                self._tell(self._say(plaintext))
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            self.failure = str(error)

    def _tell(self, plaintext: bytes) -> None:
        if plaintext:
            self.connection.sendall(plaintext)

    def _outgoing(self) -> bytes:
        octets = b""
        while True:
            try:
                octets += self.connection.bio_read(16_384)
            except SSL.WantReadError:
                return octets

    def _fragment(self) -> bytes:
        is_first = len(self._unsent) == self._length
        body, self._unsent = self._unsent[: self._room], self._unsent[self._room :]
        flags = MORE_FRAGMENTS if self._unsent else 0
        announces = {
            Lengths.FIRST_OF_MANY: is_first and bool(flags),
            Lengths.ALL: bool(body),
            Lengths.NONE: False,
        }[self._lengths]
        if announces:
            return struct.pack(">BI", flags | LENGTH_INCLUDED, self._length) + body
        return bytes([flags]) + body


def _note_certificate(
    connection: SSL.Connection, certificate: crypto.X509, error: int, depth: int, is_good: int
) -> bool:
    connection.get_app_data().append(depth)
    return bool(is_good)


class Supplicant:
    """One supplicant: `feed` it each EAP packet. It takes the one method that it is given."""

    def __init__(self, identity: str, type: Type, respond: Callable[[bytes], bytes]) -> None:
        self._identity = identity
        self._type = type
        self._respond = respond
        self.result: Code | None = None
        """How it ended: SUCCESS or FAILURE."""

    def feed(self, eap: bytes) -> bytes | None:
        """Return the response to a packet; None where it was the last."""
        request = parse(eap)
        if request.code is not Code.REQUEST:
            self.result = request.code
            return None
        if request.type == Type.IDENTITY:
            kind, data = Type.IDENTITY, self._identity.encode()
        elif request.type == self._type:
            kind, data = self._type, self._respond(request.data)
        else:
            kind, data = Type.NAK, bytes([self._type])
        return EapPacket(Code.RESPONSE, request.identifier, kind, data).encode()


def play(
    method: Method,
    respond: Callable[[bytes], bytes],
    answer: Callable[[Question], Answer],
    limit: int,
) -> Done | Failed:
    """Return how a method ends that talks with `respond`, its questions answered by `answer`.
    No request may have more than `limit` octets of data, nor may they be more than 500."""
    outcome: Outcome = method.start(limit)
    for _ in range(500):
        if isinstance(outcome, Send):
            assert len(outcome.data) <= limit
            outcome = method.receive(respond(outcome.data), limit)
        elif isinstance(outcome, Done | Failed):
            return outcome
        else:
            outcome = method.answer(answer(outcome), limit)
    raise AssertionError("no end in 500 rounds")
