"""MAC addresses in the one form we store, whatever form a NAS writes them in."""

import re

_SEPARATED = re.compile(r"^(?:[0-9a-f]{1,2}:)?((?:[0-9a-f]{1,2}[:-]){5}[0-9a-f]{1,2})$")
_PLAIN = re.compile(r"^[0-9a-f]{12}$")
_DOTTED = re.compile(r"^[0-9a-f]{4}([.-])[0-9a-f]{4}\1[0-9a-f]{4}$")


def normalize(text: str | None) -> str | None:
    """Return ``aa:bb:cc:dd:ee:ff``, or None where ``text`` holds no MAC address.

    Accepts ``AA-BB-CC-DD-EE-FF`` (RFC 3580 section 3.21), colons, Cisco dots, no separator at
    all, octets without their leading zero, and MikroTik's DHCP client id with a type octet in
    front (``1:0:e1:c:38:c8:f8``). A ``:SSID`` suffix of a Called-Station-Id is not accepted here:
    see :func:`station`.
    """
    if not text:
        return None
    lowered = text.strip().lower()
    if _PLAIN.match(lowered):
        digits = lowered
    elif _DOTTED.match(lowered):
        digits = re.sub(r"[.-]", "", lowered)
    elif found := _SEPARATED.match(lowered):
        digits = "".join(octet.zfill(2) for octet in re.split(r"[:-]", found.group(1)))
    else:
        return None
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


def station(text: str | None) -> tuple[str | None, str | None]:
    """Return (MAC, SSID) of a Called-Station-Id, each None where absent (RFC 3580 section 3.20)."""
    if not text:
        return None, None
    head, separator, ssid = text[:17], text[17:18], text[18:]
    if separator == ":" and (address := normalize(head)):
        return address, ssid or None
    return normalize(text), None
