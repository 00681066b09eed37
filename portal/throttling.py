"""How often something may be tried, counted in the database so that all workers count together.

Fixed windows: a subject that is turned away may try again when the window ends. Subjects are kept
as keyed digests, so that the table names nobody.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Final

from sqlalchemy.dialects import postgresql, sqlite

from aaa.database import Database
from aaa.secret import Keyring
from monitoring import metrics
from portal.model import ThrottleWindow


@dataclass(frozen=True, slots=True)
class Rule:
    """At most ``most`` tries of ``what`` (a metric label) in each window."""

    what: str
    most: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Throttled:
    """Too many tries, as a value: try again after ``retry_after``."""

    retry_after: timedelta


CODES_PER_ADDRESS: Final = Rule("code_address", 5, timedelta(hours=1))
CODES_PER_DEVICE: Final = Rule("code_device", 10, timedelta(hours=1))
# A fair or a market day fits in; a broken or hostile access point floods nobody's mail server.
CODES_PER_NAS: Final = Rule("code_nas", 600, timedelta(hours=1))
ACCOUNTS_PER_DEVICE: Final = Rule("account_device", 20, timedelta(minutes=15))
LOG_INS_PER_IDENTIFIER: Final = Rule("log_in_identifier", 10, timedelta(minutes=15))
# However their identifier is written.
LOG_INS_PER_CITIZEN: Final = Rule("log_in_citizen", 50, timedelta(minutes=15))
LOG_INS_PER_DEVICE: Final = Rule("log_in_device", 20, timedelta(minutes=15))
# Each is a click, and costs a row.
WAYS_HOME_PER_DEVICE: Final = Rule("way_home_device", 40, timedelta(minutes=15))
# At a partner's place all come by one address, in which there may be a fair; here, nothing else
# tells one device from another.
SIGN_INS_PER_SOURCE: Final = Rule("sign_in_source", 1000, timedelta(minutes=15))
CODES_PER_SOURCE: Final = Rule("code_source", 600, timedelta(hours=1))
CODES_PER_PARTNER: Final = Rule("code_partner", 6000, timedelta(hours=1))
ACCOUNTS_PER_SOURCE: Final = Rule("account_source", 200, timedelta(minutes=15))
LOG_INS_PER_SOURCE: Final = Rule("log_in_source", 200, timedelta(minutes=15))
LINKS_PER_ADDRESS: Final = Rule("link_address", 5, timedelta(hours=1))
# A school or a town hall may stand behind one address.
LINKS_PER_SOURCE: Final = Rule("link_source", 60, timedelta(hours=1))
LINKS_TOGETHER: Final = Rule("link_all", 2000, timedelta(hours=1))
# Of a million million short codes, a thousand may be valid: this many guesses find none.
SHORT_CODES_TOGETHER: Final = Rule("short_code_all", 10_000, timedelta(minutes=15))
SHORT_CODES_PER_SOURCE: Final = Rule("short_code_source", 200, timedelta(minutes=15))
# One's own phone, a browser that looks ahead, and once more.
USES_OF_SHORT_CODE: Final = Rule("short_code_uses", 5, timedelta(hours=1))

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


def network_of(source: str) -> str:
    """Return what to count the tries of an address under: of IPv6 the /64, in which one device has
    as many addresses as it likes."""
    try:
        address = ip_address(source)
    except ValueError:
        return source
    if not isinstance(address, IPv6Address):
        return source
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), 64), strict=False))


async def admit(
    database: Database, keyring: Keyring, tries: Iterable[tuple[Rule, str]], now: datetime
) -> Throttled | None:
    """Count one try for each (rule, subject); return Throttled where one has had too many.

    The count is kept whatever becomes of the try, in a transaction of its own.
    """
    refused: dict[Rule, Throttled] = {}
    async with database.write("throttle") as session:
        insert = (postgresql if database.dialect == "postgresql" else sqlite).insert
        # In one order for all, so that two transactions never wait for each other.
        rows = sorted(
            (keyring.digest(f"{rule.what}:{who}", "throttle"), rule) for rule, who in tries
        )
        for subject, rule in rows:
            starts_at = now - (now - _EPOCH) % rule.window
            count = await session.scalar(
                insert(ThrottleWindow)
                .values(subject=subject, starts_at=starts_at, count=1)
                .on_conflict_do_update(
                    index_elements=["subject", "starts_at"],
                    set_={"count": ThrottleWindow.count + 1},
                )
                .returning(ThrottleWindow.count)
            )
            if (count or 0) > rule.most:
                refused[rule] = Throttled(starts_at + rule.window - now)
    for rule in refused:
        metrics.throttled.labels(rule.what).inc()
    return max(refused.values(), key=lambda each: each.retry_after, default=None)
