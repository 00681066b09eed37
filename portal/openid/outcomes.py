"""What became of a request: counted, and logged without names where it was refused."""

from enum import StrEnum
from typing import Final

from monitoring import federation_metrics
from portal.openid.parameters import Refused
from portal.parts import Parts


class Endpoint(StrEnum):
    """Where a request came to; a metric label."""

    AUTHORIZE = "authorize"
    TOKEN = "token"
    LOG_OUT = "log_out"


class Unanswerable(StrEnum):
    """Why a request gets a page of ours and no answer: who asks, or where to, is not known. A
    metric label, beside the errors of the standard."""

    UNKNOWN_CLIENT = "unknown_client"
    WRONG_REDIRECT_URI = "wrong_redirect_uri"
    WRONG_HINT = "wrong_hint"


_WHY: Final = {
    Unanswerable.UNKNOWN_CLIENT: "no partner that is active has this client_id",
    Unanswerable.WRONG_REDIRECT_URI: "the redirect_uri is none that the client has declared",
    Unanswerable.WRONG_HINT: "id_token_hint, or where to go from here, is not right",
}
REPLAYED: Final = "replayed_code"
ACCEPTED: Final = "accepted"
_REMEDY: Final = "compare what both sides know of each other: `farandole partner show`"


def count(endpoint: Endpoint, outcome: str) -> None:
    """Count what a request came to, where nobody has done anything wrong."""
    federation_metrics.openid_requests.labels(endpoint.value, outcome).inc()


def refuse(
    parts: Parts, endpoint: Endpoint, refused: Refused | Unanswerable, partner: str | None
) -> None:
    """Count a refusal, and tell the operator of the first of its kind: what a client does wrong, it
    does at each log-in."""
    if isinstance(refused, Refused):
        word, why = refused.counted_as or refused.error.value, refused.why
    else:
        word, why = refused.value, _WHY[refused]
    count(endpoint, word)
    parts.warnings.warn(
        "openid request refused",
        partner or "nobody",
        parts.clock(),
        endpoint=endpoint.value,
        error=word,
        reason=why,
        remedy=_REMEDY,
    )
