"""A grant's limits in the attributes that vendors share."""

from typing import Final

from aaa.nas.adapter import ReplyAttribute
from aaa.policy import Grant

_GIGAWORD: Final = 1 << 32
# RFC 3580 section 3.31: a tunnel of type VLAN, over IEEE 802.
_VLAN: Final = 13
_IEEE_802: Final = 6


def standard(grant: Grant) -> list[ReplyAttribute]:
    """Return the limits that RFC 2865 and RFC 2869 have attributes for."""
    stated = (
        ("Session-Timeout", grant.session_seconds),
        ("Idle-Timeout", grant.idle_seconds),
        ("Acct-Interim-Interval", grant.interim_seconds),
    )
    return [(name, value) for name, value in stated if value is not None]


def wispr_rate(grant: Grant) -> list[ReplyAttribute]:
    """Return the rates in bits a second, as WISPr has them."""
    stated = (
        ("WISPr-Bandwidth-Max-Up", grant.upload_kbps),
        ("WISPr-Bandwidth-Max-Down", grant.download_kbps),
    )
    return [(name, value * 1000) for name, value in stated if value is not None]


def volume(grant: Grant, low: str, gigawords: str) -> list[ReplyAttribute]:
    """Return the octets left, split over two 32-bit attributes where one is too small."""
    if grant.octets is None:
        return []
    attributes: list[ReplyAttribute] = [(low, grant.octets % _GIGAWORD)]
    if grant.octets >= _GIGAWORD:
        attributes.append((gigawords, grant.octets // _GIGAWORD))
    return attributes


def vlan(grant: Grant) -> list[ReplyAttribute]:
    """Return the VLAN that a device is put into (RFC 3580 section 3.31)."""
    if grant.vlan is None:
        return []
    return [
        ("Tunnel-Type", _VLAN),
        ("Tunnel-Medium-Type", _IEEE_802),
        ("Tunnel-Private-Group-ID", str(grant.vlan)),
    ]
