"""The secure network on an access point: WPA with 802.1X, and Passpoint, ready to paste."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

# EAP methods and what goes with them (IEEE 802.11-2020 section 9.4.5.10): TTLS with PAP by name
# and password, TLS by certificate.
_METHODS: Final = "21[2:1][5:7],13[5:6]"

# With 0, hostapd neither asks anew nor cuts off when a Session-Timeout with Termination-Action has
# passed; with any other period, it is the Session-Timeout that counts.
_REAUTHENTICATION_SECONDS: Final = 3600
_NOT_ZERO: Final = "not 0: else no Session-Timeout is held"
# What a station and its access point remember lets it in again unasked: after its device was
# revoked, or when the place has closed. A log-in costs little.
_ASKED_EACH_TIME: Final = "who comes back is asked for anew: the device may have been revoked"
_VLAN: Final = "the VLAN of a policy wants dynamic_vlan=1 with vlan_file and vlan_bridge"


class Format(StrEnum):
    """Whose configuration file it is for."""

    HOSTAPD = "hostapd"
    OPENWRT = "openwrt"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class SecureNetwork:
    """What an access point must be told. ``realms`` are ours, the place's own first,
    ``partner_realms`` those of partners, whose citizens log in as their home likes;
    ``roaming_consortiums`` hexadecimal; ``language`` an ISO 639-2 code of three letters;
    ``server`` and ``secret`` may be words in angle brackets, for the operator to fill in."""

    ssid: str
    name: str
    place: str
    language: str
    nas_identifier: str
    server: str
    auth_port: int
    acct_port: int
    coa_port: int
    secret: str
    operator_realm: str
    realms: tuple[str, ...]
    roaming_consortiums: tuple[str, ...]
    partner_realms: tuple[str, ...] = ()

    @property
    def nai_realms(self) -> tuple[str, ...]:
        """Who can log in here, as hostapd writes it: our realms with our EAP methods, and those of
        partners without."""
        ours = f"0,{';'.join(self.realms)},{_METHODS}"
        return (ours, *([f"0,{';'.join(self.partner_realms)}"] if self.partner_realms else []))


def configuration(network: SecureNetwork, format: Format) -> str:
    """Return all that has to be set, as lines of that format."""
    return _WRITERS[format](network)


def _hostapd(network: SecureNetwork) -> str:
    lines = [
        "# hostapd: hostapd.conf, a bss of its own beside the open network",
        f"ssid={network.ssid}",
        "wpa=2",
        "wpa_key_mgmt=WPA-EAP WPA-EAP-SHA256",
        "rsn_pairwise=CCMP",
        "ieee80211w=1",
        "ieee8021x=1",
        f"# {_NOT_ZERO}",
        f"eap_reauth_period={_REAUTHENTICATION_SECONDS}",
        f"# {_ASKED_EACH_TIME}",
        "disable_pmksa_caching=1",
        f"nas_identifier={network.nas_identifier}",
        f"auth_server_addr={network.server}",
        f"auth_server_port={network.auth_port}",
        f"auth_server_shared_secret={network.secret}",
        f"acct_server_addr={network.server}",
        f"acct_server_port={network.acct_port}",
        f"acct_server_shared_secret={network.secret}",
        "radius_acct_interim_interval=600",
        "radius_request_cui=1",
        f"radius_auth_req_attr=126:s:1{network.operator_realm}",
        f"radius_das_port={network.coa_port}",
        f"radius_das_client={network.server} {network.secret}",
        "radius_das_require_event_timestamp=1",
        "radius_das_require_message_authenticator=1",
        f"# {_VLAN}",
        "# Passpoint: phones with a profile find it by realm or consortium, whatever its SSID",
        "interworking=1",
        "internet=1",
        "access_network_type=3",
        f"venue_name={network.language}:{network.place}",
        f"domain_name={','.join(network.realms)}",
        *(f"nai_realm={realms}" for realms in network.nai_realms),
        *(f"roaming_consortium={each.lower()}" for each in network.roaming_consortiums),
        "hs20=1",
        f"hs20_oper_friendly_name={network.language}:{network.name}",
        "disable_dgaf=1",
    ]
    return "\n".join(lines) + "\n"


def _openwrt(network: SecureNetwork) -> str:
    def option(name: str, value: object) -> str:
        return f"\toption {name} {_quoted(str(value))}"

    def entry(name: str, value: object) -> str:
        return f"\tlist {name} {_quoted(str(value))}"

    lines = [
        "# OpenWrt: /etc/config/wireless, with the package wpad-openssl or wpad-mbedtls",
        "config wifi-iface 'farandole'",
        option("device", "radio0"),
        option("network", "<the citizens' network>"),
        option("mode", "ap"),
        option("ssid", network.ssid),
        option("encryption", "wpa2+ccmp"),
        option("ieee80211w", 1),
        f"# {_NOT_ZERO}",
        option("eap_reauth_period", _REAUTHENTICATION_SECONDS),
        f"# {_ASKED_EACH_TIME}",
        option("auth_cache", 0),
        option("nasid", network.nas_identifier),
        option("auth_server", network.server),
        option("auth_port", network.auth_port),
        option("auth_secret", network.secret),
        option("acct_server", network.server),
        option("acct_port", network.acct_port),
        option("acct_secret", network.secret),
        option("acct_interval", 600),
        option("request_cui", 1),
        entry("radius_auth_req_attr", f"126:s:1{network.operator_realm}"),
        option("dae_client", network.server),
        option("dae_port", network.coa_port),
        option("dae_secret", network.secret),
        f"# {_VLAN}",
        option("iw_enabled", 1),
        option("iw_internet", 1),
        option("iw_access_network_type", 3),
        entry("iw_venue_name", f"{network.language}:{network.place}"),
        *(entry("iw_domain_name", realm) for realm in network.realms),
        *(entry("iw_nai_realm", realms) for realms in network.nai_realms),
        *(entry("iw_roaming_consortium", each.lower()) for each in network.roaming_consortiums),
        option("hs20", 1),
        entry("hs20_oper_friendly_name", f"{network.language}:{network.name}"),
        option("disable_dgaf", 1),
    ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """Return a value as UCI reads it: in quotes, and an apostrophe between two of its own."""
    return "'" + text.replace("'", "'\\''") + "'"


def _plain(network: SecureNetwork) -> str:
    rows = (
        ("SSID", network.ssid),
        ("security", "WPA2/WPA3 Enterprise (802.1X), CCMP, protected management frames optional"),
        ("re-authentication", f"as Session-Timeout says, else every {_REAUTHENTICATION_SECONDS} s"),
        ("PMKSA caching", "off"),
        ("VLAN", "as RADIUS says, where a policy gives one"),
        ("RADIUS server", network.server),
        ("authentication port", network.auth_port),
        ("accounting port", network.acct_port),
        ("shared secret", network.secret),
        ("NAS-Identifier", network.nas_identifier),
        ("interim updates", "every 600 seconds"),
        ("Disconnect port", network.coa_port),
        ("Operator-Name", f"1{network.operator_realm}"),
        ("Chargeable-User-Identity", "asked for"),
        ("Passpoint network type", "3, free public network, with internet"),
        ("Passpoint domain names", ", ".join(network.realms)),
        ("Passpoint NAI realms", f"{', '.join(network.realms)}: EAP-TTLS with PAP, EAP-TLS"),
        ("of partners", ", ".join(network.partner_realms) or "none"),
        ("Passpoint consortiums", ", ".join(network.roaming_consortiums) or "none"),
        ("Passpoint friendly name", network.name),
        ("Passpoint venue", network.place),
    )
    return "".join(f"{name:<26}{value}\n" for name, value in rows)


_WRITERS: Final = {Format.HOSTAPD: _hostapd, Format.OPENWRT: _openwrt, Format.PLAIN: _plain}
