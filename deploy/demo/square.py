"""The village square of the demo: a few phones, each within reach of one hotspot at most."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from deploy.demo.gateway import Gateway, Visitor
from deploy.demo.packets import Station

# Addresses that no maker gives out: the second lowest bit of the first octet is set.
_PHONES: Final = (
    ("Blue phone", "02-00-5E-10-00-01"),
    ("Red phone", "02-00-5E-10-00-02"),
    ("Tablet", "02-00-5E-10-00-03"),
)
_NEW_PHONE: Final = "New phone"


@dataclass(slots=True)
class Phone:
    """A phone. ``login_port`` is where gateways answer it."""

    number: int
    name: str
    mac: str
    login_port: int = 0
    gateway: Gateway | None = None

    @property
    def visitor(self) -> Visitor | None:
        """The phone as its gateway sees it, None out of any reach."""
        return self.gateway.visitors.get(self.mac) if self.gateway else None

    @property
    def is_new(self) -> bool:
        """Whether it takes another MAC address each time that it joins a network."""
        return self.name == _NEW_PHONE


class Square:
    """Phones and gateways, and who is where."""

    def __init__(self, gateways: Sequence[Gateway]) -> None:
        self.gateways = {gateway.nas.name: gateway for gateway in gateways}
        named = (*_PHONES, (_NEW_PHONE, _random_mac()))
        self.phones = {
            number: Phone(number, name, mac) for number, (name, mac) in enumerate(named, start=1)
        }

    async def join(self, phone: Phone, gateway: Gateway) -> Visitor:
        """Bring a phone into reach of a gateway, and out of reach of any other."""
        if phone.gateway is gateway and phone.visitor and phone.visitor.session:
            return phone.visitor
        self.leave(phone)
        if phone.is_new:
            phone.mac = _random_mac()
        phone.gateway = gateway
        address = f"10.1.0.{10 + phone.number}"
        return await gateway.arrive(Station(phone.mac, address, phone.number, phone.login_port))

    def leave(self, phone: Phone) -> None:
        """Take a phone out of any reach."""
        if phone.gateway is not None:
            phone.gateway.leave(phone.mac)
            phone.gateway = None


def _random_mac() -> str:
    """Return a private MAC address, as phones make them up (IEEE 802c: x2 in the first octet)."""
    return bytes((0x02, *secrets.token_bytes(5))).hex("-").upper()
