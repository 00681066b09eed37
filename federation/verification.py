"""Asks a partner whether a name and a password are its citizen's, as a NAS of ours would: PAP."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from aaa.policy import DenyReason
from aaa.secret import Keyring, Secret
from aaa.vouched import Vouched
from federation import visitor_class
from federation.directory import PartnerEntry
from federation.forwarder import Errand, Forwarder, NoAnswer
from federation.proxying import Hop, Refusal, affinity, inbound, outbound, proxy_mark
from federation.visited import MARK_KEY
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet
from radius.wire.values import Value

_MOST_PASSWORD_OCTETS: Final = 128


@dataclass(frozen=True, slots=True)
class Question:
    """Who says to be whom, and where: `operator` is the realm of the collectivity whose place it
    is, then the NAS' name, and the device where it is known."""

    partner: PartnerEntry
    realm: str
    user_name: str
    password: Secret
    operator: str
    nas_identifier: str
    device_mac: str | None = None


class Verifier:
    """Asks homes."""

    def __init__(
        self,
        *,
        forwarder: Forwarder,
        keyring: Keyring,
        clock: Callable[[], datetime],
    ) -> None:
        self._forwarder = forwarder
        self._keyring = keyring
        self._clock = clock
        self._mark_key = keyring.derive(MARK_KEY)

    async def verify(self, question: Question) -> Vouched | DenyReason:
        """Return what the home says of its citizen, or why it is none: WRONG_PASSWORD where it
        refuses, whatever its reason, HOME_UNREACHABLE where it says nothing that can be used."""
        if not question.partner.is_active:
            return DenyReason.PARTNER_SUSPENDED
        if not 0 < len(question.password) <= _MOST_PASSWORD_OCTETS:
            return DenyReason.WRONG_PASSWORD
        request, hop = _request(question), self._hop(question)
        attributes = outbound(request, hop)
        if isinstance(attributes, Refusal):
            is_loop = attributes is Refusal.LOOP
            return DenyReason.ROUTING_LOOP if is_loop else DenyReason.HOME_UNREACHABLE
        answer = await self._forwarder.ask(
            Errand(
                partner=question.partner,
                realm=question.realm,
                affinity=affinity(request),
                state=None,
                code=Code.ACCESS_REQUEST,
                attributes=attributes,
            )
        )
        if isinstance(answer, NoAnswer):
            return answer.reason
        return _read(answer.reply, hop)

    def _hop(self, question: Question) -> Hop:
        return Hop(
            partner=question.partner.name,
            realm=question.realm,
            operator=question.operator,
            nas_identifier=question.nas_identifier,
            mark=proxy_mark(self._mark_key, question.realm),
            proxy_states=(),
            received_at=self._clock(),
            is_our_class=partial(visitor_class.is_ours, self._keyring),
            contract=question.partner.contract,
        )


def _request(question: Question) -> Packet:
    """Return the request as a NAS would send it to us; nothing is hidden in it here."""
    named: list[tuple[str, Value]] = [
        ("User-Name", question.user_name),
        ("User-Password", question.password.reveal()),
        ("Service-Type", "Login"),
        ("NAS-Port-Type", "Wireless-802.11"),
    ]
    if question.device_mac is not None:
        named.append(("Calling-Station-Id", question.device_mac.replace(":", "-").upper()))
    return Packet(Code.ACCESS_REQUEST, 0, bytes(16), Attributes.of(*named))


def _read(reply: Packet, hop: Hop) -> Vouched | DenyReason:
    if reply.code is not Code.ACCESS_ACCEPT:
        # With an Error-Cause the way was at fault, or the home was.
        is_of_home = reply.attributes.integer("Error-Cause") is None
        is_refusal = reply.code is Code.ACCESS_REJECT and is_of_home
        return DenyReason.WRONG_PASSWORD if is_refusal else DenyReason.HOME_UNREACHABLE
    said = inbound(reply, hop)
    return Vouched(
        home_class=said.octets("Class"),
        cui=said.octets("Chargeable-User-Identity"),
        session_seconds=said.integer("Session-Timeout"),
        idle_seconds=said.integer("Idle-Timeout"),
    )
