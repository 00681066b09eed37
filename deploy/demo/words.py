"""What the simulated hotspot shows, in plain words."""

from deploy.demo.session import Allowance

_HOUR = 3600
_MINUTE = 60


def duration(seconds: int) -> str:
    """Return ``2 h``, ``1 h 05 min``, ``12 min`` or ``40 s``."""
    if seconds >= _HOUR:
        hours, minutes = divmod(seconds // _MINUTE, 60)
        return f"{hours} h {minutes:02d} min" if minutes else f"{hours} h"
    return f"{seconds // _MINUTE} min" if seconds >= _MINUTE else f"{seconds} s"


def volume(octets: int) -> str:
    """Return ``1.2 GB``, ``500 MB`` or ``80 kB``."""
    for unit, size in (("GB", 10**9), ("MB", 10**6)):
        if octets >= size:
            return f"{octets / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{octets // 1000} kB"


def limits(allowance: Allowance) -> str:
    """Return what an Access-Accept allows: ``1 h, 500 MB, 2 Mbit/s down``."""
    parts = []
    if allowance.session_seconds is not None:
        parts.append(duration(allowance.session_seconds))
    if allowance.octets is not None:
        parts.append(volume(allowance.octets))
    if allowance.download_bps is not None:
        parts.append(f"{allowance.download_bps / 10**6:g} Mbit/s down")
    if allowance.upload_bps is not None:
        parts.append(f"{allowance.upload_bps / 10**6:g} Mbit/s up")
    if allowance.idle_seconds is not None:
        parts.append(f"cut after {duration(allowance.idle_seconds)} without use")
    return ", ".join(parts) or "no limit"
