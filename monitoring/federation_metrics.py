"""Every metric of what is exchanged with partners. The label `partner` is a short name that staff
chose, `server` where one of its servers is (``udp://192.0.2.7:1812``); never a realm or a person.
"""

import math
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from prometheus_client import Counter, Gauge, Histogram

from monitoring.registry import REGISTRY

_PARTNER: Final = ("partner",)
_LINK: Final = ("visited", "home")
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# Direction -> what an exchange can come to.
OUTCOMES: Final = {
    # Their citizens at our hotspots.
    "out": (
        *("accept", "reject", "challenge", "response"),
        *("timeout", "unreachable", "protocol_error", "suspended", "loop", "refused"),
        "not_found",
    ),
    # Requests of their servers.
    "in": ("accept", "reject", "challenge", "response", "suspended", "loop", "refused"),
}

# Of orders, whichever way they go.
ORDER_OUTCOMES: Final = ("acknowledged", "refused", "unanswered", "suspended")
DISCOVERIES: Final = ("found", "none", "unusable", "loop", "failed", "crowded")

requests = Counter(
    "farandole_federation_requests",
    "Requests exchanged with partners, by direction (out: their citizens at our hotspots; in: from "
    "their servers) and outcome: the answer (accept, reject, challenge, response) or why there was "
    "none of the home's (timeout, unreachable: no server of it is alive, protocol_error: a server "
    "said that it can do nothing, suspended, loop, refused: by the contract, "
    "not_found: DNS has no server for the realm).",
    (*_PARTNER, "direction", "outcome"),
    registry=REGISTRY,
)
seconds = Histogram(
    "farandole_federation_seconds",
    "Seconds that a partner's servers took to answer.",
    _PARTNER,
    buckets=_SECONDS,
    registry=REGISTRY,
)
orders = Counter(
    "farandole_federation_orders",
    "Orders to end or change a session, by direction (out: our citizens at partners' places; in: "
    "partners' citizens at ours) and outcome (acknowledged, refused, suspended, unanswered: it is "
    "given again).",
    (*_PARTNER, "direction", "outcome"),
    registry=REGISTRY,
)
discoveries = Counter(
    "farandole_federation_discoveries",
    "Looks into DNS for the servers of a realm, by what came of them: found; none, where the realm "
    "has none; unusable, at private addresses; loop, where they are ours; failed, where DNS does "
    "not answer; crowded, where too many are looked for.",
    (*_PARTNER, "outcome"),
    registry=REGISTRY,
)
server_up = Gauge(
    "farandole_federation_server_up",
    "1 while a home server of a partner answers, 0 while it does not.",
    (*_PARTNER, "server"),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
accounting_waiting = Gauge(
    "farandole_federation_accounting_waiting",
    "Accounting records of a partner's citizens that their home has not answered yet.",
    _PARTNER,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
accounting_oldest_seconds = Gauge(
    "farandole_federation_accounting_oldest_seconds",
    "Seconds since the oldest of these records was made; 0 where none waits.",
    _PARTNER,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
accounting_given_up = Counter(
    "farandole_federation_accounting_given_up",
    "Accounting records deleted after federation.accounting_days, which their home never took.",
    _PARTNER,
    registry=REGISTRY,
)

described = Gauge(
    "farandole_federation_described_timestamp_seconds",
    "When what a partner that joined by invitation says of itself was last had from it.",
    _PARTNER,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
drift = Gauge(
    "farandole_federation_drift",
    "In how many points a partner that joined by invitation is not as it says of itself; "
    "`farandole partner show` lists them.",
    _PARTNER,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
link_up = Gauge(
    "farandole_federation_link_up",
    "1 where a canary of the member `home` was let in at the places of the member `visited` when "
    "it was last tried, 0 where not. Members by the host of their portal; a partner that only "
    "speaks RADIUS by its short name.",
    _LINK,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
link_seconds = Gauge(
    "farandole_federation_link_seconds",
    "Seconds that this log-in took.",
    _LINK,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
link_checked = Gauge(
    "farandole_federation_link_checked_timestamp_seconds",
    "When it was last tried.",
    _LINK,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
# Way -> how a log-in on our pages, by a partner's citizen, can end.
WEB_OUTCOMES: Final = {
    "openid": ("begun", "accept", "reject", "unreachable", "unusable", "suspended"),
    "radius": ("accept", "reject", "unreachable", "unusable", "suspended"),
}
web_log_ins = Counter(
    "farandole_federation_web_log_ins",
    "Log-ins of partners' citizens on the portal, by way (openid: on the pages of their home, "
    "radius: their home was asked about the password) and outcome (begun: sent to their home, "
    "accept, reject, unreachable, unusable: the home's answer cannot be relied on, suspended).",
    (*_PARTNER, "way", "outcome"),
    registry=REGISTRY,
)
# Endpoint of our OpenID provider -> what a request there can come to, beside "accepted".
OPENID_OUTCOMES: Final = {
    "authorize": (
        *("invalid_request", "unsupported_response_type", "invalid_scope", "access_denied"),
        *("login_required", "request_not_supported", "request_uri_not_supported"),
        *("registration_not_supported", "unknown_client", "wrong_redirect_uri"),
    ),
    "token": (
        *("invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type"),
        "replayed_code",
    ),
    "log_out": ("invalid_request", "wrong_hint"),
}
openid_requests = Counter(
    "farandole_openid_requests",
    "Requests of partners' portals to our OpenID provider, by endpoint (authorize, token, log_out) "
    "and outcome: accepted, an error of the standard, or what kept us from answering them.",
    ("endpoint", "outcome"),
    registry=REGISTRY,
)
for _endpoint, _outcomes in OPENID_OUTCOMES.items():
    for _outcome in ("accepted", *_outcomes):
        openid_requests.labels(endpoint=_endpoint, outcome=_outcome)


def announce_partner(partner: str) -> None:
    """Show a partner's counters at zero, so that its first request is seen as an increase."""
    for direction, outcomes in OUTCOMES.items():
        for outcome in outcomes:
            requests.labels(partner=partner, direction=direction, outcome=outcome)
        for outcome in ORDER_OUTCOMES:
            orders.labels(partner=partner, direction=direction, outcome=outcome)
    accounting_given_up.labels(partner=partner)
    for way, outcomes in WEB_OUTCOMES.items():
        for outcome in outcomes:
            web_log_ins.labels(partner=partner, way=way, outcome=outcome)


def show_link(
    visited: str, home: str, *, is_up: bool | None, seconds: float | None, checked_at: float | None
) -> None:
    """Show how a canary fared; None shows that there is nothing to show. Members by what they are
    told apart by, an entity identifier or a short name."""
    labels = {"visited": _member(visited), "home": _member(home)}
    for gauge, value in ((link_up, is_up), (link_seconds, seconds), (link_checked, checked_at)):
        gauge.labels(**labels).set(math.nan if value is None else value)


def _member(key: str) -> str:
    return urlsplit(key).netloc or key


def announce_discovery(partner: str) -> None:
    """Show the counters of looks into DNS at zero."""
    for outcome in DISCOVERIES:
        discoveries.labels(partner=partner, outcome=outcome)


def forget_partner(partner: str) -> None:
    """Show that nothing waits for a partner that was removed, nor drifts."""
    accounting_waiting.labels(partner=partner).set(0)
    accounting_oldest_seconds.labels(partner=partner).set(0)
    forget_description(partner)


# What is not shown any more is not a number: series cannot be taken away where worker processes
# share them.


def forget_server(partner: str, server: str) -> None:
    """Show no state of a server that is not asked any more: removed, or its partner suspended."""
    server_up.labels(partner=partner, server=server).set(math.nan)


def forget_description(partner: str) -> None:
    """Show nothing of what a partner says of itself: removed, or suspended."""
    _forget(described, lambda labels: labels == {"partner": partner})
    _forget(drift, lambda labels: labels == {"partner": partner})


def forget_links(member: str) -> None:
    """Show no state of any link of a member, which is not tried any more."""
    for gauge in (link_up, link_seconds, link_checked):
        _forget(gauge, lambda labels: _member(member) in labels.values())


def _forget(gauge: Gauge, is_meant: Callable[[dict[str, str]], bool]) -> None:
    for family in gauge.collect():
        for sample in family.samples:
            if is_meant(sample.labels):
                gauge.labels(**sample.labels).set(math.nan)
