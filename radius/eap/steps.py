"""What a conversation returns: something to send, a question, or its end; and what answers it.

The identities in questions are whole NAIs (RFC 7542): a bare inner name has taken the realm of the
outer identity, and one that names another realm has ended the conversation before it was asked.
"""

from dataclasses import dataclass, field
from enum import StrEnum


class Proof(StrEnum):
    """How a supplicant proves itself, inside which method; a metric label and a log field."""

    TLS = "tls"
    TTLS_PAP = "ttls-pap"
    TTLS_CHAP = "ttls-chap"
    TTLS_MSCHAPV2 = "ttls-mschapv2"
    TTLS_EAP_MSCHAPV2 = "ttls-eap-mschapv2"
    TTLS_EAP_GTC = "ttls-eap-gtc"
    PEAP_MSCHAPV2 = "peap-mschapv2"
    PEAP_GTC = "peap-gtc"


class Failure(StrEnum):
    """Why a conversation ended without success; a metric label and a log field."""

    CREDENTIAL_REFUSED = "credential_refused"
    """An answer said no; who answered knows why."""
    NO_COMMON_METHOD = "no_common_method"
    REALM_MISMATCH = "realm_mismatch"
    BAD_IDENTITY = "bad_identity"
    TLS_FAILED = "tls_failed"
    CERTIFICATE_EXPIRED = "certificate_expired"
    CERTIFICATE_UNTRUSTED = "certificate_untrusted"
    SUPPLICANT_REFUSED = "supplicant_refused"
    """The supplicant sent a TLS alert or gave up: most often it does not trust our certificate."""
    MALFORMED = "malformed"
    TOO_LONG = "too_long"
    TOO_MANY_ROUNDS = "too_many_rounds"


class Ignored(StrEnum):
    """Why a packet changed nothing (RFC 3748 section 4.1); a metric label."""

    MALFORMED = "malformed"
    NOT_A_RESPONSE = "not_a_response"
    WRONG_IDENTIFIER = "wrong_identifier"
    WRONG_TYPE = "wrong_type"
    OUT_OF_TURN = "out_of_turn"
    """Another response came before, which is not answered yet."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """Send this EAP-Request."""

    eap: bytes


@dataclass(frozen=True, slots=True)
class Discard:
    """Nothing happened: repeat `eap`, the request that still waits for its response."""

    eap: bytes
    reason: Ignored


@dataclass(frozen=True, slots=True)
class AskPassword:
    """Is this password right? Answer with Right or Wrong."""

    identity: str
    password: bytes = field(repr=False)
    proof: Proof


@dataclass(frozen=True, slots=True)
class AskSecrets:
    """Which secrets may prove this identity by a challenge? Answer with Secrets."""

    identity: str
    proof: Proof


@dataclass(frozen=True, slots=True)
class AskCertificate:
    """Whose is this certificate, and is it revoked? Its chain and dates have been verified.
    `certificate` is DER. Answer with Right or Wrong."""

    identity: str
    """The outer identity; the certificate says who it is."""
    certificate: bytes = field(repr=False)
    proof: Proof = Proof.TLS


Question = AskPassword | AskSecrets | AskCertificate


@dataclass(frozen=True, slots=True)
class Right:
    """The credential is right; `credential` is what the asker's world knows it by."""

    credential: int


@dataclass(frozen=True, slots=True)
class Wrong:
    """It is not, or may not be used."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A secret in clear that may have answered a challenge."""

    credential: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an identity has; empty where there is no such identity, which looks the same."""

    candidates: tuple[Candidate, ...]


Answer = Right | Wrong | Secrets


@dataclass(frozen=True, slots=True)
class Accept:
    """The supplicant has proven itself. `eap` is the EAP-Success, `msk` the 64 octets whose first
    half is MS-MPPE-Recv-Key and second MS-MPPE-Send-Key (RFC 3748 section 7.10, RFC 2548)."""

    eap: bytes
    identity: str
    credential: int
    proof: Proof
    msk: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fail:
    """The conversation is over; `eap` is the EAP-Failure."""

    eap: bytes
    reason: Failure


Step = Challenge | Discard | AskPassword | AskSecrets | AskCertificate | Accept | Fail
