"""A NAS on loopback that takes orders, and does with each what a test wants."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast

from sqlalchemy import update

from aaa.model import Nas
from aaa.secret import Secret
from aaa.snapshot import touch
from radius.wire.attributes import Attributes
from radius.wire.authenticator import encode_reply_in_kind, verify_dynamic_request
from radius.wire.packet import Code, Packet, parse
from tests.radius.served import Named
from tests.village import NAS_SECRET, Village

Behaviour = Callable[[Packet], tuple[Code, tuple[Named, ...]] | None]
_ACKS = {Code.DISCONNECT_REQUEST: Code.DISCONNECT_ACK, Code.COA_REQUEST: Code.COA_ACK}
_NAKS = {Code.DISCONNECT_REQUEST: Code.DISCONNECT_NAK, Code.COA_REQUEST: Code.COA_NAK}


class FakeNas(asyncio.DatagramProtocol):
    """Verifies what comes and answers as it is told."""

    def __init__(self, behaviour: Behaviour, secret: Secret) -> None:
        self.requests: list[Packet] = []
        self.were_signed: list[bool] = []
        self.behaviour = behaviour
        self._secret = secret.reveal()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        packet = parse(data)
        self.were_signed.append(verify_dynamic_request(data, packet, self._secret))
        self.requests.append(packet)
        answer = self.behaviour(packet)
        if answer is not None:
            code, named = answer
            reply = Packet(code, packet.identifier, packet.authenticator, Attributes.of(*named))
            self._transport.sendto(encode_reply_in_kind(reply, packet, self._secret), addr)


def acknowledge(packet: Packet) -> tuple[Code, tuple[Named, ...]]:
    return _ACKS[packet.code], ()


def refuse(*named: Named) -> Behaviour:
    return lambda packet: (_NAKS[packet.code], named)


def keep_silent(_packet: Packet) -> None:
    return None


@asynccontextmanager
async def nas(
    village: Village,
    behaviour: Behaviour,
    vendor: str = "coovachilli",
    name: str = "square",
    address: str = "127.0.0.1",
) -> AsyncIterator[FakeNas]:
    """Stand in for a NAS of the village."""
    loop = asyncio.get_running_loop()
    transport, fake = await loop.create_datagram_endpoint(
        lambda: FakeNas(behaviour, NAS_SECRET), local_addr=(address, 0)
    )
    port = transport.get_extra_info("sockname")[1]
    async with village.database.write("test") as session:
        await session.execute(
            update(Nas).where(Nas.name == name).values(coa_port=port, vendor=vendor)
        )
        await touch(session)
    await village.directory.refresh()
    try:
        yield fake
    finally:
        transport.close()
