"""All settings, documented where they are declared; :mod:`aaa.settings_file` reads them.

What operators change while the service runs (hotspots, NAS, policies) is data, not settings.
"""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

from aaa.setting_types import (
    Address,
    DatabaseUrl,
    HttpUrl,
    MailUrl,
    Port,
    RadsecVersions,
    Resolvers,
    RoamingConsortiums,
    ServerName,
    Servers,
    SourceAddress,
    Ssid,
)

FALLBACK_SERVER_NAME: Final = "radius.home.arpa"
"""In the server's certificate, where no setting has a domain (RFC 8375)."""


class ConfigurationError(Exception):
    """A setting that cannot be used: names the setting, the problem and the remedy in one line."""

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"{setting}: {problem}. {remedy}")
        self.setting = setting
        self.problem = problem
        self.remedy = remedy


def is_out_of_reach(url: str) -> bool:
    """Return whether the address of a site names the machine that reads it."""
    host = urlsplit(url).hostname or ""
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _signing_key_file(value: str, info: ValidationInfo) -> str:
    if bool(value) != bool(info.data.get("signing_certificate_file")):
        raise ValueError("portal.signing_certificate_file and this one are set together or not")
    return value


def _radsec_key_file(value: str, info: ValidationInfo) -> str:
    if bool(value) != bool(info.data.get("radsec_certificate_file")):
        raise ValueError("radius.radsec_certificate_file and this one are set together or not")
    return value


def _tls_maximum(value: str, info: ValidationInfo) -> str:
    if value < str(info.data.get("tls_minimum", value)):
        raise ValueError("less than eap.tls_minimum: no device could log in")
    return value


def _ascii(host: str) -> str:
    """Return a host as DNS and certificates write it (RFC 3490); "" where that cannot be done."""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


class Section(BaseModel):
    """A table of the configuration file; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DatabaseSettings(Section):
    """Where everything durable is kept."""

    url: DatabaseUrl = Field(
        "",
        description="sqlite:///path/to/file.db or postgresql://user:password@host/database. "
        "Empty: farandole.db in the state directory.",
    )
    timeout_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="How long a request waits for the database before it counts as away.",
    )
    pool_size: int = Field(10, ge=1, le=200, description="Connections held open to PostgreSQL.")


class RadiusSettings(Section):
    """The RADIUS server."""

    address: Address = Field("0.0.0.0", description="Address to listen on.")  # noqa: S104
    auth_port: Port = Field(1812, description="Authentication port (UDP).")
    acct_port: Port = Field(1813, description="Accounting port (UDP).")
    radsec: bool = Field(
        True, description="Whether to listen for RADIUS over TLS (RadSec), with certificates."
    )
    radsec_port: Port = Field(2083, description="Port of RADIUS over TLS (TCP).")
    radsec_name: ServerName = Field(
        "",
        description="The name in the certificate that partners and NAS check over TLS. Empty: that "
        "of eap.server_name.",
    )
    radsec_certificate_file: str = Field(
        "",
        description="PEM file with another authority's certificate to show over TLS, as client "
        "too, and its chain; read again when it changes. Empty: the service makes its own.",
    )
    radsec_key_file: Annotated[str, AfterValidator(_radsec_key_file)] = Field(
        "",
        validate_default=True,
        description="PEM file with that certificate's private key, without a passphrase.",
    )
    radsec_versions: RadsecVersions = Field(
        "1.0,1.1",
        description="Versions of RADIUS that are spoken over TLS, as server and as client. Both: "
        "1.1 (RFC 9765, which needs neither secrets nor MD5) where the other side knows it, else "
        "1.0. With 1.1 alone, who does not know it is neither let in nor asked.",
    )
    radsec_connections: int = Field(
        64, ge=1, le=4096, description="Connections that one client may hold over TLS."
    )
    coa_port: Port = Field(
        3799, description="Port of the NAS that CoA and Disconnect go to, unless a NAS has its own."
    )
    dynamic_authorization: bool = Field(
        False,
        description="Whether partners' homes may end or change sessions of their citizens over UDP "
        "too (CoA, Disconnect), as they may over TLS. A NAS on this machine may hold the port.",
    )
    dynamic_authorization_port: Port = Field(3799, description="Port of that (UDP).")
    reject_delay_seconds: float = Field(
        1.0, ge=0, le=10, description="How long a refusal is held back, against guessing."
    )
    max_in_progress: int = Field(
        4096,
        ge=16,
        description="Requests worked on or held back at once; what comes beyond is dropped, "
        "counted.",
    )


class PortalSettings(Section):
    """The captive portal."""

    address: Address = Field("127.0.0.1", description="Address to listen on, behind the TLS front.")
    port: Port = Field(8080, description="HTTP port.")
    public_url: HttpUrl = Field(
        "http://127.0.0.1:8080", description="What citizens' browsers reach the portal by."
    )
    signing_certificate_file: str = Field(
        "",
        description="PEM file with the certificate that signs profiles for Apple devices, and its "
        "chain: the portal's own TLS certificate makes them show the profile as verified. Empty: "
        "the RADIUS server's certificate signs, which no device knows yet.",
    )
    signing_key_file: Annotated[str, AfterValidator(_signing_key_file)] = Field(
        "",
        validate_default=True,
        description="PEM file with that certificate's private key, without a passphrase.",
    )

    @property
    def is_out_of_reach(self) -> bool:
        """Whether `public_url` names this machine to itself: no phone comes here by it."""
        return is_out_of_reach(self.public_url)


class EapSettings(Section):
    """802.1X: EAP-TLS, EAP-TTLS and PEAP for the secure network."""

    server_name: ServerName = Field(
        "",
        description="The name in the server's certificate, which every profile checks: choose it "
        "once. Empty: radius. before the host of portal.public_url.",
    )
    challenges: bool = Field(
        False,
        description="Whether a Wi-Fi secret may also answer a challenge (CHAP, MS-CHAPv2, PEAP), "
        "for devices that can do no better. Secrets are then kept sealed; those made before prove "
        "themselves by PAP only. Where it is off, none answers, and what was kept is deleted.",
    )
    tls_minimum: Literal["1.2", "1.3"] = Field("1.2", description="The least TLS version.")
    tls_maximum: Annotated[Literal["1.2", "1.3"], AfterValidator(_tls_maximum)] = Field(
        "1.3", description="The highest TLS version."
    )
    fragment_octets: int = Field(
        1024,
        ge=100,
        le=1400,
        description="The longest EAP packet sent; shorter where the NAS gives a Framed-MTU.",
    )
    max_conversations: int = Field(
        4096,
        ge=16,
        description="Log-ins under way at once, of some 60 kB each, and of 115 kB where they are "
        "made to cost; beyond, the oldest unfinished one is forgotten.",
    )
    conversation_seconds: int = Field(
        60,
        ge=5,
        le=600,
        description="How long a log-in may take, its supplicant's pauses included.",
    )


class FederationSettings(Section):
    """What all collectivities of the federation share, and every profile carries."""

    name: str = Field(
        "Farandole", min_length=1, max_length=64, description="How devices name the network."
    )
    ssid: Ssid = Field(
        "Farandole", description="Name of the secure network (802.1X), the same in every place."
    )
    roaming_consortiums: RoamingConsortiums = Field(
        "",
        description="Passpoint roaming consortium identifiers (RCOI), hexadecimal, separated by "
        "commas. Empty: Passpoint finds the network by its domain and realms.",
    )
    response_seconds: float = Field(
        5.0,
        gt=0,
        le=30,
        description="How long a partner's servers may take to answer; then the device is refused. "
        "Less than the access points wait for us.",
    )
    accounting_days: int = Field(
        30,
        ge=1,
        le=365,
        description="How long accounting waits for a home that does not take it. Then it is "
        "deleted, with a warning; what is on record here stays.",
    )
    source_address: SourceAddress = Field(
        "",
        description="Address that requests to partners are sent from, which is what they know us "
        "by over UDP. Empty: the one that the way there has.",
    )
    servers: Servers = Field(
        "",
        description="host:port of each of our servers as partners reach it over TLS, separated by "
        "commas. Empty: radius.radsec_name at radius.radsec_port.",
    )
    resolver: Resolvers = Field(
        "",
        description="DNS servers that are asked for partners who are found that way: addresses, "
        "each with its port where that is not 53, separated by commas. Empty: this machine's.",
    )
    discover_private: bool = Field(
        False,
        description="Whether servers that DNS names may be at private addresses, as inside a VPN. "
        "Otherwise such are not connected to: anybody may write them.",
    )
    openid: bool = Field(
        True,
        description="Whether our citizens log in at partners' hotspots on our own pages (OpenID). "
        "Otherwise partners ask for their password and verify it by RADIUS.",
    )
    refresh_seconds: float = Field(
        900.0,
        ge=1,
        le=86_400,
        description="How often it is looked what partners say of themselves.",
    )
    canary_seconds: float = Field(
        300.0,
        ge=1,
        le=86_400,
        description="How often a canary account of each partner logs in from here.",
    )

    @property
    def server_list(self) -> tuple[str, ...]:
        """The servers that partners reach us by, one by one."""
        parts = (part.strip() for part in self.servers.split(","))
        return tuple(part for part in parts if part)

    @property
    def resolver_list(self) -> tuple[str, ...]:
        """The DNS servers one by one; none: this machine's."""
        parts = (part.strip() for part in self.resolver.split(","))
        return tuple(part for part in parts if part)

    @property
    def roaming_consortium_list(self) -> tuple[str, ...]:
        """The identifiers one by one, in upper case."""
        parts = (part.strip().upper() for part in self.roaming_consortiums.split(","))
        return tuple(part for part in parts if part)


class MonitoringSettings(Section):
    """Metrics and health."""

    address: Address = Field("127.0.0.1", description="Address to listen on.")
    port: Port = Field(9812, description="HTTP port of /metrics, /health/live and /health/ready.")
    log_format: Literal["json", "console"] = Field(
        "json", description="json: a line per event for machines; console: for a person's eyes."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe events that are written."
    )


class MailSettings(Section):
    """How messages with codes leave."""

    url: MailUrl = Field(
        "",
        description="smtp://user:password@host:587 (STARTTLS where offered) or smtps://…:465. "
        "Empty: no mail can be sent, and nobody can sign up by e-mail.",
    )
    sender: str = Field(
        "wifi@localhost", description="The From address of every message.", min_length=3
    )


class StateSettings(Section):
    """What this machine keeps beside the database."""

    directory: Path = Field(
        Path("/var/lib/farandole"),
        description="Holds the key file, and SQLite's database.",
        strict=False,
    )


class Settings(Section):
    """Everything an installation can set."""

    database: DatabaseSettings = DatabaseSettings()
    radius: RadiusSettings = RadiusSettings()
    portal: PortalSettings = PortalSettings()
    eap: EapSettings = EapSettings()
    federation: FederationSettings = FederationSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    mail: MailSettings = MailSettings()
    state: StateSettings = StateSettings()

    @property
    def database_url(self) -> str:
        """The database's URL, the embedded default filled in."""
        return self.database.url or f"sqlite:///{self.state.directory / 'farandole.db'}"

    @property
    def server_name(self) -> str:
        """The name that supplicants check in the server's certificate, in ASCII."""
        host = _ascii(urlsplit(self.portal.public_url).hostname or "")
        has_domain = "." in host and not host.rpartition(".")[2].isdigit() and ":" not in host
        return self.eap.server_name or (f"radius.{host}" if has_domain else FALLBACK_SERVER_NAME)

    @property
    def radsec_name(self) -> str:
        """The name that partners check in the certificate that is shown over TLS."""
        return self.radius.radsec_name or self.server_name

    @property
    def radsec_servers(self) -> tuple[str, ...]:
        """Our servers as partners reach them over TLS, ``host:port``."""
        own = f"{self.radsec_name}:{self.radius.radsec_port}"
        return self.federation.server_list or (own,)

    @property
    def key_file(self) -> Path:
        """The file with the key that seals secrets at rest."""
        return self.state.directory / "farandole.key"


def section_model(name: str) -> type[Section] | None:
    """Return the class of a table of the configuration file; None where there is no such table."""
    field = Settings.model_fields.get(name)
    if field is None or not isinstance(field.annotation, type):
        return None
    return field.annotation
