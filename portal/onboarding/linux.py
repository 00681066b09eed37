"""Linux: a connection for NetworkManager, and text for wpa_supplicant where there is none.

Both stand alone in one file, certificates and keys included. NetworkManager knows no Passpoint;
wpa_supplicant gets a credential for it beside the network. NetworkManager's format is described
in nm-settings-keyfile(5), the other one in wpa_supplicant.conf(5) and README-HS20.
"""

import base64
import ssl
from collections.abc import Iterable
from typing import Final

from portal.onboarding import pkcs12
from portal.onboarding.filenames import file_name
from portal.onboarding.profile import ClientCertificate, Profile, ProfileFile, WifiSecret

_TEXT: Final = "text/plain; charset=utf-8"
_LINE: Final = 64
_ANCHORS: Final = "anchors"
_IDENTITY: Final = "identity"

Settings = list[tuple[str, str]]


def build_network_manager(profile: Profile) -> ProfileFile:
    """Return a connection for `/etc/NetworkManager/system-connections`, to be owned by root and
    readable by nobody else."""
    groups: dict[str, Settings] = {
        "connection": [
            ("id", _escape(profile.network.name)),
            ("uuid", str(profile.uuid("network-manager"))),
            ("type", "wifi"),
        ],
        # As octets: a name is taken literally then, whatever it contains.
        "wifi": [("ssid", "".join(f"{octet};" for octet in profile.network.ssid.encode()))],
        "wifi-security": [("key-mgmt", "wpa-eap")],
        "802-1x": _eap(profile),
        "ipv4": [("method", "auto")],
        "ipv6": [("method", "auto")],
    }
    text = "\n".join(
        "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in settings), ""])
        for name, settings in groups.items()
    )
    return ProfileFile(file_name(profile, "nmconnection"), _TEXT, text.encode())


def _eap(profile: Profile) -> Settings:
    credential = profile.credential
    server = [
        ("ca-cert", _data(_pem(profile.network.anchors))),
        ("domain-match", _escape(profile.network.server_name)),
    ]
    if isinstance(credential, WifiSecret):
        return [
            ("eap", "ttls;"),
            ("phase2-auth", "pap"),
            ("anonymous-identity", _escape(profile.outer_identity)),
            ("identity", _escape(credential.identity)),
            ("password", _escape(credential.secret.reveal().decode())),
            *server,
        ]
    # NetworkManager wants to be told twice that a PKCS 12 file holds certificate and key.
    file = _data(pkcs12.protect(credential))
    return [
        ("eap", "tls;"),
        ("identity", _escape(profile.outer_identity)),
        ("client-cert", file),
        ("private-key", file),
        ("private-key-password", _escape(pkcs12.passphrase(credential))),
        *server,
    ]


def _data(content: bytes) -> str:
    return f"data:;base64,{base64.b64encode(content).decode()}"


def _escape(value: str) -> str:
    """Return a value as GLib's key files write it, with no line that could begin another."""
    escaped = value.replace("\\", "\\\\")
    for character, sign in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        escaped = escaped.replace(character, sign)
    kept = escaped.lstrip(" ")
    return "\\s" * (len(escaped) - len(kept)) + kept


def build_wpa_supplicant(profile: Profile) -> ProfileFile:
    """Return what goes into `wpa_supplicant.conf`: the network, the Passpoint credential, and the
    certificates that both use."""
    blobs = {_ANCHORS: _pem(profile.network.anchors)}
    if isinstance(profile.credential, ClientCertificate):
        blobs[_IDENTITY] = pkcs12.protect(profile.credential)
    text = "\n".join(
        [
            "interworking=1",
            "hs20=1",
            "",
            *_block("network", _network(profile)),
            *_block("cred", _passpoint(profile)),
            *(line for name, content in blobs.items() for line in _blob(name, content)),
        ]
    )
    return ProfileFile(file_name(profile, "conf"), _TEXT, text.encode())


def _network(profile: Profile) -> Settings:
    credential = profile.credential
    settings = [
        ("ssid", profile.network.ssid.encode().hex()),
        ("key_mgmt", "WPA-EAP WPA-EAP-SHA256"),
        ("proto", "RSN"),
        ("pairwise", "CCMP"),
        ("ieee80211w", "1"),
        ("ca_cert", _blob_name(_ANCHORS)),
        ("domain_match", _quote(profile.network.server_name)),
    ]
    if isinstance(credential, WifiSecret):
        return [
            *settings,
            ("eap", "TTLS"),
            ("phase2", _quote("auth=PAP")),
            ("anonymous_identity", _quote(profile.outer_identity)),
            ("identity", _quote(credential.identity)),
            ("password", _quote(credential.secret.reveal().decode())),
        ]
    return [
        *settings,
        ("eap", "TLS"),
        # TLS 1.3 hides the certificate from the air, and tickets make coming back quick: the
        # RADIUS server that this profile names has both, and wpa_supplicant waits to be told.
        ("phase1", _quote("tls_disable_tlsv1_3=0 tls_disable_session_ticket=0")),
        ("identity", _quote(profile.outer_identity)),
        ("private_key", _blob_name(_IDENTITY)),
        ("private_key_passwd", _quote(pkcs12.passphrase(credential))),
    ]


def _passpoint(profile: Profile) -> Settings:
    """The credential for Passpoint. Its user name is the whole identity: wpa_supplicant makes the
    anonymous one from the realm."""
    credential = profile.credential
    settings = [
        ("realm", _quote(profile.realm)),
        ("domain", _quote(profile.realm)),
        ("ca_cert", _blob_name(_ANCHORS)),
        ("domain_suffix_match", _quote(profile.network.server_name)),
    ]
    if consortiums := ",".join(profile.network.roaming_consortiums):
        settings.append(("roaming_consortiums", _quote(consortiums)))
    if isinstance(credential, WifiSecret):
        return [
            *settings,
            ("eap", "TTLS"),
            ("phase2", _quote("auth=PAP")),
            ("username", _quote(credential.identity)),
            ("password", _quote(credential.secret.reveal().decode())),
        ]
    return [
        *settings,
        ("eap", "TLS"),
        ("username", _quote(profile.outer_identity)),
        ("private_key", _blob_name(_IDENTITY)),
        ("private_key_passwd", _quote(pkcs12.passphrase(credential))),
    ]


def _block(name: str, settings: Settings) -> list[str]:
    return [f"{name}={{", *(f"\t{key}={value}" for key, value in settings), "}", ""]


def _blob(name: str, content: bytes) -> list[str]:
    text = base64.b64encode(content).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return [f"blob-base64-{name}={{", *lines, "}", ""]


def _blob_name(name: str) -> str:
    return _quote(f"blob://{name}")


def _quote(value: str) -> str:
    """Return a string as wpa_supplicant reads it: between quotation marks it takes all to the
    last one literally; what does not fit into a line goes as hexadecimal."""
    return f'"{value}"' if value.isprintable() else value.encode().hex()


def _pem(certificates: Iterable[bytes]) -> bytes:
    return "".join(map(ssl.DER_cert_to_PEM_cert, certificates)).encode()
