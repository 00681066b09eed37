"""Log-ins by EAP for the benchmark: a whole conversation each, by a supplicant in memory."""

from collections.abc import Iterator
from secrets import token_bytes
from typing import Final

from radius.eap.packet import Code as EapCode
from radius.eap.packet import EapPacket, Type
from radius.wire import authenticator
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet, parse
from tests.bench.load import End, Work
from tests.radius.eap.inside import inside_of, pap
from tests.radius.eap.supplicant import Supplicant, TlsClient

_REALM: Final = "village.example"
_OUTER: Final = f"anonymous@{_REALM}"
_FRAMED_MTU: Final = 1400


class LogIn:
    """One log-in by EAP-TTLS with PAP, a new TLS session each."""

    def __init__(self, client: TlsClient, secret: bytes, identity: str, password: str) -> None:
        peer = inside_of(client, pap(identity.encode(), password.encode()), fragment_octets=1300)
        self._supplicant = Supplicant(_OUTER, Type.TTLS, peer.respond)
        self._secret = secret
        self._identifier = 0

    def begin(self) -> bytes:
        return self._request(
            EapPacket(EapCode.RESPONSE, 0, Type.IDENTITY, _OUTER.encode()).encode()
        )

    def proceed(self, reply: bytes) -> bytes | End:
        attributes = parse(reply).attributes
        response = self._supplicant.feed(attributes.octets("EAP-Message") or b"\4\0\0\4")
        if response is not None:
            return self._request(response, attributes.octets("State"))
        is_right = self._supplicant.result is EapCode.SUCCESS and reply[0] == Code.ACCESS_ACCEPT
        return End.DONE if is_right and attributes.has("MS-MPPE-Send-Key") else End.WRONG

    def _request(self, eap: bytes, state: bytes | None = None) -> bytes:
        attributes = Attributes.of(
            ("User-Name", _OUTER),
            ("NAS-IP-Address", "127.0.0.1"),
            ("Calling-Station-Id", "02-00-5E-00-53-01"),
            ("Framed-MTU", _FRAMED_MTU),
            ("EAP-Message", eap),
        )
        if state is not None:
            attributes = attributes.with_("State", state)
        self._identifier = (self._identifier + 1) % 256
        packet = Packet(Code.ACCESS_REQUEST, self._identifier, token_bytes(16), attributes)
        return authenticator.encode_access_request(packet, self._secret)


def log_ins(
    count: int, anchor: bytes, version: str, secret: bytes, identity: str, password: str
) -> Iterator[Work]:
    """Yield so many log-ins by supplicants that believe one authority (DER)."""
    client = TlsClient([anchor], version)
    for _ in range(count):
        yield LogIn(client, secret, identity, password)
