"""Every metric of the service, declared once with its help text and labels; those of partners
are in ``federation_metrics``.

Labels are closed lists or slugs that staff chose (collectivity, hotspot), never a citizen, a MAC
address or free text: a label value stays in Prometheus for as long as it keeps data.

Counters of several worker processes are added up; each gauge says below how its copies are merged.
"""

from functools import lru_cache
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from monitoring.registry import REGISTRY

_PLACE: Final = ("collectivity", "hotspot")
_RADIUS_SECONDS: Final = (
    *(0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_SLOW_SECONDS: Final = (
    *(0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_GROUP_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

build_info = Gauge(
    "farandole_build_info",
    "Always 1; the label tells the version that runs.",
    ("version",),
    registry=REGISTRY,
    multiprocess_mode="livemax",
)

# RADIUS

radius_requests = Counter(
    "farandole_radius_requests",
    "RADIUS requests answered, by code (Access-Request), outcome (accept, reject, challenge, nak, "
    "response), reason of a denial (empty otherwise) and vendor of the NAS.",
    ("code", "outcome", "reason", "vendor"),
    registry=REGISTRY,
)
radius_request_seconds = Histogram(
    "farandole_radius_request_seconds",
    "Seconds from a RADIUS request's arrival to its answer, by code.",
    ("code",),
    buckets=_RADIUS_SECONDS,
    registry=REGISTRY,
)
radius_drops = Counter(
    "farandole_radius_drops",
    "RADIUS packets left without an answer, by reason.",
    ("reason",),
    registry=REGISTRY,
)
radius_duplicates = Counter(
    "farandole_radius_duplicates",
    "Repeated RADIUS requests: resent (answered with the same bytes) or in_progress (ignored).",
    ("outcome",),
    registry=REGISTRY,
)
radius_in_progress = Gauge(
    "farandole_radius_in_progress",
    "RADIUS requests received and not answered yet.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)

radsec_connections = Gauge(
    "farandole_radsec_connections",
    "Connections of RADIUS over TLS, by direction (in: clients at our port, out: to servers of "
    "partners) and the version of RADIUS that is spoken (1.0, 1.1).",
    ("direction", "version"),
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
radsec_refusals = Counter(
    "farandole_radsec_refusals",
    "Connections of RADIUS over TLS that were refused or broken off by us, by direction and reason "
    "(untrusted_certificate, wrong_name, expired_certificate, bad_framing, ...).",
    ("direction", "reason"),
    registry=REGISTRY,
)

# EAP

# The words of radius.eap.steps, which this room may not ask. A share of all that ended is none
# while one of the two counters is not there.
EAP_PROOFS: Final = (
    *("tls", "ttls-pap", "ttls-chap", "ttls-mschapv2", "ttls-eap-mschapv2", "ttls-eap-gtc"),
    *("peap-mschapv2", "peap-gtc"),
)
EAP_FAILURES: Final = (
    *("credential_refused", "no_common_method", "realm_mismatch", "bad_identity", "tls_failed"),
    *("certificate_expired", "certificate_untrusted", "supplicant_refused", "malformed"),
    *("too_long", "too_many_rounds"),
)

eap_under_way = Gauge(
    "farandole_eap_under_way",
    "EAP conversations that wait for their supplicant.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
eap_conversations = Counter(
    "farandole_eap_conversations",
    "EAP conversations in which the supplicant proved itself, by how (tls, ttls-pap, ttls-chap, "
    "ttls-mschapv2, ttls-eap-mschapv2, ttls-eap-gtc, peap-mschapv2, peap-gtc); who may not connect "
    "all the same is in farandole_denials.",
    ("proof",),
    registry=REGISTRY,
)
eap_failures = Counter(
    "farandole_eap_failures",
    "EAP conversations that ended in failure, by reason (supplicant_refused: it does not trust "
    "our certificate; credential_refused: see farandole_denials).",
    ("reason",),
    registry=REGISTRY,
)
eap_ignored = Counter(
    "farandole_eap_ignored",
    "EAP packets that were no answer to what was asked, by reason; the request was repeated.",
    ("reason",),
    registry=REGISTRY,
)
eap_abandoned = Counter(
    "farandole_eap_abandoned",
    "EAP conversations whose supplicant did not come back in time: out of range, or it refused our "
    "certificate without a word.",
    registry=REGISTRY,
)
eap_crowded_out = Counter(
    "farandole_eap_crowded_out",
    "Unfinished EAP conversations that were forgotten for others, the oldest first.",
    registry=REGISTRY,
)

# NAS

nas_known = Gauge(
    "farandole_nas_known",
    "NAS registered.",
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
nas_silent = Gauge(
    "farandole_nas_silent",
    "NAS registered that have sent nothing for a day.",
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
nas_message_authenticator = Gauge(
    "farandole_nas_message_authenticator",
    "NAS by the rule for their Message-Authenticator (learn, required, optional), or regressed "
    "(sent it before, does not any more).",
    ("state",),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
nas_message_authenticator_regressions = Counter(
    "farandole_nas_message_authenticator_regressions",
    "Times a NAS that used to send Message-Authenticator stopped, by vendor.",
    ("vendor",),
    registry=REGISTRY,
)
dynamic_authorization = Counter(
    "farandole_dynamic_authorization",
    "Orders to a NAS, by kind (disconnect, coa), outcome (acknowledged, refused, unanswered, "
    "retried, needless: the session had ended and nothing was sent) and vendor.",
    ("kind", "outcome", "vendor"),
    registry=REGISTRY,
)
dynamic_authorization_pending = Gauge(
    "farandole_dynamic_authorization_pending",
    "Orders to a NAS that wait to be sent or answered.",
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)

# Accounting and sessions

accounting_events = Counter(
    "farandole_accounting_events",
    "Accounting records stored, by kind (start, interim, stop, on, off) and outcome (applied, "
    "repeated, late).",
    ("kind", "outcome"),
    registry=REGISTRY,
)
accounting_group_size = Histogram(
    "farandole_accounting_group_size",
    "Accounting records made durable together, in one transaction.",
    buckets=_GROUP_SIZES,
    registry=REGISTRY,
)
sessions_open = Gauge(
    "farandole_sessions_open",
    "Sessions open now: people online.",
    _PLACE,
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)
sessions_started = Counter(
    "farandole_sessions_started",
    "Sessions begun.",
    _PLACE,
    registry=REGISTRY,
)
session_octets = Counter(
    "farandole_session_octets",
    "Octets carried, by direction as the citizen sees it (download, upload).",
    (*_PLACE, "direction"),
    registry=REGISTRY,
)
session_seconds = Counter(
    "farandole_session_seconds",
    "Seconds that citizens were online, added up over all sessions.",
    _PLACE,
    registry=REGISTRY,
)

# Citizens

sign_ups = Counter(
    "farandole_sign_ups",
    "Sign-ups, by step reached (requested, verified, completed).",
    ("collectivity", "step"),
    registry=REGISTRY,
)
log_ins = Counter(
    "farandole_log_ins",
    "Log-ins, by method (password, email_code, ticket, device, wifi_secret, certificate; openid: a "
    "citizen of ours at a partner's; of partners' citizens here, partner: their home decided, "
    "home_page and home_password: it vouched for them on the portal) and outcome (accept, reject).",
    ("collectivity", "method", "outcome"),
    registry=REGISTRY,
)
denials = Counter(
    "farandole_denials",
    "People refused, by reason and by where they learnt it (portal, radius).",
    ("collectivity", "reason", "where"),
    registry=REGISTRY,
)

# Certificates

certificate_expires = Gauge(
    "farandole_certificate_expires_timestamp_seconds",
    "When a certificate of the service expires, in seconds since 1970, by certificate: server "
    "(what RADIUS shows to supplicants), authority (the root that signed it), radsec (what is "
    "shown over TLS).",
    ("certificate",),
    registry=REGISTRY,
    multiprocess_mode="mostrecent",
)

# Portal

portal_requests = Counter(
    "farandole_portal_requests",
    "HTTP requests answered, by route (its template, never the address typed) and status.",
    ("route", "status"),
    registry=REGISTRY,
)
portal_request_seconds = Histogram(
    "farandole_portal_request_seconds",
    "Seconds to answer an HTTP request, by route.",
    ("route",),
    buckets=_SLOW_SECONDS,
    registry=REGISTRY,
)
redirects_refused = Counter(
    "farandole_redirects_refused",
    "Redirects from a NAS that were not believed, by what is wrong with them (incomplete, "
    "wrong_checksum, missing_checksum, foreign_host) and vendor of the NAS.",
    ("flaw", "vendor"),
    registry=REGISTRY,
)
throttled = Counter(
    "farandole_throttled",
    "Attempts turned away because there were too many, by what was attempted.",
    ("what",),
    registry=REGISTRY,
)
mail = Counter(
    "farandole_mail",
    "E-mails handed to the mail server, by outcome (sent, failed).",
    ("outcome",),
    registry=REGISTRY,
)

profiles = Counter(
    "farandole_profiles",
    "Profiles for the secure network downloaded, by format (mobileconfig, android, windows, ...).",
    ("format",),
    registry=REGISTRY,
)

# Housekeeping

housekeeping = Counter(
    "farandole_housekeeping",
    "Rounds of housekeeping, by task and outcome (done, failed).",
    ("task", "outcome"),
    registry=REGISTRY,
)

# Logging

log_lines_lost = Counter(
    "farandole_log_lines_lost",
    "Lines of the log that could not be written: the disk is full, or nobody reads any more.",
    registry=REGISTRY,
)

# Database

database_seconds = Histogram(
    "farandole_database_seconds",
    "Seconds that a database operation took.",
    ("operation",),
    buckets=_SLOW_SECONDS,
    registry=REGISTRY,
)
database_errors = Counter(
    "farandole_database_errors",
    "Database operations that failed, by kind (unavailable, locked, timeout, other).",
    ("kind",),
    registry=REGISTRY,
)
database_up = Gauge(
    "farandole_database_up",
    "1 while the database answers, 0 while it does not.",
    registry=REGISTRY,
    multiprocess_mode="livemostrecent",
)


@lru_cache(maxsize=4096)
def _answered(code: str, outcome: str, reason: str, vendor: str) -> Counter:
    return radius_requests.labels(code=code, outcome=outcome, reason=reason, vendor=vendor)


@lru_cache(maxsize=64)
def _latency(code: str) -> Histogram:
    return radius_request_seconds.labels(code=code)


def count_radius_exchange(
    code: str, outcome: str, vendor: str, seconds: float, *, reason: str = ""
) -> None:
    """Count one answered RADIUS request and the ``seconds`` it took.

    ``code`` is the request's ("Access-Request"), ``reason`` why it was denied. Children are
    looked up in a cache: this runs once per packet.
    """
    _answered(code, outcome, reason, vendor).inc()
    _latency(code).observe(seconds)


def announce_hotspot(collectivity: str, hotspot: str) -> None:
    """Show a hotspot's counters at zero, so that its first session is seen as an increase.

    Prometheus cannot tell a counter that appears at 1 from one that was 1 all along.
    """
    sessions_started.labels(collectivity=collectivity, hotspot=hotspot)
    session_seconds.labels(collectivity=collectivity, hotspot=hotspot)
    for direction in ("download", "upload"):
        session_octets.labels(collectivity=collectivity, hotspot=hotspot, direction=direction)
    for step in ("requested", "verified", "completed"):
        sign_ups.labels(collectivity=collectivity, step=step)


def _announce_outcomes() -> None:
    """Show the counters whose labels are known beforehand at zero."""
    for outcome in ("sent", "failed"):
        mail.labels(outcome=outcome)
    for kind in ("unavailable", "locked", "timeout", "other"):
        database_errors.labels(kind=kind)
    for outcome in ("resent", "in_progress"):
        radius_duplicates.labels(outcome=outcome)
    for reason in ("wrong_secret", "unknown_nas", "message_authenticator_missing"):
        radius_drops.labels(reason=reason)
    for kind in ("start", "interim", "stop", "on", "off"):
        accounting_events.labels(kind=kind, outcome="applied")
    for proof in EAP_PROOFS:
        eap_conversations.labels(proof=proof)
    for reason in EAP_FAILURES:
        eap_failures.labels(reason=reason)


_announce_outcomes()
