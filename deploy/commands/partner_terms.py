"""What an operator says of a partner's servers, read: where they are, how they prove themselves."""

import re
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from aaa import access_points
from aaa.errors import Invalid
from aaa.secret import Secret
from aaa.snapshot import RadsecPeerEntry
from deploy.commands import files
from federation.model import Transport
from federation.partners import NewServer
from federation.stand_ins import Sender
from radius.certificates import ANY_NAME

_PORTS: Final = {Transport.UDP: 1812, Transport.TLS: 2083}
_MOST_CERTIFICATE_OCTETS: Final = 65_536
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_OID: Final = re.compile(r"[0-2](\.(0|[1-9][0-9]{0,17})){1,30}")
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Shared:
    """A shared secret; `is_made` here rather than given, so that it has to be shown once."""

    value: Secret
    is_made: bool

    @property
    def text(self) -> str:
        """As it is shown: in clear where it was made here, else not at all."""
        return self.value.reveal().decode() if self.is_made else "<as in your file>"


@dataclass(frozen=True, slots=True)
class Proof:
    """What a certificate over TLS must be: of a name, signed by one of some anchors (DER), or of a
    fingerprint; and of a policy, if one is given."""

    anchors: tuple[bytes, ...]
    name: str | None
    fingerprint: str | None
    policy: str | None = None


def read_shared(file: str | None) -> Shared:
    """Return the secret of a file, or a new one. Raises Invalid."""
    if file is not None:
        return Shared(files.read_secret(file), is_made=False)
    return Shared(access_points.new_secret(), is_made=True)


def read_proof(anchor: str | None, name: str | None, fingerprint: str | None) -> Proof:
    """Return what a certificate must be, the anchors read from their file. Raises Invalid."""
    return Proof(
        anchors=read_roots(anchor) if anchor else (),
        name=_check_host(name) if name else None,
        fingerprint=_check_fingerprint(fingerprint) if fingerprint else None,
    )


def read_origin(
    anchor: str | None, name: str | None, fingerprint: str | None, policy: str | None
) -> Proof:
    """Return what a certificate must be that somebody connects with, whose name may be `*.suffix`,
    for any label there, or `*`, for any name. Raises Invalid."""
    pattern = _check_pattern(name) if name else None
    proof = replace(read_proof(anchor, None, fingerprint), name=pattern)
    if policy is not None and pattern is None:
        raise Invalid(
            "a policy is one of many certificates: say which names, --from-certificate-name '*'"
        )
    return replace(proof, policy=check_policy(policy) if policy else None)


def check_policy(text: str) -> str:
    """Return a certificate policy, a dotted object identifier. Raises Invalid."""
    try:
        if _OID.fullmatch(text.strip()):
            return x509.ObjectIdentifier(text.strip()).dotted_string
    except ValueError:
        pass
    raise Invalid(f"“{text}” is no policy: write an object identifier, 1.3.6.1.4.1.25178.3.1.1")


def _check_pattern(text: str) -> str:
    """Return a name, `*.suffix` or `*`, folded. Raises Invalid."""
    if text.strip() == ANY_NAME:
        return ANY_NAME
    below = text.strip().removeprefix("*.")
    return _check_host(text) if below == text.strip() else f"*.{_check_host(below)}"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where else than usual a server takes what is no log-in; accounting, over UDP only."""

    accounting: int | None = None
    coa: int | None = None


def read_home(
    url: str, shared: Shared | None, proof: Proof, ports: Ports, priority: int
) -> NewServer:
    """Return the server of ``udp://host[:port]`` or ``tls://host[:port]``. Raises Invalid.

    Accounting over UDP goes to the port after the one for log-ins, unless told otherwise; over
    TLS everything goes to one. A server that is named by its host shows that name.
    """
    transport, host, port = _split(url)
    if transport is Transport.UDP:
        secret = shared.value if shared else None
        acct_port = ports.accounting or port + 1
        return NewServer(transport, host, port, acct_port, priority, secret, coa_port=ports.coa)
    if ports.accounting is not None:
        raise Invalid(f"{url} takes accounting at the same port: leave --accounting-port out")
    name = proof.name or (None if proof.fingerprint or _is_address(host) else host)
    return NewServer(
        transport,
        host,
        port,
        port,
        priority,
        anchor=b"".join(proof.anchors) or None,
        certificate_name=name,
        fingerprint=proof.fingerprint,
        coa_port=ports.coa,
    )


def is_udp(url: str) -> bool:
    """Whether a URL is one of RADIUS over UDP. Raises Invalid where it is none at all."""
    return _split(url)[0] is Transport.UDP


def read_address(text: str) -> str:
    """Return a server's address as lists show it, its port filled in. Raises Invalid."""
    transport, host, port = _split(text)
    return NewServer(transport, host, port, port).address


def read_sender(network: str | None, shared: Shared | None, proof: Proof) -> Sender | None:
    """Return where requests come from and how they prove themselves; None where nothing was said.

    Raises Invalid where half was.
    """
    peers: tuple[RadsecPeerEntry, ...] = ()
    if proof.fingerprint is not None:
        peers = (RadsecPeerEntry(None, None, proof.fingerprint),)
    elif proof.name is not None:
        if not proof.anchors:
            raise Invalid(
                f"the name {proof.name} proves nothing without the root that signs for it: "
                "give that root too, --from-anchor FILE or --anchor FILE"
            )
        peers = tuple(
            RadsecPeerEntry(anchor, proof.name, None, proof.policy) for anchor in proof.anchors
        )
    if network is None and not peers:
        return None
    return Sender(network, shared.value if shared and network else None, peers)


def _split(url: str) -> tuple[Transport, str, int]:
    wrong = Invalid(f"“{url}” is no server: write udp://HOST[:PORT] or tls://HOST[:PORT]")
    try:
        parts = urlsplit(url)
        transport, port = Transport(parts.scheme), parts.port
    except ValueError:
        raise wrong from None
    if not parts.hostname or port == 0 or parts.path.strip("/") or parts.query or parts.username:
        raise wrong
    return transport, _check_host(parts.hostname), port or _PORTS[transport]


def _check_host(text: str) -> str:
    """Return an address or a host's name, folded to ASCII; raise Invalid where it is neither."""
    if _is_address(text):
        return str(ip_address(text))
    try:
        name = text.casefold().rstrip(".").encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not all(map(_LABEL.fullmatch, name.split("."))):
        raise Invalid(f"“{text}” is no host: write a name like radius.liguria.example")
    return name


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _check_fingerprint(text: str) -> str:
    """Return SHA-256 in lower-case hexadecimal, as openssl and others write it with colons."""
    folded = text.casefold().removeprefix("sha256:").removeprefix("sha256 fingerprint=")
    digits = folded.replace(":", "").replace(" ", "")
    if not _HEXADECIMAL.fullmatch(digits):
        raise Invalid(
            f"“{text}” is no SHA-256 fingerprint, which has 64 hexadecimal digits: `openssl x509 "
            "-noout -fingerprint -sha256 -in certificate.pem` writes it"
        )
    return digits


def read_roots(file: str) -> tuple[bytes, ...]:
    """Return the roots in a file, PEM or DER, as DER. Raises Invalid where one is none."""
    octets = files.read_octets(file, _MOST_CERTIFICATE_OCTETS)
    try:
        if b"-----BEGIN" in octets:
            found = x509.load_pem_x509_certificates(octets)
        else:
            found = [x509.load_der_x509_certificate(octets)]
    except ValueError:
        raise Invalid(f"{file} is no certificate, neither PEM nor DER") from None
    if not all(map(_signs_others, found)):
        whole = "is no root" if len(found) == 1 else "holds a certificate that is no root"
        raise Invalid(f"{file} {whole} that signs others: know a server by its --fingerprint")
    return tuple(dict.fromkeys(each.public_bytes(Encoding.DER) for each in found))


def _signs_others(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return constraints.value.ca
