"""Types of settings: what each refuses says how to write it right."""

import re
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field


def _address(value: str) -> str:
    try:
        ip_address(value)
    except ValueError:
        raise ValueError(
            "not an IP address; write 0.0.0.0, ::, 127.0.0.1 or one of yours"
        ) from None
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("not the address of a site; write https://wifi.example.org")
    return value.rstrip("/")


def _database_url(value: str) -> str:
    scheme = value.partition(":")[0]
    if value and scheme not in {"sqlite", "postgresql"}:
        raise ValueError(
            "not a database we know; write sqlite:///path/to/farandole.db "
            "or postgresql://user@host/database"
        )
    return value


def _mail_url(value: str) -> str:
    if value and urlsplit(value).scheme not in {"smtp", "smtps"}:
        raise ValueError("not a mail server; write smtp://user:password@host:587 or smtps://…:465")
    return value


def _ssid(value: str) -> str:
    if not 1 <= len(value.encode()) <= 32:
        raise ValueError("not a network name; an SSID has 1 to 32 octets")
    return value


def _roaming_consortiums(value: str) -> str:
    for identifier in value.split(","):
        if identifier.strip() and not re.fullmatch(
            r"[0-9A-Fa-f]{6}|[0-9A-Fa-f]{10}", identifier.strip()
        ):
            raise ValueError(
                "not roaming consortium identifiers; write 6 or 10 hexadecimal digits each, "
                "separated by commas: 5A03BA0000,004096"
            )
    return value


def _server_name(value: str) -> str:
    if value and not re.fullmatch(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]+", value):
        raise ValueError("not a name of a server; write one of yours, like radius.wifi.example.org")
    return value


def _servers(value: str) -> str:
    for server in value.split(","):
        try:
            parts = urlsplit(f"//{server.strip()}")
            is_server = not server.strip() or bool(parts.hostname and not parts.path and parts.port)
        except ValueError:
            is_server = False
        if not is_server:
            raise ValueError("not servers; write radius.wifi.example.org:2083, more after commas")
    return value


def _resolvers(value: str) -> str:
    for server in value.split(","):
        try:
            parts = urlsplit(f"//{server.strip()}")
            is_server = not server.strip() or not (parts.path or parts.port == 0)
            ip_address(parts.hostname or "127.0.0.1")
        except ValueError:
            is_server = False
        if not is_server:
            raise ValueError("not DNS servers; write 192.0.2.53 or [2001:db8::53]:5353")
    return value


def _source_address(value: str) -> str:
    return _address(value) if value else value


def _radsec_versions(value: str) -> str:
    versions = sorted({version.strip() for version in value.split(",")})
    if not set(versions) <= {"1.0", "1.1"}:
        raise ValueError('not versions of RADIUS over TLS; write "1.0", "1.1" or both: "1.0,1.1"')
    return ",".join(versions)


Address = Annotated[str, AfterValidator(_address)]
SourceAddress = Annotated[str, AfterValidator(_source_address)]
Port = Annotated[int, Field(ge=0, le=65535)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
MailUrl = Annotated[str, AfterValidator(_mail_url)]
Ssid = Annotated[str, AfterValidator(_ssid)]
RoamingConsortiums = Annotated[str, AfterValidator(_roaming_consortiums)]
ServerName = Annotated[str, AfterValidator(_server_name)]
Servers = Annotated[str, AfterValidator(_servers)]
Resolvers = Annotated[str, AfterValidator(_resolvers)]
RadsecVersions = Annotated[str, AfterValidator(_radsec_versions)]
