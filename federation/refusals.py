"""Fast, typed answers to what goes no further: never silence (RFC 2865 section 4.3)."""

from typing import Final

from aaa.policy import DenyReason
from monitoring import metrics
from radius.handlers.reply import ReplyBuilder
from radius.request import Reply, Request

# RFC 5176 section 3.5; RFC 9765 section 7.2 has it in Access-Reject. What is a citizen's affair,
# and no proxy's, has none.
_CAUSES: Final = {
    DenyReason.UNKNOWN_REALM: "Request-Not-Routable",
    DenyReason.ROUTING_LOOP: "Request-Not-Routable",
    DenyReason.PARTNER_SUSPENDED: "Request-Not-Routable",
    DenyReason.HOME_UNREACHABLE: "Other-Proxy-Processing-Error",
}


# Of these, another server may know better. Nobody knows of a realm that is nobody's.
_OF_THE_WAY: Final = frozenset(
    (DenyReason.ROUTING_LOOP, DenyReason.PARTNER_SUSPENDED, DenyReason.HOME_UNREACHABLE)
)


class Refusals:
    """Refuses Access-Requests, each counted."""

    def __init__(self, replies: ReplyBuilder) -> None:
        self._replies = replies

    def refuse(self, request: Request, reason: DenyReason, error_cause: int | None = None) -> Reply:
        """Return the Access-Reject: an end to EAP where there is any, and where the way was at
        fault its Error-Cause, or `error_cause` where a server on the way said one. It is held back
        by nothing, since nothing was guessed."""
        cause = error_cause or _CAUSES.get(reason)
        named = (("Error-Cause", cause),) if cause else ()
        metrics.denials.labels(request.hotspot.collectivity.slug, reason.value, "radius").inc()
        packet = self._replies.reject(request, reason, *named)
        return Reply(packet, reason=reason, way_error=cause if reason in _OF_THE_WAY else None)
