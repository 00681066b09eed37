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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

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
    gate,
    run_hostapd,
    run_supplicant,
)
from tests.interop.namespaces import Namespace, Plug, connect, namespace
from tests.operator import Operator, operate
from tests.village import PHONE

pytestmark = [
    pytest.mark.interop,
    pytest.mark.namespaces,
    pytest.mark.xdist_group("hostapd"),  # one installation is copied for all
]

ANNA: Final = "anna@village.example"
NAS_SECRET: Final = "a secret of the square"
EAP_SECRET: Final = "a secret of the gateway and itself"
EAP_PORT: Final = 18120
SERVER: Final = "192.0.2.1"
UPLINK: Final = "192.0.2.2"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Square:
    """The village square: a phone, wired to a gateway, wired to Farandole and what lies beyond."""

    farandole: Operator
    server: Plug
    uplink: Plug
    cell: Plug
    phone: Plug

    @contextmanager
    def hostapd(self, **settings: object) -> Iterator[Hostapd]:
        """Run the gateway's hostapd, and the packet filter that does what it says."""
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
        with (
            run_hostapd(self.cell.namespace, self.cell.interface, ours | settings) as hostapd,
            gate(hostapd),
        ):
            yield hostapd

    @contextmanager
    def log_in(self, hostapd: Hostapd) -> Iterator[WpaSupplicant]:
        """Let the phone log in as Anna, and wait until it is let through."""
        place = (self.phone.namespace, self.phone.interface)
        with run_supplicant(*place, identity=ANNA, password="lavender") as supplicant:
            hostapd.await_event(f"{CONNECTED} {PHONE}")
            hostapd.process.await_condition(self.is_online, "let the phone through")
            yield supplicant

    def is_online(self) -> bool:
        """Return whether the phone reaches what lies beyond the gateway."""
        return self.phone.namespace.reaches(SERVER)

    def sessions(self) -> list[Row]:
        """The sessions that Farandole knows, the oldest first."""
        return list(reversed(self.farandole.ask("session", "list")))

    def await_sessions(self, hostapd: Hostapd, *expected: Callable[[Row], bool]) -> list[Row]:
        """Return the sessions once there is one for each of `expected`, and it is as expected."""

        def are_there() -> bool:
            found[:] = self.sessions()
            return len(found) == len(expected) and all(
                is_expected(row) for row, is_expected in zip(found, expected, strict=True)
            )

        found: list[Row] = []
        hostapd.process.await_condition(are_there, "make the sessions that were expected")
        return found

    def disconnect(self, session: Row, *options: str) -> Row:
        """End a session as an operator does; return what became of the order."""
        by_id = ("--id", str(session["id"]), *options)
        orders: list[Row] = self.farandole.ask("session", "disconnect", *by_id)
        (order,) = orders
        return order


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of an installation that knows the village, its access point, and Anna."""
    require_network_namespaces()
    farandole = operate(tmp_path_factory.mktemp("installed"), {})
    village = ("--collectivity", "village")
    farandole.do("database", "upgrade")
    names = ("--name", "Saint-Aubin-des-Lavandes", "--realm", "village.example")
    farandole.do("collectivity", "add", "village", *names)
    farandole.do("hotspot", "add", "square", *village, "--name", "Place de la Mairie")
    nas = ("--hotspot", "square", "--vendor", "hostapd", "--address", UPLINK)
    farandole.do("nas", "add", "square", *nas, "--secret-file", "-", given=NAS_SECRET)
    farandole.do("citizen", "add", "anna", *village, "--email", "anna@village.example")
    return farandole.directory


@pytest.fixture
def square(installed: Path, tmp_path: Path) -> Iterator[Square]:
    """The village square with Farandole running, and no access point yet."""
    directory = shutil.copytree(installed, tmp_path / "farandole")
    with namespace() as server, namespace() as gateway, namespace() as phone:
        square = Square(
            operate(directory, {"radius.address": SERVER}),
            server=Plug(server, "eth0", f"{SERVER}/24"),
            uplink=Plug(gateway, "wan0", f"{UPLINK}/24"),
            cell=Plug(gateway, "lan0", "10.0.0.1/24"),
            phone=Plug(phone, "eth0", "10.0.0.2/24", mac=PHONE),
        )
        connect(square.uplink, square.server)
        connect(square.cell, square.phone)
        gateway.forward()
        server.route("10.0.0.0/24", UPLINK)
        phone.route("default", "10.0.0.1")
        with square.farandole.serve(network=server.path), _eap_server(gateway, tmp_path):
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


def is_open(session: Row) -> bool:
    return session["stopped_at"] is None


def is_closed(session: Row) -> bool:
    return session["stopped_at"] is not None


def has_lasted(session: Row) -> bool:
    return is_open(session) and session["session_seconds"] > 0


def test_a_session_is_one_row_and_a_disconnect_cuts_the_phone(square: Square) -> None:
    with square.hostapd() as hostapd:
        assert not square.is_online()
        with square.log_in(hostapd):
            assert hostapd.is_authorized(PHONE)
            (session,) = square.await_sessions(hostapd, has_lasted)  # Start and Interim
            assert session["citizen"] == ANNA
            assert session["device_mac"] == PHONE
            assert (session["hotspot"], session["nas"]) == ("square", "square")

            assert square.disconnect(session, "--wait", "10")["state"] == "acknowledged"
            hostapd.await_event(f"{DISCONNECTED} {PHONE}")
            assert not hostapd.is_authorized(PHONE)
            hostapd.process.await_condition(lambda: not square.is_online(), "cut the phone off")

            (ended,) = square.await_sessions(hostapd, is_closed)
            assert ended["id"] == session["id"]
            assert ended["session_seconds"] >= session["session_seconds"]


def test_a_phone_that_is_back_at_once_has_a_second_session(square: Square) -> None:
    """hostapd forgets a device 5 s after it cut it, and one that logs in again before that has its
    new session under the same Acct-Session-Id; when the 5 s are over hostapd ends that too."""
    with square.hostapd() as hostapd, square.log_in(hostapd) as supplicant:
        (first,) = square.await_sessions(hostapd, has_lasted)
        square.disconnect(first)
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
    with square.hostapd() as hostapd, square.log_in(hostapd):
        (session,) = square.await_sessions(hostapd, has_lasted)
        hostapd.process.kill()
        assert [is_open(row) for row in square.sessions()] == [True]
    with square.hostapd() as hostapd:
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
    phone = (square.phone.namespace, square.phone.interface)
    with (
        square.hostapd(**farandole) as hostapd,
        run_supplicant(*phone, identity=ANNA, password="lavender") as supplicant,
    ):
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
