"""Who was vouched for is a visitor from then on."""

from aaa import visitors
from aaa.authentication import Method
from aaa.vouched import Vouched
from federation.directory import PartnerEntry
from monitoring import federation_metrics, metrics
from portal.answers import Go
from portal.captive import attempts
from portal.captive.attempts import Attempt
from portal.parts import Parts


async def enter(
    parts: Parts,
    attempt: Attempt,
    partner: PartnerEntry,
    realm: str,
    vouched: Vouched,
    method: Method,
) -> Go:
    """Store a visitor of a realm of the partner's, and return where their visit goes on."""
    now = parts.clock()
    async with parts.database.write("visitor") as session:
        visitor_id = await visitors.add(
            session,
            home_collectivity_id=partner.collectivity.id,
            realm=realm,
            vouched=vouched,
            now=now,
        )
        reference = await attempts.vouch(session, attempt, visitor_id, method, now)
    count(attempt, partner, method, "accept")
    return Go(attempts.way_of(parts.keyring, reference))


def count(attempt: Attempt, partner: PartnerEntry, method: Method, outcome: str) -> None:
    """Count how a log-in at a partner ended, or that it began."""
    way = "openid" if method is Method.HOME_PAGE else "radius"
    federation_metrics.web_log_ins.labels(partner.name, way, outcome).inc()
    if outcome in ("accept", "reject"):
        metrics.log_ins.labels(attempt.collectivity.slug, method.value, outcome).inc()
