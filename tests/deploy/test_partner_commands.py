"""`farandole partner`: added by one command, which says all that the other side must know."""

import json
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from aaa.database import Database
from aaa.model import AuditEvent, Nas, Session
from tests.interop.certificates import Issuer
from tests.operator import Operator
from tests.village import NOON

SHARED: Final = "a secret of two regions"
TITLE: Final = ("--title", "Regione Liguria")
REALM: Final = ("--realm", "liguria.example")
HOME: Final = ("--home", "udp://192.0.2.7")
FROM: Final = ("--from", "192.0.2.0/28")


@pytest.fixture
def root(tmp_path: Path) -> str:
    """The root of a partner, in a file."""
    path = tmp_path / "root.pem"
    path.write_bytes(Issuer.create("Liguria Root").certificate)
    return str(path)


def add(operator: Operator, *more: str, name: str = "liguria") -> str:
    """Add a partner over UDP, both ways."""
    options = (*TITLE, *REALM, *HOME, *FROM, "--secret-file", "-", *more)
    return operator.do("partner", "add", name, *options, given=SHARED)


def refused(operator: Operator, *arguments: str, given: str = SHARED) -> str:
    return operator.refused("partner", *arguments, status=1, given=given)


def test_a_partner_over_udp_is_added_by_one_command(village: Operator) -> None:
    told = add(village, "--country", "it", "--language", "it", "--timezone", "Europe/Rome")
    assert "Its citizens can log in at our hotspots." in told
    assert "our realms                v.example" in told
    assert "our server                udp://127.0.0.1:0" in told
    assert "realm v.example {" in told
    assert "client v.example {" in told
    # What the operator has is not repeated to them.
    assert 'secret = "<as in your file>"' in told
    assert SHARED not in told
    shown = village.ask("partner", "show", "liguria")
    assert (shown["title"], shown["state"], shown["country"]) == ("Regione Liguria", "active", "IT")
    assert shown["realms"] == ["liguria.example"]
    assert shown["servers"] == ["udp://192.0.2.7:1812"]
    assert shown["sends_from"] == ["udp 192.0.2.0/28"]
    assert shown["waiting"] == 0


def test_a_secret_that_is_made_is_shown_once(village: Operator) -> None:
    made = village.ask("partner", "add", "liguria", *TITLE, *REALM, *HOME, *FROM)["secret"]
    assert len(made) == 32
    for told in (
        village.do("partner", "setup", "liguria"),
        village.do("partner", "show", "liguria", "--json"),
        village.do("partner", "list"),
    ):
        assert made not in told
    assert '"<the shared secret>"' in village.do("partner", "setup", "liguria")


def test_a_partner_over_tls_proves_itself_by_certificates(village: Operator, root: str) -> None:
    village.do(
        *("partner", "add", "liguria", *TITLE, *REALM, "--anchor", root),
        *("--home", "tls://radius.liguria.example", "--home", "tls://192.0.2.9:2084"),
        *("--certificate-name", "radius.liguria.example"),
        *("--from-certificate-name", "proxy.liguria.example"),
    )
    shown = village.ask("partner", "show", "liguria")
    assert shown["servers"] == ["tls://radius.liguria.example:2083", "tls://192.0.2.9:2084"]
    assert shown["sends_from"] == ["tls proxy.liguria.example"]
    told = village.do("partner", "setup", "liguria", "--format", "radsecproxy")
    assert "tls v.example {" in told
    assert "farandole ca export" in told
    assert "our radsec server         tls://radius" in told


def test_a_server_is_known_by_its_name_unless_told_otherwise(village: Operator, root: str) -> None:
    options = (*TITLE, *REALM, "--home", "tls://RADIUS.Liguria.example", "--anchor", root)
    village.do("partner", "add", "liguria", *options)
    told = village.ask("partner", "setup", "liguria")
    assert "our_realms" not in told
    assert village.ask("partner", "show", "liguria")["sends_from"] == []


def test_what_cannot_be_is_refused_in_a_line_with_the_remedy(village: Operator) -> None:
    new = ("add", "liguria", *TITLE, *REALM)
    ours = refused(village, *new, *HOME, "--realm", "v.example", "--secret-file", "-")
    assert "“v.example” is our own collectivity “village”" in ours
    unproven = refused(village, *new, "--home", "tls://radius.liguria.example")
    assert "give the root that signs it (--anchor)" in unproven
    needless = refused(village, *new, "--home", "tls://r.example", "--secret-file", "-")
    assert "leave --secret-file out" in needless
    assert village.ask("partner", "list") == []


def test_a_partner_changes(village: Operator, root: str) -> None:
    add(village)
    change = ("partner", "change", "liguria")
    village.do(*change, "--title", "Liguria", "--add-realm", "*.liguria.example")
    village.do(*change, "--remove-realm", "liguria.example", "--from-anchor", root,
               "--from-certificate-name", "proxy.liguria.example")  # fmt: skip
    row = village.ask("partner", "show", "liguria")
    assert (row["title"], row["realms"]) == ("Liguria", ["*.liguria.example"])
    assert row["sends_from"] == ["tls proxy.liguria.example"]
    assert "say what shall be different" in refused(village, "change", "liguria")
    wanted = refused(village, "change", "liguria", *FROM)
    assert "give --from-secret-file" in wanted
    assert "there is no partner “genova”; there are: liguria" in refused(
        village, "change", "genova", "--title", "Genova"
    )


def test_servers_come_and_go(village: Operator) -> None:
    add(village)
    server = ("udp://192.0.2.9:11812", "--accounting-port", "11820", "--secret-file", "-")
    village.do("partner", "add-server", "liguria", *server, given=SHARED)
    village.do("partner", "remove-server", "liguria", "udp://192.0.2.7")
    shown = village.ask("partner", "show", "liguria")
    assert shown["servers"] == ["udp://192.0.2.9:11812"]
    assert "the only server" in refused(village, "remove-server", "liguria", shown["servers"][0])
    assert "by a shared secret" in refused(village, "add-server", "liguria", "udp://192.0.2.7")


def test_a_partner_is_suspended_and_resumed(village: Operator) -> None:
    add(village)
    assert "farandole partner resume liguria" in village.do("partner", "suspend", "liguria")
    assert village.ask("partner", "list")[0]["state"] == "suspended"
    village.do("partner", "resume", "liguria")
    assert village.ask("partner", "list")[0]["state"] == "active"


async def test_a_partner_is_removed_and_all_of_it_is_written_down(village: Operator) -> None:
    add(village)
    village.do("partner", "suspend", "liguria")
    assert village.do("partner", "remove", "liguria") == "Partner liguria is removed.\n"
    assert village.ask("partner", "list") == []
    assert [row["slug"] for row in village.ask("collectivity", "list")] == ["village"]
    database = Database(f"sqlite:///{village.directory}/state/farandole.db")
    async with database.read("test") as session:
        noted = (await session.scalars(select(AuditEvent).order_by(AuditEvent.id))).all()
    await database.close()
    done = [event for event in noted if event.subject == "partner:liguria"]
    assert [event.action for event in done] == ["partner.add", "partner.suspend", "partner.remove"]
    assert done[0].detail["servers"] == ["udp://192.0.2.7:1812"]
    assert SHARED not in json.dumps([event.detail for event in noted])


async def test_a_partner_with_sessions_on_record_is_removed_and_its_place_stays(
    village: Operator,
) -> None:
    add(village)
    database = Database(f"sqlite:///{village.directory}/state/farandole.db")
    async with database.write("test") as session:
        nas = (await session.scalars(select(Nas).where(Nas.name == "liguria"))).one()
        session.add(
            Session(
                nas_id=nas.id,
                hotspot_id=nas.hotspot_id,
                acct_session_id="1",
                started_at=NOON,
                updated_at=NOON,
            )
        )
    await database.close()
    assert "its place stays" in village.do("partner", "remove", "liguria")
    (row,) = (row for row in village.ask("nas", "list") if row["name"] == "liguria")
    assert row["network"] is None


def test_partners_are_told_from_what_is_ours(village: Operator) -> None:
    add(village, "--realm", "*.liguria.example")
    rows = {row["slug"]: row["is_partner"] for row in village.ask("collectivity", "list")}
    assert rows == {"village": False, "liguria": True}
    assert [row["slug"] for row in village.ask("hotspot", "list")] == ["square"]
    own = ("--name", "Genova", "--realm", "Liguria.example")
    assert "leads to partner “liguria”" in village.refused(
        "collectivity", "add", "genova", *own, status=1
    )
    in_it = ("--collectivity", "liguria", "--name", "Porto")
    assert "“liguria” is a partner" in village.refused("hotspot", "add", "porto", *in_it, status=1)
    citizen = ("ada", "--collectivity", "liguria", "--email", "ada@liguria.example")
    assert "its citizens sign up with it" in village.refused("citizen", "add", *citizen, status=1)
    assert "farandole partner remove liguria" in village.refused(
        "nas", "remove", "liguria", status=1
    )


def test_access_points_tell_phones_of_partners_citizens(village: Operator) -> None:
    add(village, "--realm", "*.liguria.example")
    written = village.do("nas", "secure", "gateway").splitlines()
    assert "nai_realm=0,liguria.example" in written
    assert "domain_name=v.example" in written
    village.do("partner", "suspend", "liguria")
    assert "liguria.example" not in village.do("nas", "secure", "gateway")


def test_what_crosses_is_agreed_on_shown_and_taken_back(village: Operator) -> None:
    add(village)
    shown = village.do("partner", "contract", "liguria")
    assert shown.startswith("Agreed with liguria: what holds for every partner.")
    terms = ("--withhold", "Calling-Station-Id", "--let-in", "Termination-Action")
    shown = village.do("partner", "contract", "liguria", *terms)
    assert "Agreed with liguria: withhold Calling-Station-Id, let in Termination-Action." in shown
    kept = village.ask("partner", "contract", "liguria")
    assert "Calling-Station-Id" not in kept["request_out"]["Access-Request"]
    assert "Termination-Action" in kept["reply_in"]["Access-Accept"]
    told = refused(village, "contract", "liguria", "--let-in", "Tunnel-Private-Group-ID")
    assert "what becomes of a device's traffic" in told
    assert village.ask("partner", "contract", "liguria") == kept
    village.do("partner", "contract", "liguria", "--plain")
    assert village.ask("partner", "contract", "liguria")["agreed"] == []
