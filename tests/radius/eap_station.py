"""A phone and its access point in one: EAP in Access-Requests, to a served village."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_bytes
from typing import Protocol

from aaa.pki import authority
from aaa.pki.identity import ServerIdentity
from aaa.secret import Secret
from aaa.wifi_secrets import WifiSecrets
from radius.eap.packet import Type
from radius.wire.attributes import Attributes
from radius.wire.hiding import decrypt_salted
from radius.wire.packet import Code, Packet
from tests.radius.eap.inside import Inside, inside_of
from tests.radius.eap.supplicant import Supplicant, TlsClient, TlsPeer
from tests.radius.served import PHONE_AS_SENT, Named
from tests.village import NAS_SECRET, Village

_EAP_MESSAGE = 79
OUTER = "anonymous@village.example"


async def certify(village: Village) -> ServerIdentity:
    """Make the village its certificates: as of today, since TLS looks at a clock of its own."""
    async with village.database.write("test") as session:
        await authority.ensure(
            session,
            village.keyring,
            names=["radius.village.example"],
            federation_name="Farandole",
            now=datetime.now(UTC),
        )
    await village.directory.refresh()
    identity = village.snapshot.server_identity
    assert identity is not None
    return identity


async def give_secret(village: Village, name: str = "Anna's phone") -> tuple[str, int]:
    """Give Anna a device with a Wi-Fi secret; return the secret and the device's id."""
    wifi_secrets = WifiSecrets(village.keyring, keeps_text=True)
    async with village.database.write("test") as session:
        secret, device_id = await wifi_secrets.issue(
            session, citizen_id=village.anna, name=name, now=village.clock()
        )
    return secret.reveal().decode(), device_id


class Answering(Protocol):
    """A server to log in at."""

    async def answer(self, packet: Packet) -> Packet: ...

    async def ask(self, packet: Packet) -> Packet | None: ...


@dataclass
class Station:
    """One device that logs in; `say` what its requests carry beside EAP."""

    served: Answering
    supplicant: Supplicant
    peer: TlsPeer
    outer: str = OUTER
    more: tuple[Named, ...] = ()
    replies: list[Packet] = field(default_factory=list)

    def request(self, eap: bytes, state: bytes | None) -> Packet:
        """Return the Access-Request that carries an EAP packet."""
        named: list[Named] = [
            ("User-Name", self.outer),
            ("Calling-Station-Id", PHONE_AS_SENT),
            *self.more,
        ]
        if eap:
            named.append(("EAP-Message", eap))
        if state is not None:
            named.append(("State", state))
        attributes = Attributes.of(*named)
        if not eap:
            # EAP-Start: no value, which no other attribute may lack (RFC 3579 section 2.1).
            attributes += Attributes(((_EAP_MESSAGE, b""),))
        return Packet(Code.ACCESS_REQUEST, 0, token_bytes(16), attributes)

    async def log_in(self) -> Packet:
        """Return the last answer of the conversation."""
        packet = self.request(self.hello(), None)
        for _ in range(100):
            reply = await self.served.answer(packet)
            self.replies.append(reply)
            eap = reply.attributes.octets("EAP-Message")
            assert eap is not None
            response = self.supplicant.feed(eap)
            if response is None:
                self.asked = packet
                return reply
            packet = self.request(response, reply.attributes.octets("State"))
        raise AssertionError("no end in 100 rounds")

    def hello(self) -> bytes:
        """Return the EAP-Response/Identity, to which the NAS itself has asked."""
        identity = self.outer.encode()
        return bytes((2, 0)) + (5 + len(identity)).to_bytes(2, "big") + b"\x01" + identity


def ttls_station(
    served: Answering,
    identity: ServerIdentity,
    inside: Inside,
    *,
    outer: str = OUTER,
    version: str = "1.3",
    more: tuple[Named, ...] = (),
) -> Station:
    """Return a device that says `inside` in the tunnel of EAP-TTLS."""
    peer = inside_of(TlsClient(identity.anchors, version), inside)
    return Station(served, Supplicant(outer, Type.TTLS, peer.respond), peer, outer, more)


def link_key(reply: Packet, request: Packet, name: str, secret: Secret = NAS_SECRET) -> bytes:
    """Return one of the keys that an Access-Accept gives the NAS."""
    octets = reply.attributes.octets(name)
    assert octets is not None
    return decrypt_salted(octets, secret.reveal(), request.authenticator)
