"""Whether two that have just become partners reach each other: tried, and waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from ipaddress import ip_address
from secrets import token_bytes
from typing import Any, Final

import structlog

from aaa import snapshot
from aaa.errors import Invalid, Unavailable
from deploy.installation import Installation
from federation import directory, interconnection
from federation.carriers import TlsCarrier
from federation.directory import HomeServerEntry
from federation.home_servers import Outcome
from federation.interconnection import Link
from federation.model import LinkState
from federation.trust.fetching import Fetcher
from federation.trust.joining import Ourselves
from federation.trust.statements import LEEWAY
from monitoring.logging import RepeatedWarnings
from monitoring.occurrences import Occurrences
from radius.request import Service
from radius.transports.alpn import versions_of
from radius.transports.radsec_client import RadsecClient
from radius.wire.attributes import Attributes
from radius.wire.packet import Code, Packet

# Each side knows of the other within a second, and tries its canary then.
_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.25
_EXCHANGE_SECONDS: Final = 5.0

Check = dict[str, Any]


async def verify(
    installation: Installation, us: Ourselves, partner_id: int, fetcher: Fetcher, since: datetime
) -> list[Check]:
    """Return how each server of a partner answers Status-Server, and how canaries fare both ways,
    measured since then."""
    async with installation.database.read("command") as session:
        present = await snapshot.load(session, installation.keyring)
        now = datetime.now(UTC)
        known = await directory.load(session, installation.keyring, present, now)
    partner = known.by_id[partner_id]

    async def here() -> Link | None:
        async with installation.database.read("command") as session:
            links = await interconnection.matrix(session)
        return _found(links, us.entity, partner.key, since)

    async def there() -> Link | None:
        try:
            text = await fetcher.connections(partner.key)
            links = interconnection.read(text, partner, datetime.now(UTC))
        except (Invalid, Unavailable):
            return None
        # By their clock.
        return _found(links, partner.key, us.entity, since - LEEWAY)

    answers = [_status(installation, us, server) for server in partner.servers]
    return await asyncio.gather(
        *answers,
        _measured(f"citizens of {partner.title} at our places", here),
        _measured(f"our citizens at places of {partner.title}", there),
    )


async def _status(installation: Installation, us: Ourselves, server: HomeServerEntry) -> Check:
    """Ask a server how it is (RFC 5997), until it knows us."""
    settings = installation.settings.federation
    warnings = RepeatedWarnings(Occurrences(), structlog.get_logger())
    client = RadsecClient(
        lambda: us.snapshot.radsec_identity,
        warnings,
        lambda: datetime.now(UTC),
        source=ip_address(settings.source_address) if settings.source_address else None,
        versions=versions_of(installation.settings.radius.radsec_versions),
    )

    async def answered() -> bool:
        question = Packet(Code.STATUS_SERVER, 0, token_bytes(16), Attributes())
        carrier, service = TlsCarrier(client, client), Service.AUTHENTICATION
        reply = await carrier.exchange(server, question, service, _EXCHANGE_SECONDS)
        return not isinstance(reply, Outcome)

    try:
        is_good = bool(await _until(answered))
    finally:
        client.close()
    found = "answers" if is_good else "does not answer: see that its port is open to us"
    return {"what": f"server {server.address}", "found": found, "is_good": is_good}


async def _measured(what: str, look: Callable[[], Awaitable[Link | None]]) -> Check:
    """Wait for a canary that was let in; say what became of it where none was."""
    last: Link | None = None

    async def connected() -> bool:
        nonlocal last
        last = await look() or last
        return last is not None and last.state is LinkState.CONNECTED

    is_good = bool(await _until(connected))
    if last is None:
        found = "not tried yet: is the service running? `farandole partner list` shows it then"
    elif is_good:
        found = f"can log in, tried in {last.milliseconds} ms"
    else:
        found = f"cannot log in: {last.state}"
    return {"what": what, "found": found, "is_good": is_good}


async def _until(condition: Callable[[], Awaitable[bool]]) -> bool:
    """Return whether a condition holds before the time is up."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + _SECONDS
    # What is waited for is other processes' work.
    while not (holds := await condition()) and loop.time() < ends_at:  # noqa: ASYNC110
        await asyncio.sleep(_PAUSE_SECONDS)
    return holds


def _found(links: list[Link], visited: str, home: str, since: datetime) -> Link | None:
    fresh = since.replace(microsecond=0)
    return next(
        (
            link
            for link in links
            if (link.visited, link.home) == (visited, home) and link.checked_at >= fresh
        ),
        None,
    )
