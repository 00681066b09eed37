"""Vendor name -> adapter."""

from typing import Final

from aaa.errors import Invalid
from aaa.nas.adapter import Adapter
from aaa.nas.chilli import CoovaChilli, Uspot
from aaa.nas.generic import Generic, Hostapd

ADAPTERS: Final[dict[str, Adapter]] = {
    "coovachilli": CoovaChilli(),
    "uspot": Uspot(),
    "generic": Generic(),
    "hostapd": Hostapd(),
}


def adapter(vendor: str) -> Adapter:
    """Return a vendor's adapter; raise Invalid with the names we know."""
    try:
        return ADAPTERS[vendor]
    except KeyError:
        known = ", ".join(sorted(ADAPTERS))
        raise Invalid(f"we do not speak “{vendor}”; --vendor is one of: {known}") from None
