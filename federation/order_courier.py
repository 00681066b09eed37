"""Takes orders about our citizens to the partners whose places they are at."""

import asyncio
from dataclasses import replace
from typing import Final

from aaa.model import InstructionKind
from aaa.outbox import DueInstruction
from aaa.snapshot import NasEntry
from federation.contracts import Contract, crossing
from federation.directory import HomeServerEntry, PartnerDirectory, PartnerEntry
from federation.forwarder import Forwarder
from federation.groups import Group
from federation.orders import Subject, operator_realm, sent, settles
from monitoring import federation_metrics
from monitoring.logging import RepeatedWarnings
from radius.request import Clock, Service
from radius.wire.packet import Code, Packet

_CODES: Final = {
    InstructionKind.DISCONNECT: Code.DISCONNECT_REQUEST,
    InstructionKind.COA: Code.COA_REQUEST,
}
_ACKS: Final = frozenset((Code.DISCONNECT_ACK, Code.COA_ACK))
_AUTHENTICATOR_OCTETS: Final = 16
# A partner waits some seconds for its NAS; of its servers, one that is away must leave time for the
# next; and all of it is over before the outbox would have the order sent anew.
_SERVER_SECONDS: Final = 8.0
_ALL_SECONDS: Final = 30.0


class OrderCourier:
    """Gives an order to a partner's servers, in turn: those that `forwarder` would ask about the
    realm that is in the order's Operator-Name, by its carriers."""

    def __init__(
        self,
        *,
        partners: PartnerDirectory,
        forwarder: Forwarder,
        warnings: RepeatedWarnings,
        clock: Clock,
    ) -> None:
        self._partners = partners
        self._forwarder = forwarder
        self._warnings = warnings
        self._clock = clock

    async def carry(self, instruction: DueInstruction, nas: NasEntry) -> Packet | None:
        """Return the ACK or NAK of the partner that a NAS stands for; None where no server of it
        has answered with one that settles the matter, which is told in the log."""
        partners = await self._partners.latest()
        partner = partners.by_collectivity.get(nas.hotspot.collectivity.id)
        if partner is None or not partner.is_active:
            self._tell(nas.name, "suspended", "`farandole partner resume` lets it go there again")
            return None
        realm = operator_realm(instruction.operator_name) or ""
        answer = await self._ask(partner, realm, self._packet(instruction, partner.contract))
        if answer is None or not settles(answer):
            self._tell(partner.name, "unanswered", _REMEDY)
            return None
        outcome = "acknowledged" if answer.code in _ACKS else "refused"
        federation_metrics.orders.labels(partner.name, "out", outcome).inc()
        allowed = partner.contract.reply_in.get(answer.code, frozenset())
        return replace(answer, attributes=crossing(answer.attributes, allowed))

    async def _ask(self, partner: PartnerEntry, realm: str, order: Packet) -> Packet | None:
        """Return the first answer that settles an order, else the last that was none of that."""
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + _ALL_SECONDS
        group = await self._forwarder.group(partner, realm, _SERVER_SECONDS)
        last = None
        for server in group.servers if isinstance(group, Group) else ():
            seconds = min(_SERVER_SECONDS, ends_at - loop.time())
            answer = await self._ask_server(server, order, seconds) if seconds > 0 else None
            if answer is not None and settles(answer):
                return answer
            last = answer or last
        return last

    async def _ask_server(
        self, server: HomeServerEntry, order: Packet, seconds: float
    ) -> Packet | None:
        carrier = self._forwarder.carriers[server.transport]
        answer = await carrier.exchange(server, order, Service.DYNAMIC_AUTHORIZATION, seconds)
        if not isinstance(answer, Packet):
            return None
        return answer

    def _packet(self, instruction: DueInstruction, contract: Contract) -> Packet:
        code = _CODES[instruction.kind]
        subject = Subject(
            acct_session_id=instruction.acct_session_id,
            device_mac=instruction.device_mac,
            user_name=instruction.user_name,
            nas_identifier=instruction.nas_identifier,
            operator_name=instruction.operator_name,
            operator_nas_identifier=instruction.operator_nas_identifier,
        )
        attributes = sent(code, subject, instruction.attributes, self._clock(), contract)
        return Packet(code, 0, bytes(_AUTHENTICATOR_OCTETS), attributes)

    def _tell(self, partner: str, outcome: str, remedy: str) -> None:
        federation_metrics.orders.labels(partner, "out", outcome).inc()
        self._warnings.warn(
            "a partner did not take an order",
            partner,
            self._clock(),
            outcome=outcome,
            remedy=f"{remedy}; it is given again later",
        )


_REMEDY: Final = (
    "a session of a citizen of ours goes on there: see that its servers take CoA and Disconnect "
    "from us, over UDP on the port that `farandole partner show` names"
)
