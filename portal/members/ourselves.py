"""What we are to other members, as of now."""

from federation.trust import joining
from federation.trust.joining import Ourselves
from portal.parts import Parts


def of(parts: Parts) -> Ourselves:
    """Return what we show and sign with. Raises Invalid where there is nothing to show yet."""
    return joining.ourselves(
        parts.settings, parts.snapshot, parts.partners.current.keys, parts.clock()
    )
