"""Which servers of a partner are given an order, and what of their answers counts."""

from dataclasses import replace
from typing import Any, cast

import pytest
import structlog

from aaa.model import InstructionKind
from aaa.outbox import DueInstruction
from federation import order_courier
from federation.directory import HomeServerEntry, PartnerDirectory, PartnerEntry, Partners
from federation.forwarder import Forwarder
from federation.groups import Group
from federation.home_servers import Outcome
from federation.model import PartnerState, Transport
from federation.order_courier import OrderCourier
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from radius.request import Service
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from tests.federation import partnering
from tests.federation.partnering import OVER_UDP
from tests.radius.served import sample
from tests.village import PHONE, Village

INSTRUCTION = DueInstruction(
    id=1,
    kind=InstructionKind.DISCONNECT,
    attributes=(),
    reason="banned",
    attempts=0,
    nas_id=1,
    acct_session_id="s-1",
    user_name="anonymous@village.example",
    device_mac=PHONE,
    framed_address="192.0.2.9",
    operator_name="1genova.example",
    nas_identifier="harbour",
    operator_nas_identifier=b"\x01",
    has_ended=False,
)


def nak(cause: int, *more: tuple[str, str]) -> Packet:
    attributes = Attributes.of(("Error-Cause", cause), *more)
    return Packet(Code.DISCONNECT_NAK, 1, bytes(16), attributes)


ACK = Packet(Code.DISCONNECT_ACK, 1, bytes(16), Attributes())


class Partnership:
    """Liguria, whose servers answer as a test wants: a carrier and a forwarder in one."""

    def __init__(self, village: Village, partners: Partners) -> None:
        self.partners = partners
        self.liguria: PartnerEntry = partners.by_name["liguria"]
        self.nas = village.snapshot.nas_by_id[self.liguria.nas_id or 0]
        self.answers: list[Packet | Outcome] = []
        self.asked: list[tuple[str, int]] = []
        self.order: Packet | None = None
        self.realms: list[str] = []
        self.carriers = {Transport.UDP: self}
        self.courier = OrderCourier(
            partners=cast(PartnerDirectory, self),
            forwarder=cast(Forwarder, self),
            warnings=RepeatedWarnings(Occurrences(), structlog.get_logger()),
            clock=village.clock,
        )

    async def latest(self) -> Partners:
        return self.partners

    async def group(self, partner: PartnerEntry, realm: str, _seconds: float) -> Group:
        self.realms.append(realm)
        return Group(partner, partner.servers)

    async def exchange(
        self, server: HomeServerEntry, packet: Packet, service: Service, _seconds: float
    ) -> Packet | Outcome:
        assert service is Service.DYNAMIC_AUTHORIZATION
        self.order = packet
        self.asked.append((server.host, server.coa_port))
        return self.answers[len(self.asked) - 1]

    async def carry(self, *answers: Packet | Outcome) -> Packet | None:
        self.answers, self.asked = list(answers), []
        return await self.courier.carry(INSTRUCTION, self.nas)


@pytest.fixture
async def partnership(village: Village) -> Partnership:
    other = replace(OVER_UDP, host="192.0.2.8", priority=1, coa_port=13799)
    await partnering.add(village, servers=[OVER_UDP, other])
    return Partnership(village, await partnering.known(village))


def told(outcome: str) -> float:
    labels = {"partner": "liguria", "direction": "out", "outcome": outcome}
    return sample("farandole_federation_orders_total", **labels)


async def test_the_servers_are_asked_in_turn_until_one_settles_it(
    partnership: Partnership,
) -> None:
    assert await partnership.carry(ACK) == ACK
    assert partnership.asked == [("192.0.2.7", 3799)]
    assert partnership.realms == ["genova.example"]
    assert partnership.order is not None
    names = [name for name, _ in partnership.order.attributes.decoded()]
    assert "Framed-IP-Address" not in names
    assert partnership.order.attributes.octets("Operator-NAS-Identifier") == b"\x01"
    for in_vain in (Outcome.SILENT, Outcome.UNREACHABLE, nak(505), nak(506), nak(502)):
        assert await partnership.carry(in_vain, ACK) == ACK
        assert partnership.asked == [("192.0.2.7", 3799), ("192.0.2.8", 13799)]


async def test_what_nobody_settles_is_to_be_given_again(partnership: Partnership) -> None:
    before = told("unanswered")
    for second in (Outcome.SILENT, nak(505)):
        assert await partnership.carry(nak(506), second) is None
    assert told("unanswered") == before + 2


async def test_a_refusal_is_the_end_of_it_and_says_nothing_else(partnership: Partnership) -> None:
    refused = await partnership.carry(nak(503, ("Reply-Message", "no"), ("Filter-Id", "x")))
    assert refused is not None
    assert dict(refused.attributes.decoded()) == {"Error-Cause": 503}
    assert len(partnership.asked) == 1


async def test_all_servers_share_what_time_there_is(
    partnership: Partnership, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_courier, "_ALL_SECONDS", 0.0)
    assert await partnership.carry() is None
    assert partnership.asked == []


async def test_who_is_suspended_or_gone_is_given_nothing(partnership: Partnership) -> None:
    before = told("suspended")
    suspended = replace(partnership.liguria, state=PartnerState.SUSPENDED)
    known: list[dict[int, Any]] = [{suspended.collectivity.id: suspended}, {}]
    for by_collectivity in known:
        partnership.partners = replace(partnership.partners, by_collectivity=by_collectivity)
        assert await partnership.carry(ACK) is None
    assert partnership.asked == []
    assert told("suspended") == before + 2
