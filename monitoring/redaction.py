"""What a log may say of a person, a device or a secret: a keyed hash, or nothing.

Pure. A hash (``mac:3f9a2c01``) stays the same within one installation, so that an operator can
follow one device through the log, and says nothing to who has only the log.
"""

import hmac
import re
from collections.abc import Mapping, MutableMapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final, Literal

WITHHELD: Final = "***"
LONGEST_TEXT: Final = 8192
_DEEPEST: Final = 4
_HASH_DIGITS: Final = 8

# The last word of a field's name is enough for these: user_password, nas_secret.
_SECRET_WORDS: Final = frozenset(
    (
        *("authorization", "cookie", "credential", "passphrase", "passwd", "password", "pwd"),
        *("secret", "ticket", "token"),
    )
)
_IDENTITY_WORDS: Final = frozenset(("citizen", "email", "identity", "mac", "nai", "username"))
_IDENTITY_FIELDS: Final = frozenset(
    (
        *("calling_station_id", "chargeable_user_identity", "client_address", "cui", "device"),
        *("e_mail", "framed_ip_address", "framed_ipv6_address", "identifier", "mail", "name"),
        *("phone", "recipient", "user", "user_name"),
    )
)

_VALUE: Final = r"""(?:b?'(?:\\.|[^'\\])*'|b?"(?:\\.|[^"\\])*"|[^\s,;&)\]}]+)"""
_SENSITIVE: Final = re.compile(
    rf"""
      (?P<keep>     (?<![0-9a-z]) [0-9a-f]{{8}}-[0-9a-f]{{4}}-[47][0-9a-f]{{3}}-[0-9a-f]{{4}}
                    -[0-9a-f]{{12}} (?![0-9a-z]) )                  # a random UUID hides no MAC
    | (?P<userinfo> (?<=://) [^/\s?#]+ @ )                          # postgresql://user:password@
    | (?P<rows>     (?<=\[parameters:) [^\n]+                       # SQLAlchemy
                    | (?<=Key\s\() [^\n]+                           # PostgreSQL
                    | (?<=Failing\srow\scontains\s\() [^\n]+ )
    | (?P<bearer>   \b (?:bearer|basic) \s+ [\w.~+/=-]{{6,}} )
    | (?P<secret>   (?P<secret_name>
                      (?:authorization|cookie|passphrase|passwd|password|pwd|secret|ticket|token)
                      [\w-]{{0,20}} ['"]? \s* (?:=|:(?!/)) \s* ) (?:(?:bearer|basic)\s+)? {_VALUE} )
    | (?P<identity> (?P<identity_name>
                      (?:calling[-_]station[-_]id|chargeable[-_]user[-_]identity|citizen|e-?mail
                         |identity|\bcui|\bmac|\bnai|user[-_]?name|\bidentifier|\buser
                         |\bname(?=['"]\s*:|=))
                      ['"]? \s* [=:] \s* ) (?P<identity_value> {_VALUE} ) )
    | (?P<typed>    “ [^”\n]{{0,255}} ”? )                             # our messages quote input so
    | (?P<bytes>    \b b (?: '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" ) )
    | (?P<mac>      (?<![0-9a-f]) (?: [0-9a-f]{{1,2}} (?:[:-]|%3a|%2d) ){{5,}} [0-9a-f]{{1,2}}
                      (?![0-9a-f])
                    | (?<![0-9a-z]) [0-9a-f]{{4}} (?P<separator>[.-])
                      [0-9a-f]{{4}} (?P=separator) [0-9a-f]{{4}} (?![0-9a-z])
                    | (?<![0-9a-z]) [0-9a-f]{{6}} -? [0-9a-f]{{6}} (?![0-9a-z]) )
    | (?P<hex>      (?<![0-9a-z]) (?:0x)? [0-9a-f]{{24,}} )
    | (?P<nai>      (?<![\w.+~!\#$*^|-]) [\w.+~!\#$*^|-] [\w.+~!\#$*^|'-]{{0,255}}?
                      (?:@|%40) [\w-]+ (?:\.[\w-]+)* )              # an e-mail address, too
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Nothing above can match where this finds nothing: most fields cost no more than this.
_SUSPICIOUS: Final = re.compile(
    r"""[@:=%('"“]|[0-9a-f]{6}|(?:[0-9a-f]{1,4}[.-]){2}|bearer|basic""", re.IGNORECASE
)
# Of a certificate, which shows itself to everybody: people compare it.
_FINGERPRINT_FIELD: Final = "sha256"
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_OCTETS: Final = re.compile(r"[0-9a-f]+", re.IGNORECASE)
_ESCAPED_SEPARATOR: Final = re.compile(r"%3a|%2d", re.IGNORECASE)

# Nobody may end a line, colour the terminal or turn the writing direction through a value.
_CONTROLS: Final = {
    point: f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
    for point in (
        *(*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029),
        *(*range(0x202A, 0x202F), *range(0x2066, 0x206A)),
    )
}
_CONTROLS_IN_TRACEBACK: Final = {
    point: escaped for point, escaped in _CONTROLS.items() if point not in (0x09, 0x0A)
}


class Redactor:
    """Replaces what must not be logged, with hashes under ``key`` (any length, secret)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def hash(self, kind: str, value: str | bytes) -> str:
        """Return ``kind:`` and 8 hex digits that tell one value from another."""
        octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
        digest = hmac.digest(self._key, kind.encode() + b"\0" + octets, "sha256")
        return f"{kind}:{digest.hex()[:_HASH_DIGITS]}"

    def text(self, text: str) -> str:
        """Return ``text`` with whatever has a sensitive shape replaced, on one line."""
        return self._hide(text).translate(_CONTROLS)

    def traceback(self, text: str) -> str:
        """Return a traceback redacted like any text, its lines kept."""
        return self._hide(text).translate(_CONTROLS_IN_TRACEBACK)

    def value(self, name: str, value: object, depth: int = 0) -> object:
        """Return ``value``, field ``name`` of an event, as something JSON can carry."""
        kind = _kind_of_field(name)
        if kind == "secret" or _is_secret(value):
            return WITHHELD
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, bytes | bytearray | memoryview):
            return self.hash("bytes", bytes(value))
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._collection(name, value, depth)
        text = _plain(value)
        if name == _FINGERPRINT_FIELD and _FINGERPRINT.fullmatch(text):
            return text
        return self._identity(text) if kind == "identity" else self.text(text)

    def event(self, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the fields of a log event, each redacted."""
        return {
            name: self.traceback(value)
            if name in ("exception", "stack") and isinstance(value, str)
            else self.value(name, value)
            for name, value in event.items()
        }

    def _hide(self, text: str) -> str:
        if _SUSPICIOUS.search(text):
            text = _SENSITIVE.sub(self._replace, text)
        return _shorten(text)

    def _collection(self, name: str, value: Any, depth: int) -> object:
        if depth == _DEEPEST:
            return self.text(repr(value))
        if isinstance(value, Mapping):
            return {
                str(self.value("", key)): self.value(str(key), item, depth + 1)
                for key, item in value.items()
            }
        return [self.value(name, item, depth + 1) for item in value]

    def _identity(self, text: str) -> str:
        found = _SENSITIVE.fullmatch(text)
        if found and found.lastgroup in ("mac", "nai"):
            return self._replace(found)
        return self.hash("name", text.casefold()) if text else text

    def _replace(self, found: re.Match[str]) -> str:
        kind, text = found.lastgroup or "", found.group()
        match kind:
            case "keep":
                return text
            case "userinfo":
                return f"{WITHHELD}@"
            case "rows" | "bearer":
                return WITHHELD
            case "secret":
                return found["secret_name"] + WITHHELD
            case "identity":
                return found["identity_name"] + self._identity(found["identity_value"].strip("'\""))
            case "mac":
                return self.hash("mac", _mac_digits(text))
            case "nai":
                return self.hash("nai", text.replace("%40", "@").casefold())
        return self.hash(kind, text)


@lru_cache(maxsize=512)
def _kind_of_field(name: str) -> Literal["secret", "identity", "plain"]:
    field = name.lower().replace("-", "_")
    word = field.rpartition("_")[2]
    if word in _SECRET_WORDS:
        return "secret"
    return "identity" if field in _IDENTITY_FIELDS or word in _IDENTITY_WORDS else "plain"


def _is_secret(value: object) -> bool:
    """Return whether the type says of itself that it must not be shown."""
    return hasattr(type(value), "__redacted__") or hasattr(type(value), "get_secret_value")


def _plain(value: object) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g} s"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return str(value)


def _mac_digits(text: str) -> str:
    """Return the twelve digits of a MAC address, however it was written."""
    parts = _OCTETS.findall(_ESCAPED_SEPARATOR.sub(":", text))
    if len(parts) == 7 and int(parts[0], 16) == 1:  # a DHCP client id: hardware type in front
        parts = parts[1:]
    return "".join(part.zfill(2) for part in parts).lower()


def _shorten(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    half = LONGEST_TEXT // 2
    return f"{text[:half]} […] {text[-half:]}"
