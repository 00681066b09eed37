"""Where what we do about a member is not what it says of itself: pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from federation.trust.description import Description


def drift(
    name: str,
    described: Description,
    *,
    realms: Sequence[str],
    servers: Sequence[str],
    failure: str | None,
    expires_at: datetime,
    now: datetime,
) -> tuple[str, ...]:
    """Return what is not as a member says that is called `name` here, a sentence each with what to
    do; nothing where all is well. `realms` and `servers` (``tls://host:port``) are those that we
    use; `failure` is why its description could not be renewed."""
    used = _unlike(name, described, realms, servers)
    return (*used, *_late(described, failure, expires_at, now))


def _unlike(
    name: str, described: Description, realms: Sequence[str], servers: Sequence[str]
) -> Iterator[str]:
    command, claimed = f"farandole partner change {name}", [each.realm for each in described.realms]
    if added := sorted(set(claimed) - set(realms)):
        yield (
            f"it claims {', '.join(added)}, which it did not before: if that is so, "
            f"`{command} --add-realm …`"
        )
    if removed := sorted(set(realms) - set(claimed)):
        yield (
            f"{', '.join(removed)} leads there, and it does not claim that: "
            f"`{command} --remove-realm …`"
        )
    named = {f"tls://{each.host}:{each.port}" for each in described.servers}
    if extra := sorted(set(servers) - named):
        yield (
            f"it is asked at {', '.join(extra)}, which it does not name: "
            f"`farandole partner remove-server {name} …`"
        )


def _late(
    described: Description, failure: str | None, expires_at: datetime, now: datetime
) -> Iterator[str]:
    if failure is not None:
        yield f"what it says of itself could not be renewed: {failure}"
    if expires_at < now:
        yield (
            f"what it says of itself expired on {expires_at:%Y-%m-%d}: see that its portal answers "
            f"at {described.entity}"
        )
