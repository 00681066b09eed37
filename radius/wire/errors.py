"""What can be wrong with octets that claim to be RADIUS. Each member is a metric label."""

from enum import StrEnum


class Malformation(StrEnum):
    """Why octets are no RADIUS packet (RFC 2865 section 3): discard silently and count."""

    TOO_SHORT = "too_short"
    """Fewer than the 20 octets of a header."""
    TOO_LONG = "too_long"
    """A Length above 4096."""
    BAD_LENGTH = "bad_length"
    """A Length below 20, or above what arrived."""
    UNKNOWN_CODE = "unknown_code"
    """A Code that this server has no use for."""
    BAD_ATTRIBUTE = "bad_attribute"
    """An attribute shorter than its own header, or running past the end of the packet."""


class AuthenticatorFlaw(StrEnum):
    """Why a well-formed packet cannot be trusted: discard silently and count."""

    REQUEST_AUTHENTICATOR = "request_authenticator"
    RESPONSE_AUTHENTICATOR = "response_authenticator"
    MESSAGE_AUTHENTICATOR = "message_authenticator"
    """Present and wrong: nearly always a shared secret that differs."""
    MISSING_MESSAGE_AUTHENTICATOR = "missing_message_authenticator"
    PROXY_STATE_UNSIGNED = "proxy_state_unsigned"
    """Proxy-State without Message-Authenticator, from a client that is not a proxy."""


class MalformedPacket(Exception):
    """Octets that are not a RADIUS packet."""

    def __init__(self, malformation: Malformation) -> None:
        super().__init__(malformation.value)
        self.malformation = malformation


class BadAuthenticator(Exception):
    """A packet whose sender did not prove that it knows the shared secret."""

    def __init__(self, flaw: AuthenticatorFlaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw
