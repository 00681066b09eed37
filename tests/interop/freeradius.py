"""FreeRADIUS as an authenticator of 802.1X: what it takes, ours must take, and refuse what it
refuses.

It is given what Farandole has of itself: users by their NAI, a certificate per device, revocation,
and the rule that the inner identity's realm is the outer one's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.counterparts import require
from tests.interop.certificates import Holder, Issuer
from tests.interop.eapol import ANNA, REALM, SECRET, SERVER_NAME, Server
from tests.ports import free_port
from tests.process import Process

_CONFIGURATION: Final = """
prefix = /usr
libdir = {library}
run_dir = {directory}
log {{
  destination = stdout
  auth = yes
}}
security {{
  reject_delay = 0
}}
max_requests = 4096
client loopback {{
  ipaddr = 127.0.0.1
  secret = "{secret}"
}}
modules {{
  files users {{
    filename = {directory}/users
  }}
  files devices {{
    filename = {directory}/devices
    key = "%{{TLS-Client-Cert-Common-Name}}"
  }}
  always reject {{
    rcode = reject
  }}
  pap {{
  }}
  chap {{
  }}
  mschap {{
  }}
  eap {{
    default_eap_type = ttls
    ignore_unknown_eap_types = no
    max_sessions = 1024
    tls-config once {{
      {tls}
    }}
    tls-config resuming {{
      {tls}
      cache {{
        enable = yes
        lifetime = 1
        name = "eap"
        persist_dir = {directory}/sessions
      }}
    }}
    tls {{
      tls = resuming
      virtual_server = devices
    }}
    ttls {{
      tls = once
      default_eap_type = mschapv2
      virtual_server = inner
    }}
    peap {{
      tls = once
      default_eap_type = mschapv2
      virtual_server = inner
    }}
    mschapv2 {{
    }}
    gtc {{
      auth_type = PAP
    }}
  }}
}}
policy {{
  realms_agree {{
    if (&Tmp-String-0 =~ /@([^@]+)$/) {{
      update request {{
        &Tmp-String-1 := "%{{1}}"
      }}
      if (!(&outer.request:User-Name =~ /@([^@]+)$/) || (&Tmp-String-1 != "%{{1}}")) {{
        reject
      }}
    }}
  }}
}}
server outer {{
  listen {{
    type = auth
    ipaddr = 127.0.0.1
    port = {port}
  }}
  authorize {{
    eap
  }}
  authenticate {{
    eap
  }}
}}
server devices {{
  authorize {{
    update request {{
      &Tmp-String-0 := "%{{TLS-Client-Cert-Common-Name}}"
    }}
    realms_agree
    devices
  }}
}}
server inner {{
  authorize {{
    update request {{
      &Tmp-String-0 := &User-Name
    }}
    realms_agree
    chap
    mschap
    eap {{
      ok = return
    }}
    users
    pap
  }}
{authenticate}}}
"""
AUTHENTICATE: Final = """\
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    eap
  }
"""
"""By what passwords and challenges are verified, in any server of ours."""
_TLS: Final = """
      private_key_file = {key}
      certificate_file = {certificate}
      ca_file = {anchors}
      check_crl = yes
      cipher_list = "DEFAULT"
      tls_min_version = "1.2"
      tls_max_version = "1.3"
"""
_PASSWORD: Final = "lavender in july"
_DEVICE: Final = f"d-annas@{REALM}"
_REASONS: Final = {
    "wrong password": "password does not match|Password comparison failed|Response is incorrect",
    "unknown identity": rf"Login incorrect .*: \[nobody@{REALM}\]",
    "other realm": "Invalid user: ",  # which is what its `reject` logs
    "expired": "certificate has expired",
    "revoked": "certificate revoked",
    "foreign": "unable to get local issuer certificate",
    "for a server": "unsuitable certificate purpose",
    "unknown": "No Auth-Type found",
    "not trusted by the supplicant": "Alert read:fatal:unknown CA",
    "not who the supplicant expects": "Alert read:fatal:",
    "no method in common": "No mutually acceptable types found",
}


@contextmanager
def run_freeradius(directory: Path) -> Iterator[Server]:
    """Run FreeRADIUS on loopback, with certificates of an authority of its own."""
    program = require("freeradius")
    issuer = Issuer.create("FreeRADIUS' own authority")
    certificates = _certificates(issuer, directory)
    anchor = directory / "anchor.pem"
    anchor.write_bytes(issuer.certificate)
    revocation_list = issuer.revocation_list(certificates["revoked"])
    (directory / "anchors.pem").write_bytes(issuer.certificate + revocation_list)
    (directory / "sessions").mkdir()
    (directory / "users").write_text(f'{ANNA} Cleartext-Password := "{_PASSWORD}"\n')
    (directory / "devices").write_text(f"{_DEVICE} Auth-Type := Accept\n")
    port = free_port()
    server = issuer.server(directory / "server", SERVER_NAME)
    (directory / "radiusd.conf").write_text(_configuration(directory, server, port))
    with Process(program, "-f", "-l", "stdout", "-d", directory) as process:
        process.await_line("Ready to process requests")
        yield Server(
            "FreeRADIUS",
            process,
            port,
            directory,
            anchor,
            _PASSWORD,
            certificates,
            _REASONS,
            least_framed_mtu=101,  # below that it takes its own fragment_size
            overhead=11,  # it counts the octets of TLS alone
        )


def _certificates(issuer: Issuer, directory: Path) -> dict[str, Holder]:
    stranger = Issuer.create("Somebody's authority")
    return {
        "valid": issuer.client(directory / "valid", _DEVICE),
        "revoked": issuer.client(directory / "revoked", _DEVICE),
        "expired": issuer.expired_client(directory / "expired", _DEVICE),
        "foreign": stranger.client(directory / "foreign", _DEVICE),
        "for a server": issuer.server(directory / "usage", f"annas.{REALM}"),
        "unknown": issuer.client(directory / "unknown", f"d-unknown@{REALM}"),
    }


def _configuration(directory: Path, server: Holder, port: int) -> str:
    tls = _TLS.format(
        key=server.key, certificate=server.certificate, anchors=directory / "anchors.pem"
    )
    library = next(Path("/usr/lib").glob("*reeradius*"), Path("/usr/lib/freeradius"))
    return _CONFIGURATION.format(
        library=library,
        directory=directory,
        secret=SECRET,
        tls=tls,
        port=port,
        authenticate=AUTHENTICATE,
    )
