"""Two services become partners by two commands, and what their people read."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from federation.trust import invitations
from tests.operator import ON_LOOPBACK, Operator, Served, operate
from tests.ports import free_port


@contextmanager
def member(directory: Path, slug: str) -> Iterator[tuple[Operator, Served]]:
    """Give a service that others reach over loopback, and its operator."""
    radsec, portal = free_port(), free_port()
    operator = operate(
        directory / slug,
        {
            **ON_LOOPBACK,
            "radius.radsec_port": str(radsec),
            "portal.port": str(portal),
            "portal.public_url": f"http://127.0.0.1:{portal}",
            "eap.server_name": f"radius.{slug}.example",
            "federation.servers": f"127.0.0.1:{radsec}",
            "federation.refresh_seconds": "1",
            "federation.canary_seconds": "1",
        },
    )
    operator.do("database", "upgrade")
    name = ("--name", f"Pays de {slug}", "--realm", f"{slug}.example")
    operator.do("collectivity", "add", slug, *name)
    with operator.serve() as served:
        yield operator, served


def links(operator: Operator, name: str) -> Mapping[tuple[str, str], str]:
    """How each link of a partner is: by where, and by whose citizens."""
    row: dict[str, Any] = operator.ask("partner", "show", name)
    return {(each["visited"], each["home"]): each["state"] for each in row["connections"]}


def test_two_members_join_hands(tmp_path: Path) -> None:
    with (
        member(tmp_path, "lavender") as (lavender, here),
        member(tmp_path, "basil") as (basil, there),
    ):
        printed = lavender.run("partner", "invite")
        assert "only this machine reaches that" in printed.stderr
        (code,) = re.findall(r"^http.*#.*$", printed.stdout, re.MULTILINE)
        read = invitations.read(code)
        assert f"partner uninvite {read.reference}" in printed.stdout

        assert "paste the whole line" in basil.refused("partner", "accept", status=1, given="x")
        joined = basil.run("partner", "accept", given=f"{code[:40]}\n  {code[40:]}\n")
        assert joined.returncode == 0, joined.stderr
        assert "Joined hands with Pays de lavender (http://127.0.0.1:" in joined.stdout
        good = re.findall(r"^  ok  (.*)$", joined.stdout, re.MULTILINE)
        assert len(good) == 3
        assert good[0].endswith(": answers")
        assert all(re.search(r"can log in, tried in \d+ ms$", line) for line in good[1:])

        entities = [f"http://127.0.0.1:{each.port('portal')}" for each in (here, there)]
        for operator, name, entity in (
            (lavender, "basil", entities[1]),
            (basil, "lavender", entities[0]),
        ):
            (row,) = operator.ask("partner", "list")
            assert (row["name"], row["entity"], row["drift"]) == (name, entity, [])
            assert (row["title"], row["state"]) == (f"Pays de {name}", "active")
        (used,) = lavender.ask("partner", "invitations")
        assert (used["reference"], used["used_by"]) == (read.reference, entities[1])
        both = {pair: "connected" for pair in (tuple(entities), tuple(reversed(entities)))}
        there.process.await_condition(
            lambda: links(basil, "lavender") == both, "hear what the other measured"
        )
        page = httpx.get(f"{entities[1]}/federation").text
        assert page.count("1 of 1") == 2
        assert f"members: no other member reaches {entities[1]}" in basil.run("check").stdout

        # One command, and the other side sees it.
        lavender.do("partner", "suspend", "basil")
        there.process.await_condition(
            lambda: (
                links(basil, "lavender")
                == {tuple(entities): "suspended", tuple(reversed(entities)): "silent"}
            ),
            "see that it is suspended",
        )
        assert (
            "Pays de lavender cannot log in at places of Pays de basil: silent"
            in basil.run("check").stdout
        )
        lavender.do("partner", "resume", "basil")
        there.process.await_condition(lambda: links(basil, "lavender") == both, "come back")

        secret = read.token.reveal().decode()
        derived = [invitations.canary(read.token, *pair) for pair in both]
        for served in (here, there):
            for hidden in (secret, *(each.secret.reveal().decode() for each in derived)):
                assert hidden not in served.process.output
            assert "Traceback" not in served.process.output
        assert secret not in joined.stdout + joined.stderr

        basil.do("partner", "remove", "lavender")
        assert basil.ask("partner", "list") == []
        # As long as the other side has not noticed, the same code leads back.
        assert basil.run("partner", "accept", given=code).returncode == 0


def test_an_invitation_is_taken_back(local_operator: Operator) -> None:
    local_operator.do("database", "upgrade")
    local_operator.do("collectivity", "add", "v", "--name", "V", "--realm", "v.example")
    told = local_operator.run("partner", "invite", "--realm", "liguria.example", "--json")
    assert told.returncode == 0
    (row,) = local_operator.ask("partner", "invitations")
    assert (row["realms"], row["used_by"]) == ("liguria.example", None)
    assert row["reference"] in told.stdout
    local_operator.do("partner", "uninvite", row["reference"])
    assert local_operator.ask("partner", "invitations") == []
    line = local_operator.refused("partner", "uninvite", row["reference"], status=1)
    assert "there is no invitation" in line


def test_what_others_could_not_read_is_told_here(local_operator: Operator) -> None:
    local_operator.do("database", "upgrade")
    named = ("v", "--name", "V", "--realm", "v.example")
    for place in (("--language", "french"), ("--country", "France")):
        line = local_operator.refused("collectivity", "add", *named, *place, status=1)
        assert "write two letters" in line
    local_operator.do("collectivity", "add", *named)
    local_operator.do("collectivity", "change", "v", "--contact", "mail:\n\nwifi@v.example")
    done = local_operator.run("partner", "invite")
    assert done.returncode == 1
    assert "is of no use to others (it does not say its contact): correct it" in done.stderr


def test_new_keys_are_called_for_once(local_operator: Operator) -> None:
    local_operator.do("database", "upgrade")
    assert "sign from" in local_operator.do("partner", "rotate")
    assert "made already" in local_operator.refused("partner", "rotate", status=1)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("invite", "--name", "No Name"), "is no short name"),
        (("invite", "--realm", "nowhere"), "is not a realm"),
        (("canary", "nobody", "--identity", "a@b.example", "--secret-file", "-"), "no partner"),
    ],
)
def test_what_cannot_be_is_refused(village: Operator, arguments: tuple[str, ...], why: str) -> None:
    done = village.run("partner", *arguments, given="a secret")
    assert done.returncode == 1
    assert why in done.stderr
