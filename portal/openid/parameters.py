"""The parameters of a request, and what is answered where they are not right: pure."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlencode

# RFC 6749 appendix A.5: what `state` and `code` are written with.
_VISIBLE: Final = re.compile(r"[\x20-\x7e]+")


class Error(StrEnum):
    """Why a request is refused, in the words of RFC 6749 sections 4.1.2.1 and 5.2, and of OpenID
    Connect Core 1.0 section 3.1.2.6."""

    INVALID_REQUEST = "invalid_request"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_SCOPE = "invalid_scope"
    ACCESS_DENIED = "access_denied"
    LOGIN_REQUIRED = "login_required"
    REQUEST_NOT_SUPPORTED = "request_not_supported"
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"
    REGISTRATION_NOT_SUPPORTED = "registration_not_supported"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal, with a sentence for whoever develops the client: ASCII, without quotes.
    ``counted_as`` where the error says less than is known."""

    error: Error
    why: str
    counted_as: str = ""


class Parameters:
    """What was sent once each; what is empty counts as left out (RFC 6749 section 3.1)."""

    def __init__(self, sent: Iterable[tuple[str, object]]) -> None:
        texts = [(name, value) for name, value in sent if isinstance(value, str) and value]
        times = Counter(name for name, _ in texts)
        self.repeated = frozenset(name for name, count in times.items() if count > 1)
        self._values = {name: value for name, value in texts if name not in self.repeated}

    def __contains__(self, name: str) -> bool:
        return name in self._values or name in self.repeated

    def get(self, name: str) -> str | None:
        """Return a parameter; None where it is not there, or there twice."""
        return self._values.get(name)

    def words(self, name: str) -> frozenset[str]:
        """Return the words of a list that is separated by spaces."""
        return frozenset((self.get(name) or "").split())

    def visible(self, name: str, most: int) -> str | None:
        """Return a parameter of visible ASCII; None where it is anything else, or longer."""
        value = self.get(name)
        is_fine = value is not None and len(value) <= most and _VISIBLE.fullmatch(value)
        return value if is_fine else None


def with_query(uri: str, **added: str | None) -> str:
    """Return a URI with parameters added to its query (RFC 6749 section 4.1.2); None is left
    out."""
    query = urlencode({name: value for name, value in added.items() if value is not None})
    return f"{uri}{'&' if '?' in uri else '?'}{query}" if query else uri
