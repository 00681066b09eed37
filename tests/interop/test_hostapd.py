"""Real hostapd as a NAS: its accounting, our Disconnect, and what its reboot leaves behind.

Without a radio hostapd has its driver `wired`: 802.1X on a cable, with the accounting and the
dynamic authorization of any hostapd. MAC authentication (`macaddr_acl=2`) it has for 802.11 frames
alone: told so with this driver, it takes a device in and asks nobody. So here 802.1X opens the
port, by a second hostapd that is RADIUS server for EAP and nothing else; accounting, Disconnect and
what must be refused go to Farandole; and hostapd's request for a MAC is sent by radclient.
"""

import asyncio
import re
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from aaa import devices
from aaa.database import Database
from aaa.model import Citizen
from tests.counterparts import require, require_network_namespaces
from tests.interop.hostap import (
    CONNECTED,
    DISCONNECTED,
    Hostapd,
    WpaSupplicant,
    run_hostapd,
    run_supplicant,
)
from tests.interop.namespaces import Namespace
from tests.interop.square import (
    ANNA,
    NAS_SECRET,
    SERVER,
    UPLINK,
    Row,
    Square,
    found_village,
    lay_out,
)
from tests.operator import Operator, operate
from tests.village import PHONE

pytestmark = [
    pytest.mark.interop,
    pytest.mark.namespaces,
    pytest.mark.xdist_group("hostapd"),  # one installation is copied for all
]

EAP_SECRET: Final = "a secret of the gateway and itself"
EAP_PORT: Final = 18120
_ON_A_WIRE: Final = """
network={
  key_mgmt=IEEE8021X
  eapol_flags=0
  eap=MD5
  identity="anna@village.example"
  password="lavender"
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an installation that knows the village, its access point, and Anna."""
    require_network_namespaces()
    farandole = operate(tmp_path_factory.mktemp("installed"), {})
    found_village(farandole)
    return farandole.directory


@pytest.fixture
def square(installed: Path, tmp_path: Path) -> Iterator[Square]:
    """The village square with Farandole running, and no access point yet."""
    directory = shutil.copytree(installed, tmp_path / "farandole")
    farandole = operate(directory, {"radius.address": SERVER})
    with (
        lay_out(farandole) as square,
        farandole.serve(network=square.server.namespace.path),
        _eap_server(square.cell.namespace, tmp_path),
    ):
        yield square


@contextmanager
def _eap_server(gateway: Namespace, directory: Path) -> Iterator[None]:
    """Run a hostapd that is nothing but the RADIUS server of the gateway's 802.1X."""
    users, clients = directory / "eap_users", directory / "eap_clients"
    users.write_text(f'"{ANNA}" MD5 "lavender"\n')
    clients.write_text(f"127.0.0.1 {EAP_SECRET}\n")
    settings = {
        "driver": "none",
        "eap_server": 1,
        "eap_user_file": users,
        "radius_server_clients": clients,
        "radius_server_auth_port": EAP_PORT,
    }
    with run_hostapd(gateway, "eap0", settings):
        yield


def run_gateway(square: Square, **settings: object) -> AbstractContextManager[Hostapd]:
    """Run the gateway's hostapd, with accounting and orders from Farandole."""
    ours = {
        "driver": "wired",
        "ieee8021x": 1,
        "eap_reauth_period": 0,
        "use_pae_group_addr": 1,
        "own_ip_addr": UPLINK,
        "nas_identifier": "square",
        "auth_server_addr": "127.0.0.1",
        "auth_server_port": EAP_PORT,
        "auth_server_shared_secret": EAP_SECRET,
        "acct_server_addr": SERVER,
        "acct_server_port": 1813,
        "acct_server_shared_secret": NAS_SECRET,
        "radius_acct_interim_interval": 1,
        "radius_das_port": 3799,
        "radius_das_client": f"{SERVER} {NAS_SECRET}",
        "radius_das_time_window": 300,
        "radius_das_require_event_timestamp": 1,
        "radius_das_require_message_authenticator": 1,
    }
    return square.hostapd(ours | settings)


def run_phone(square: Square) -> AbstractContextManager[WpaSupplicant]:
    """Run the phone's wpa_supplicant: 802.1X with EAP-MD5, which a wire allows, as it starts."""
    return run_supplicant(square.phone.namespace, square.phone.interface, _ON_A_WIRE)


@contextmanager
def log_in(square: Square, hostapd: Hostapd) -> Iterator[WpaSupplicant]:
    """Let the phone log in as Anna, and wait until it is let through."""
    with run_phone(square) as supplicant:
        hostapd.await_event(f"{CONNECTED} {PHONE}")
        hostapd.process.await_condition(square.is_online, "let the phone through")
        yield supplicant


def disconnect(square: Square, session: Row, *options: str) -> Row:
    """End a session as an operator does; return what became of the order."""
    by_id = ("--id", str(session["id"]), *options)
    orders: list[Row] = square.farandole.ask("session", "disconnect", *by_id)
    (order,) = orders
    return order


def is_open(session: Row) -> bool:
    return session["stopped_at"] is None


def is_closed(session: Row) -> bool:
    return session["stopped_at"] is not None


def has_lasted(session: Row) -> bool:
    return is_open(session) and session["session_seconds"] > 0


def test_a_session_is_one_row_and_a_disconnect_cuts_the_phone(square: Square) -> None:
    with run_gateway(square) as hostapd:
        assert not square.is_online()
        with log_in(square, hostapd):
            assert hostapd.is_authorized(PHONE)
            (session,) = square.await_sessions(hostapd, has_lasted)  # Start and Interim
            assert session["citizen"] == ANNA
            assert session["device_mac"] == PHONE
            assert (session["hotspot"], session["nas"]) == ("square", "square")

            assert disconnect(square, session, "--wait", "10")["state"] == "acknowledged"
            hostapd.await_event(f"{DISCONNECTED} {PHONE}")
            assert not hostapd.is_authorized(PHONE)
            hostapd.process.await_condition(lambda: not square.is_online(), "cut the phone off")

            (ended,) = square.await_sessions(hostapd, is_closed)
            assert ended["id"] == session["id"]
            assert ended["session_seconds"] >= session["session_seconds"]


def test_a_phone_that_is_back_at_once_has_a_second_session(square: Square) -> None:
    """hostapd forgets a device 5 s after it cut it, and one that logs in again before that has its
    new session under the same Acct-Session-Id; when the 5 s are over hostapd ends that too."""
    with run_gateway(square) as hostapd, log_in(square, hostapd) as supplicant:
        (first,) = square.await_sessions(hostapd, has_lasted)
        disconnect(square, first)
        hostapd.await_event(f"{DISCONNECTED} {PHONE}")
        supplicant.command("reassociate")
        hostapd.await_event(f"{CONNECTED} {PHONE}", times=2)
        hostapd.await_event(f"{DISCONNECTED} {PHONE}", times=2)
        earlier, later = square.await_sessions(hostapd, is_closed, is_closed)
        assert earlier["id"] == first["id"]
        assert earlier["stopped_at"] <= later["started_at"]
        assert later["citizen"] == ANNA
        names = set(re.findall(r"starting accounting session (\w+)", hostapd.process.output))
        assert len(names) == 1


def test_a_reboot_closes_what_was_open(square: Square) -> None:
    with run_gateway(square) as hostapd, log_in(square, hostapd):
        (session,) = square.await_sessions(hostapd, has_lasted)
        hostapd.process.kill()
        assert [is_open(row) for row in square.sessions()] == [True]
    with run_gateway(square) as hostapd:
        (ended,) = square.await_sessions(hostapd, is_closed)
        assert ended["id"] == session["id"]
        assert ended["terminate_cause"] == "nas-restarted"


def test_what_eap_we_do_not_offer_is_refused_at_once(square: Square) -> None:
    """hostapd's own Access-Request, with EAP-MD5, which nobody should offer over the air."""
    farandole = {
        "auth_server_addr": SERVER,
        "auth_server_port": 1812,
        "auth_server_shared_secret": NAS_SECRET,
    }
    with run_gateway(square, **farandole) as hostapd, run_phone(square) as supplicant:
        hostapd.await_event(f"CTRL-EVENT-EAP-FAILURE2 {PHONE}")
        supplicant.await_event("CTRL-EVENT-EAP-FAILURE")
        assert not hostapd.is_authorized(PHONE)
        assert not square.is_online()
        assert square.sessions() == []


def test_a_device_is_let_in_by_its_mac_once_it_is_remembered(square: Square) -> None:
    """The request of hostapd 2.10 with `macaddr_acl=2`: as unsigned as its radio drivers leave it,
    the MAC for name and password, neither Service-Type nor session."""
    assert "Received Access-Reject" in _ask_for_device(square, "Access-Reject")
    asyncio.run(_remember(square.farandole))
    answer = _ask_for_device(square, "Access-Accept")
    assert f'User-Name = "{ANNA}"' in answer
    assert "Class = 0x" in answer


def _ask_for_device(square: Square, expected: str) -> str:
    """Send the request, hold the answer against what is expected; return radclient's report."""
    name = PHONE.replace(":", "")
    request = (
        f'User-Name = "{name}"',
        f'User-Password = "{name}"',
        f"NAS-IP-Address = {UPLINK}",
        'NAS-Identifier = "square"',
        'Called-Station-Id = "02-00-5E-00-53-FF:Village"',
        "NAS-Port-Type = Wireless-802.11",
        f'Calling-Station-Id = "{PHONE.replace(":", "-").upper()}"',
        'Connect-Info = "CONNECT 11Mbps 802.11b"',
        f"Response-Packet-Type == {expected}",
    )
    radclient = (require("radclient"), "-x", f"{SERVER}:1812", "auth", NAS_SECRET)
    return square.uplink.namespace.run(*radclient, given="\n".join(request))


async def _remember(farandole: Operator) -> None:
    """Remember the phone as the portal does when Anna asks for it."""
    now = datetime.now(UTC)
    database = Database(f"sqlite:///{farandole.directory}/state/farandole.db")
    async with database.write("test") as session:
        anna = await session.scalar(select(Citizen.id).where(Citizen.name == "anna"))
        assert anna is not None
        await devices.remember(session, citizen_id=anna, mac=PHONE, name="phone", days=30, now=now)
    await database.close()
