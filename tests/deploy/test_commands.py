"""The nouns of the command line: what they do, show, refuse and write down."""

import json
import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from aaa import devices
from aaa.database import Database
from aaa.model import AuditEvent, Instruction, InstructionKind, Nas, Session
from deploy.commands import COMMANDS
from radius.wire.attributes import Attributes
from radius.wire.authenticator import (
    encode_access_request,
    encode_reply_in_kind,
    verify_dynamic_request,
)
from radius.wire.packet import Code, Packet, parse
from tests.operator import FARANDOLE, SECRET, Operator
from tests.village import PHONE

LOGO = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><path d="M0 0h8v8z"/></svg>'


def embedded(operator: Operator) -> Database:
    return Database(f"sqlite:///{operator.directory}/state/farandole.db")


def test_a_collectivity_is_dressed(village: Operator) -> None:
    files = {"logo.svg": LOGO, "terms.txt": "Be kind.\n", "bad.svg": LOGO.replace("path", "script")}
    for name, content in files.items():
        (village.directory / name).write_text(content)
    change = ("collectivity", "change", "village")
    done = village.do(
        *(*change, "--colour", "#1D5C63", "--contact", "mairie@v.example"),
        *("--logo", str(village.directory / "logo.svg")),
        *("--terms", str(village.directory / "terms.txt")),
    )
    assert "its terms are version 2" in done
    shown = village.ask("collectivity", "show", "village")
    assert (shown["colour"], shown["contact"], shown["has_logo"], shown["terms_version"]) == (
        *("#1d5c63", "mairie@v.example"),
        *(True, 2),
    )
    # The same terms again are no new version.
    village.do(*change, "--terms", "-", given="Be kind.")
    assert village.ask("collectivity", "show", "village")["terms_version"] == 2
    bad = str(village.directory / "bad.svg")
    assert "the drawing has <script>" in village.refused(*change, "--logo", bad, status=1)
    assert "is no colour" in village.refused(*change, "--colour", "blue", status=1)


def test_collectivities_nest(village: Operator) -> None:
    options = ("--name", "Le Hameau", "--realm", "h.example", "--parent", "village")
    village.do("collectivity", "add", "hamlet", *options)
    listed = village.ask("collectivity", "list")
    assert [(row["slug"], row["parent"]) for row in listed] == [
        ("village", None),
        ("hamlet", "village"),
    ]
    village.do("hotspot", "add", "well", "--collectivity", "hamlet", "--name", "Le puits")
    of_both = village.ask("hotspot", "list", "--collectivity", "village")
    assert {row["slug"] for row in of_both} == {"square", "well"}
    of_one = village.ask("hotspot", "list", "--collectivity", "hamlet")
    assert {row["slug"] for row in of_one} == {"well"}
    lines = village.do("hotspot", "list").splitlines()
    assert lines[0].split() == ["SLUG", "NAME", "COLLECTIVITY", "SSID"]
    assert lines[1].split(maxsplit=1)[0] == "square"


def test_a_nas_gets_its_secrets_once(village: Operator) -> None:
    options = ("--hotspot", "square", "--vendor", "coovachilli", "--address", "192.0.2.0/24")
    text = village.do("nas", "add", "chilli", *options)
    assert re.search(r"^uamserver +http://127.0.0.1:8080/at/chilli/$", text, re.MULTILINE)
    made = re.findall(r"^(?:radius|uam)secret +(\S{32,})$", text, re.MULTILINE)
    assert len(set(made)) == 2
    shown = village.do("nas", "show", "chilli", "--json")
    again = village.do("nas", "setup", "chilli")
    assert not any(secret in shown + again for secret in made)
    assert "\nradiussecret      <as it is there>\n" in again
    assert again in re.sub(r"(secret +)\S{32,}", r"\1<as it is there>", text)
    assert json.loads(shown)["reachable_before_log_in"] == ["127.0.0.1"]
    assert '"has_uam_secret": true' in shown
    # One that the operator has is not repeated to them.
    given = village.do("nas", "rotate", "chilli", "--secret-file", "-", given=SECRET)
    assert "\nradiussecret      <as in your file>\n" in given
    assert "uamsecret  " not in given
    rotated = village.ask("nas", "rotate", "chilli", "--overlap-hours", "1")["secret"]
    assert rotated not in made
    shown = village.ask("nas", "show", "chilli")
    left = datetime.fromisoformat(shown["former_secret_until"]) - datetime.now(UTC)
    assert timedelta(minutes=50) < left <= timedelta(hours=1)
    village.do("nas", "remove", "chilli")
    assert [row["name"] for row in village.ask("nas", "list")] == ["gateway"]


@pytest.mark.parametrize(
    ("vendor", "secrets"),
    [
        ("coovachilli", {"secret", "uam_secret"}),
        ("uspot", {"secret", "uam_secret"}),
        ("generic", {"secret"}),
        ("hostapd", {"secret"}),
    ],
)
def test_a_nas_that_signs_redirects_gets_a_secret_for_it(
    village: Operator, vendor: str, secrets: set[str]
) -> None:
    options = ("--hotspot", "square", "--vendor", vendor, "--identifier", "new")
    made = village.ask("nas", "add", "new", *options)
    assert {name for name in made if "secret" in name} == secrets
    assert village.ask("nas", "show", "new")["has_uam_secret"] == ("uam_secret" in secrets)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--vendor", "generic"), "known by --address"),
        (("--vendor", "acme", "--address", "192.0.2.1"), "we do not speak “acme”"),
        (("--vendor", "generic", "--address", "here"), "is no address or network"),
        (("--vendor", "generic", "--address", "127.0.0.1"), "has this address already"),
        (("--vendor", "generic", "--address", "::1", "--secret-file", "-"), "16 to 128 octets"),
        (("--vendor", "generic", "--address", "::1", "--secret-file", "/none"), "cannot be read"),
    ],
)
def test_a_nas_that_cannot_be(village: Operator, options: tuple[str, ...], says: str) -> None:
    arguments = ("nas", "add", "other", "--hotspot", "square", *options)
    assert says in village.refused(*arguments, status=1, given="short")


def test_a_nas_is_changed(village: Operator) -> None:
    village.do("hotspot", "add", "well", "--collectivity", "village", "--name", "Le puits")
    change = ("nas", "change", "gateway")
    village.do(
        *(*change, "--hotspot", "well", "--address", "192.0.2.7", "--identifier", "Gateway-1"),
        *("--login-host", "gateway.v.example", "--pap", "--coa-port", "1700"),
        *("--message-authenticator", "optional", "--uam-secret-file", "-"),
        given="a uamsecret that signs",
    )
    changed = {
        "hotspot": "well",
        "network": "192.0.2.7/32",
        "identifier": "gateway-1",
        "login_host": "gateway.v.example",
        "uses_pap": True,
        "coa_port": 1700,
        "message_authenticator": "optional",
        "has_uam_secret": True,
    }
    assert village.ask("nas", "show", "gateway").items() >= changed.items()
    clearable = ("--address", "--login-host", "--coa-port", "--uam-secret-file")
    village.do(*change, "--no-pap", *(word for option in clearable for word in (option, "none")))
    cleared = {
        **dict.fromkeys(("network", "login_host", "coa_port")),
        **{"uses_pap": False, "has_uam_secret": False},
    }
    assert village.ask("nas", "show", "gateway").items() >= (changed | cleared).items()
    for options, says in (
        ((), "say what shall be different"),
        (("--identifier", "none"), "known by --address"),
        (("--coa-port", "70000"), "is no port"),
        (("--hotspot", "none"), "there is no hotspot “none”"),
    ):
        assert says in village.refused(*change, *options, status=1)


def test_access_points_behind_a_nas(village: Operator) -> None:
    where = ("--nas", "gateway", "--hotspot", "square", "--name", "Above the door")
    village.do("access-point", "add", "00-11-22-AA-BB-CC", *where)
    (row,) = village.ask("access-point", "list")
    assert (row["mac"], row["nas"], row["hotspot"]) == ("00:11:22:aa:bb:cc", "gateway", "square")
    refused = village.refused("access-point", "add", "somewhere", *where, status=1)
    assert "is no MAC address" in refused


def test_a_citizen_is_banned_and_forgiven(village: Operator) -> None:
    names = ("citizen", "add", "Mireille", "--collectivity", "village")
    added = village.do(*names, "--email", "m@v.example")
    assert added == "mireille@v.example\n"
    (listed,) = village.ask("citizen", "list", "--collectivity", "village")
    assert (listed["state"], listed["has_password"]) == ("active", False)
    village.do("citizen", "ban", "mireille@v.example")
    assert village.ask("citizen", "show", "mireille@v.example")["state"] == "banned"
    assert village.ask("citizen", "list", "--state", "active") == []
    village.do("citizen", "unban", "mireille@v.example")
    again = village.refused("citizen", "unban", "mireille@v.example", status=1)
    assert "is not banned: the account is active" in again
    assert "there is no citizen" in village.refused("citizen", "show", "x@v.example", status=1)
    assert "realms: v.example" in village.refused("citizen", "show", "mireille", status=1)
    add = ("citizen", "add", "bob", "--collectivity", "village", "--password-file", "-")
    assert "a password has" in village.refused(*add, status=1, given="short\n")


def test_a_citizen_can_always_log_in(village: Operator) -> None:
    add = ("citizen", "add", "mireille", "--collectivity", "village")
    assert "nobody could log in: name an --email" in village.refused(*add, status=1)
    village.do(*add, "--email", "m@v.example")
    change = ("citizen", "change", "mireille@v.example")
    assert "say what shall be different" in village.refused(*change, status=1)
    assert "leave an e-mail" in village.refused(*change, "--email", "none", status=1)
    assert "not an e-mail" in village.refused(*change, "--email", "somewhere", status=1)
    village.do(*change, "--email", "none", "--password-file", "-", given="lavender in july\n")
    shown = village.ask("citizen", "show", "mireille@v.example")
    assert (shown["email"], shown["has_password"]) == (None, True)
    assert "leave an e-mail" in village.refused(*change, "--password-file", "none", status=1)
    village.do(*change, "--email", "Other@v.example", "--password-file", "none")
    shown = village.ask("citizen", "show", "mireille@v.example")
    assert (shown["email"], shown["has_password"]) == ("other@v.example", False)
    village.do("citizen", "add", "bob", "--collectivity", "village", "--email", "bob@v.example")
    assert "another account" in village.refused(*change, "--email", "bob@v.example", status=1)


async def test_a_citizen_is_removed(village: Operator) -> None:
    await open_session(village)
    database = embedded(village)
    async with database.write("test") as session:
        now = datetime.now(UTC)
        await devices.remember(session, citizen_id=1, mac=PHONE, name="", days=9, now=now)
    done = village.do("citizen", "remove", "mireille@v.example")
    assert "sessions to be ended: 1" in done
    assert "kept for a year" in done
    shown = village.ask("citizen", "show", "mireille@v.example")
    assert (shown["state"], shown["email"], shown["has_password"]) == ("closed", None, False)
    assert village.ask("device", "list", "--citizen", "mireille@v.example") == []
    (listed,) = village.ask("session", "list", "--citizen", "mireille@v.example")
    assert listed["device_mac"] == PHONE
    async with database.read("test") as session:
        (asked,) = await session.scalars(select(Instruction))
        events = (await session.scalars(select(AuditEvent.action).order_by(AuditEvent.id))).all()
    await database.close()
    assert (asked.kind, asked.reason) == (InstructionKind.DISCONNECT, "closed")
    assert events[-1] == "citizen.remove"
    for command in ("remove", "ban", "unban"):
        assert "closed" in village.refused("citizen", command, "mireille@v.example", status=1)
    change = ("citizen", "change", "mireille@v.example", "--email", "m@v.example")
    assert "is closed" in village.refused(*change, status=1)
    # The address is free for a new account.
    again = ("citizen", "add", "mireille-2", "--collectivity", "village")
    assert village.do(*again, "--email", "m@v.example") == "mireille-2@v.example\n"


def test_limits_are_set_and_taken_away(village: Operator) -> None:
    village.do("policy", "set", "--hotspot", "square", "session_seconds=7200", "daily_octets=1000")
    assert village.do("policy", "show", "--hotspot", "square") == (
        "daily_octets=1000\nsession_seconds=7200\n"
    )
    village.do("policy", "set", "--hotspot", "square", "daily_octets=none")
    assert village.ask("hotspot", "show", "square")["limits"] == {"session_seconds": "7200"}
    both = ("policy", "show", "--hotspot", "square", "--collectivity", "village")
    assert "name one scope" in village.refused(*both, status=1)
    wrong = ("policy", "set", "--collectivity", "village")
    assert "there is no limit “speed”" in village.refused(*wrong, "speed=9", status=1)
    assert "write KEY=VALUE" in village.refused(*wrong, "speed", status=1)


async def open_session(village: Operator) -> None:
    """Let a citizen be online at the gateway."""
    names = ("citizen", "add", "mireille", "--collectivity", "village")
    village.do(*names, "--email", "m@v.example")
    database = embedded(village)
    now = datetime.now(UTC)
    async with database.write("test") as session:
        nas = (await session.scalars(select(Nas))).one()
        session.add(
            Session(
                nas_id=nas.id,
                hotspot_id=nas.hotspot_id,
                acct_session_id="s-1",
                device_mac=PHONE,
                citizen_id=1,
                started_at=now,
                updated_at=now,
            )
        )
    await database.close()


async def test_a_session_is_asked_to_end(village: Operator) -> None:
    await open_session(village)
    disconnect = ("session", "disconnect", "--device", PHONE.replace(":", "-").upper())
    asked = village.run(*disconnect, "--wait", "0.1", "--json")
    assert (asked.returncode, '"state": "pending"' in asked.stdout) == (1, True)
    (listed,) = village.ask("session", "list", "--open", "--citizen", "mireille@v.example")
    assert listed["id"] == 1
    assert "no such session is open" in village.refused(
        "session", "disconnect", "--id", "7", status=1
    )
    assert "say which sessions" in village.refused("session", "disconnect", status=1)
    assert "there is no session 7" in village.refused("session", "show", "7", status=1)


def acknowledge(nas: socket.socket, code: Code) -> Packet:
    """Return the request that a NAS has got and acknowledged, with `code`."""
    datagram, server = nas.recvfrom(4096)
    request, secret = parse(datagram), SECRET.encode()
    verify_dynamic_request(datagram, request, secret)
    reply = Packet(code, request.identifier, request.authenticator, Attributes.of())
    nas.sendto(encode_reply_in_kind(reply, request, secret), server)
    return request


@pytest.mark.parametrize(
    ("verb", "asked_for", "answer"),
    [
        ("disconnect", Code.DISCONNECT_REQUEST, Code.DISCONNECT_ACK),
        ("refresh", Code.COA_REQUEST, Code.COA_ACK),
    ],
)
async def test_a_nas_does_as_it_is_told(
    village: Operator, verb: str, asked_for: Code, answer: Code
) -> None:
    await open_session(village)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nas, ThreadPoolExecutor(1) as thread:
        nas.bind(("127.0.0.1", 0))
        nas.settimeout(60)
        village.do("nas", "change", "gateway", "--coa-port", str(nas.getsockname()[1]))
        acknowledged = thread.submit(acknowledge, nas, answer)
        with village.serve("radius"):
            asked = village.ask("session", verb, "--id", "1", "--wait", "30")
        request = acknowledged.result()
    assert [(row["session"], row["state"], row["attempts"]) for row in asked] == [
        (1, "acknowledged", 1)
    ]
    assert request.code is asked_for
    assert request.attributes.text("Acct-Session-Id") == "s-1"
    assert request.attributes.has("Session-Timeout") == (verb == "refresh")


async def test_every_change_is_written_down_without_its_secrets(village: Operator) -> None:
    village.do("nas", "rotate", "gateway", "--secret-file", "-", given=f"{SECRET} again")
    change = ("nas", "change", "gateway", "--message-authenticator", "optional")
    village.do(*change, "--uam-secret-file", "-", given=f"{SECRET} too")
    village.refused(
        "hotspot", "add", "square", "--collectivity", "village", "--name", "x", status=1
    )
    database = embedded(village)
    async with database.read("test") as session:
        events = (await session.scalars(select(AuditEvent).order_by(AuditEvent.id))).all()
    await database.close()
    assert [(event.action, event.subject) for event in events] == [
        ("collectivity.add", "collectivity:village"),
        ("hotspot.add", "hotspot:square"),
        ("nas.add", "nas:gateway"),
        ("nas.rotate", "nas:gateway"),
        ("nas.change", "nas:gateway"),
    ]
    assert events[-1].detail["message_authenticator"] == "optional"
    whoami = subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
    assert {event.actor for event in events} == {f"cli:{whoami}"}
    assert SECRET not in str([event.detail for event in events])


def test_packets_are_read(local_operator: Operator) -> None:
    packet = Packet(
        Code.ACCESS_REQUEST,
        7,
        bytes(range(16)),
        Attributes.of(("User-Name", "mireille"), ("User-Password", b"0123456789abcdef")),
    )
    octets = encode_access_request(packet, SECRET.encode()).hex(" ")
    (local_operator.directory / "secret").write_text(SECRET)
    secret = str(local_operator.directory / "secret")
    text = local_operator.do("packet", "decode", "--secret-file", secret, given=octets)
    assert "Access-Request, identifier 7" in text
    assert "mireille" in text
    assert "0123456789abcdef" not in text
    (local_operator.directory / "secret").write_text("another one")
    wrong = local_operator.run("packet", "decode", "--secret-file", secret, given=octets)
    assert wrong.returncode == 1
    assert wrong.stderr == "farandole: it was not made with this secret: message_authenticator\n"
    for given, says in (("zz", "not hexadecimal"), ("0102", "no RADIUS packet: too_short")):
        assert says in local_operator.refused("packet", "decode", status=1, given=given)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_verbs(local_operator: Operator, name: str) -> None:
    text = local_operator.do(name, "--help")
    assert text.startswith(f"Usage: farandole {name}")


def test_help_comes_at_once_and_a_slip_is_said_plainly(local_operator: Operator) -> None:
    text = local_operator.do("--help")
    assert all(name in text for name in COMMANDS)
    loaded = subprocess.run(
        [FARANDOLE.parent / "python", "-X", "importtime", FARANDOLE, "--help"],
        capture_output=True,
        text=True,
    ).stderr
    assert "sqlalchemy" not in loaded
    slip = local_operator.run("collectivty")
    assert (slip.returncode, "No such command 'collectivty'" in slip.stderr) == (2, True)
    assert "did you mean 'collectivity'" in slip.stderr.lower()


@pytest.mark.parametrize(
    "command",
    [
        *("collectivity list", "hotspot list", "nas list", "access-point list", "partner list"),
        *("citizen list", "policy show --hotspot square", "session list", "ca show", "check"),
    ],
)
def test_the_installed_command_loads_what_it_needs(village: Operator, command: str) -> None:
    """Alone, where nothing else has loaded it."""
    done = village.run(*command.split(), "--json", prefix=("env",))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) is not None


def test_check_finds_what_is_amiss(village: Operator) -> None:
    found = {finding["name"]: finding for finding in village.ask("check")}
    assert all(finding["problem"] is None for finding in found.values())
    assert found["service"]["detail"] == "is not running"
    (village.directory / "state" / "farandole.key").unlink()
    amiss = village.run("check")
    assert "note   mail: nobody can sign up by e-mail. Name a mail server in" in amiss.stdout
    assert "note   portal.public_url: no phone can reach http://127.0.0.1:8080. W" in amiss.stdout
    assert amiss.returncode == 1
    assert "AMISS  database: key file" in amiss.stdout


def test_a_portal_that_no_phone_can_reach(village: Operator) -> None:
    add = ("nas", "add", "--hotspot", "square", "--vendor", "coovachilli")
    says = "Note: no phone can reach http://127.0.0.1:8080/at/one/: set portal.public_url."
    assert says in village.do(*add, "one", "--address", "192.0.2.1")
    public = {"FARANDOLE_PORTAL__PUBLIC_URL": "https://wifi.v.example"}
    done = village.run(*add, "two", "--address", "192.0.2.2", environment=public)
    assert (done.returncode, "no phone" in done.stdout) == (0, False)


def test_check_asks_the_service_that_runs(village: Operator) -> None:
    with village.serve() as served:
        running = {
            "FARANDOLE_RADIUS__AUTH_PORT": str(served.port("authentication")),
            "FARANDOLE_RADIUS__ACCT_PORT": str(served.port("accounting")),
            "FARANDOLE_MONITORING__PORT": str(served.port("monitoring")),
        }
        done = village.run("check", environment=running)
    assert done.returncode == 0
    assert "ok     service: is running, and ready" in done.stdout
    assert "ok     radius.auth_port: answers on" in done.stdout
    assert "ok     radius.acct_port: answers on" in done.stdout
