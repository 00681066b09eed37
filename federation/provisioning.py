"""What a partner's people have to configure so that we reach each other, ready to paste."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from federation.model import Transport


class Format(StrEnum):
    """Whose configuration."""

    FREERADIUS = "freeradius"
    RADSECPROXY = "radsecproxy"


@dataclass(frozen=True, slots=True)
class Setup:
    """What a partner must know of us. Texts may be words in angle brackets, where only an operator
    knows what belongs there.

    `asked_over`: how we ask the partner for its citizens. `asks_over`: how it asks us for ours;
    None where it does not.
    """

    realms: tuple[str, ...]
    asked_over: frozenset[Transport]
    asks_over: frozenset[Transport]
    # Where our requests come from.
    source: str
    # Where ours are taken, over UDP.
    server: str
    auth_port: int
    acct_port: int
    # The same over TLS; the name is in our certificate, too.
    radsec_name: str
    radsec_port: int
    # What hides and signs our requests, and theirs, over UDP.
    secret: str
    their_secret: str
    # Where orders about its citizens are taken over UDP; None: nowhere.
    coa_port: int | None = None

    @property
    def label(self) -> str:
        """What tells us from others in a configuration that has several of us: a realm of ours."""
        return self.realms[0] if self.realms else self.radsec_name


def configuration(setup: Setup, format: Format) -> str:
    """Return all that has to be set there, as lines of that program's own configuration."""
    return "\n".join(_WRITERS[format](setup)) + "\n"


def _freeradius(setup: Setup) -> Iterator[str]:
    """Everything in one file, which radiusd.conf includes: FreeRADIUS minds no order."""
    file = f"{setup.label}.conf"
    yield f"# FreeRADIUS 3: {file}, and in radiusd.conf the line $INCLUDE {file}"
    if Transport.UDP in setup.asked_over:
        yield from ("", "# Your citizens at our hotspots")
        yield from _block(f"client {setup.label}", _freeradius_client(setup))
    if Transport.TLS in setup.asked_over:
        yield from ("", "# Your citizens at our hotspots")
        yield from _freeradius_listen(setup)
        client = {"ipaddr": setup.source, "proto": "tls", "secret": "radsec", **_ordering(setup)}
        inner = _block(f"client {setup.label}-tls", client)
        yield from (f"clients {setup.label} {{", *(f"\t{line}" for line in inner), "}")
    if _ordering(setup):
        yield from ("", "# To end their sessions there: see sites-available/originate-coa")
        yield from _freeradius_coa(setup)
    if setup.asks_over:
        yield from ("", "# Our citizens at your hotspots")
        yield from _freeradius_home(setup)
        for realm in setup.realms:
            yield from _block(f"realm {realm}", _freeradius_pools(setup), "nostrip")


def _freeradius_client(setup: Setup) -> Mapping[str, str]:
    return {
        "ipaddr": setup.source,
        "secret": f'"{setup.secret}"',
        "require_message_authenticator": "yes",
        **_ordering(setup),
    }


def _ordering(setup: Setup) -> Mapping[str, str]:
    """Which server takes orders about whom we tell of, if any does: FreeRADIUS 3.2 has no second
    home server at the port of RADIUS over TLS."""
    is_taken = setup.coa_port is not None and Transport.UDP in setup.asks_over
    return {"coa_server": f"{setup.label}-coa"} if is_taken else {}


def _freeradius_coa(setup: Setup) -> Iterator[str]:
    where = {"ipaddr": setup.server, "port": str(setup.coa_port)}
    server = {"type": "coa"} | where | {"secret": f'"{setup.their_secret}"'}
    yield from _block(f"home_server {setup.label}-coa", server)


def _freeradius_home(setup: Setup) -> Iterator[str]:
    # Probed with Status-Server (RFC 5997), which needs no citizen.
    probed = {"response_window": "10", "status_check": "status-server"}
    if Transport.TLS in setup.asks_over:
        where = {"ipaddr": setup.radsec_name, "port": str(setup.radsec_port), "proto": "tcp"}
        server = {"type": "auth+acct"} | where | {"secret": "radsec"} | probed
        block = list(_block(f"home_server {setup.label}", server))
        yield from [*block[:-1], *_freeradius_tls(setup), "}"]
        yield from _block(f"home_server_pool {setup.label}", _pool(setup.label))
        return
    for kind, port in (("auth", setup.auth_port), ("acct", setup.acct_port)):
        where = {"type": kind, "ipaddr": setup.server, "port": str(port)}
        server = where | {"secret": f'"{setup.their_secret}"'} | probed
        name = f"{setup.label}-{kind}"
        yield from _block(f"home_server {name}", server)
        yield from _block(f"home_server_pool {name}", _pool(name))


def _freeradius_pools(setup: Setup) -> Mapping[str, str]:
    if Transport.TLS in setup.asks_over:
        return {"pool": setup.label}
    return {"auth_pool": f"{setup.label}-auth", "acct_pool": f"{setup.label}-acct"}


def _pool(server: str) -> Mapping[str, str]:
    return {"type": "fail-over", "home_server": server}


def _freeradius_listen(setup: Setup) -> Iterator[str]:
    listen = {"type": "auth+acct", "ipaddr": "*", "port": "2083", "proto": "tcp"}
    served = {"virtual_server": "default", "clients": setup.label}
    tls = _freeradius_tls(setup, ("require_client_cert", "yes"))
    yield from [*list(_block("listen", listen | served))[:-1], *tls, "}"]


def _freeradius_tls(setup: Setup, *more: tuple[str, str]) -> Iterator[str]:
    settings = {
        "certificate_file": "${certdir}/radsec.pem",
        "private_key_file": "${certdir}/radsec.key",
        "ca_file": f"${{certdir}}/{setup.label}-ca.pem",
        # Our root signs for others, too: for devices, and for NAS. A longer name is no subject.
        **({"check_cert_cn": setup.radsec_name} if len(setup.radsec_name) <= 64 else {}),
        "tls_min_version": '"1.2"',
        "tls_max_version": '"1.3"',
        "fragment_size": "8192",
    }
    yield from (f"\t{line}" for line in _block("tls", settings | dict(more)))


def _block(title: str, settings: Mapping[str, str], *words: str) -> Iterator[str]:
    yield f"{title} {{"
    yield from (f"\t{name} = {value}" for name, value in settings.items())
    yield from (f"\t{word}" for word in words)
    yield "}"


def _radsecproxy(setup: Setup) -> Iterator[str]:
    yield "# radsecproxy: radsecproxy.conf"
    if Transport.TLS in setup.asked_over | setup.asks_over:
        yield from _section(f"tls {setup.label}", _radsecproxy_tls(setup))
    if setup.asked_over:
        yield from ("", "# Your citizens at our hotspots")
    for transport in sorted(setup.asked_over):
        client = {"host": setup.source, "type": transport.value}
        proof = _radsecproxy_proof(setup, setup.secret)[transport]
        yield from _section(f"client {setup.label}-{transport}", {**client, **proof})
    if setup.asks_over:
        yield from ("", "# Our citizens at your hotspots")
        servers = dict(_radsecproxy_servers(setup))
        for name, server in servers.items():
            yield from _section(f"server {name}", server)
        first, last = next(iter(servers)), next(reversed(servers))
        for realm in setup.realms:
            yield from _section(f"realm {realm}", {"server": first, "accountingServer": last})


def _radsecproxy_proof(setup: Setup, secret: str) -> Mapping[Transport, Mapping[str, str]]:
    """What proves us there, by transport."""
    name = setup.radsec_name.replace(".", "\\.")
    return {
        Transport.UDP: {"secret": f'"{secret}"'},
        Transport.TLS: {
            "secret": "radsec",
            "tls": setup.label,
            # We connect from an address, not from our name.
            "certificateNameCheck": "off",
            "matchCertificateAttribute": f"SubjectAltName:DNS:/^{name}$/",
        },
    }


def _radsecproxy_servers(setup: Setup) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The servers that we are there, by name: for log-ins first, for accounting last."""
    if Transport.TLS in setup.asks_over:
        servers = [(setup.label, setup.radsec_name, setup.radsec_port)]
        over = Transport.TLS
    else:
        ports = (("auth", setup.auth_port), ("acct", setup.acct_port))
        servers = [(f"{setup.label}-{kind}", setup.server, port) for kind, port in ports]
        over = Transport.UDP
    proof = _radsecproxy_proof(setup, setup.their_secret)[over]
    for name, host, port in servers:
        where = {"host": host, "port": str(port), "type": over.value, "statusServer": "on"}
        yield name, {**where, **proof}


def _radsecproxy_tls(setup: Setup) -> Mapping[str, str]:
    return {
        "caCertificateFile": f"/etc/radsecproxy/{setup.label}-ca.pem",
        "certificateFile": "/etc/radsecproxy/radsec.pem",
        "certificateKeyFile": "/etc/radsecproxy/radsec.key",
    }


def _section(title: str, settings: Mapping[str, str]) -> Iterator[str]:
    yield f"{title} {{"
    yield from (f"\t{name} {value}" for name, value in settings.items())
    yield "}"


_WRITERS: Final[Mapping[Format, Callable[[Setup], Iterator[str]]]] = {
    Format.FREERADIUS: _freeradius,
    Format.RADSECPROXY: _radsecproxy,
}
