"""Fast, typed answers to what goes no further: never silence (RFC 2865 section 4.3)."""

from typing import Final

from aaa.policy import DenyReason
from monitoring import metrics
from radius.handlers.reply import ReplyBuilder
from radius.request import Reply, Request

# RFC 5176 section 3.5; RFC 9765 section 4.5 has it in Access-Reject. What is a citizen's affair,
# and no proxy's, has none.
_CAUSES: Final = {
    DenyReason.UNKNOWN_REALM: "Request-Not-Routable",
    DenyReason.ROUTING_LOOP: "Request-Not-Routable",
    DenyReason.PARTNER_SUSPENDED: "Request-Not-Routable",
    DenyReason.HOME_UNREACHABLE: "Other-Proxy-Processing-Error",
}


class Refusals:
    """Refuses Access-Requests, each counted."""

    def __init__(self, replies: ReplyBuilder) -> None:
        self._replies = replies

    def refuse(self, request: Request, reason: DenyReason) -> Reply:
        """Return the Access-Reject: an end to EAP where there is any, and where the way was at
        fault its Error-Cause. It is held back by nothing, since nothing was guessed."""
        cause = _CAUSES.get(reason)
        named = (("Error-Cause", cause),) if cause else ()
        metrics.denials.labels(request.hotspot.collectivity.slug, reason.value, "radius").inc()
        return Reply(self._replies.reject(request, reason, *named), reason=reason)
