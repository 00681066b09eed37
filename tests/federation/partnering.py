"""Partners of the village, as tests add them."""

from typing import Any, Final

from aaa.secret import Secret
from aaa.snapshot import RadsecPeerEntry
from federation import partners
from federation.directory import PartnerDirectory, Partners
from federation.model import Partner, Transport
from federation.partners import NewServer
from federation.stand_ins import Place, Sender
from tests.village import NOON, Village

SHARED: Final = Secret("a secret of two regions")
OVER_UDP: Final = NewServer(Transport.UDP, "192.0.2.7", 1812, 1813, secret=SHARED)
OVER_TLS: Final = NewServer(
    Transport.TLS,
    "radius.piemonte.example",
    2083,
    2083,
    anchor=b"a root",
    certificate_name="radius.piemonte.example",
)
FROM_UDP: Final = Sender("192.0.2.0/28", SHARED)
FROM_TLS: Final = Sender(peers=(RadsecPeerEntry(b"a root", "radius.piemonte.example", None),))


async def add(village: Village, name: str = "liguria", **changes: Any) -> Partner:
    """Add a partner that is home over UDP and sends so too, unless told otherwise."""
    given: dict[str, Any] = {
        "place": Place("Regione Liguria", "IT", "it", "Europe/Rome"),
        "realms": [f"{name}.example"],
        "servers": [OVER_UDP],
        "sender": FROM_UDP,
        "now": NOON,
    }
    async with village.database.write("test") as session:
        return await partners.add(session, village.keyring, name=name, **(given | changes))


async def known(village: Village) -> Partners:
    """Return the partners as a process that just started knows them."""
    await village.directory.refresh()
    return await PartnerDirectory(
        village.database, village.keyring, village.directory, village.clock
    ).refresh()
