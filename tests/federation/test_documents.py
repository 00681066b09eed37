"""What docs/federation.md says of partners is so."""

import re
from typing import Final

import pytest

from aaa.policy import DenyReason
from deploy.commands.partner import app
from federation.contracts import PLAIN
from radius.request import Unanswered
from radius.wire.dictionary import DICTIONARY, Oid
from radius.wire.packet import Code
from tests.house.sources import ROOT, modules

TEXT: Final = (ROOT / "docs" / "federation.md").read_text(encoding="utf-8")
CROSSES: Final = {
    "a log-in, to the home": PLAIN.request_out[Code.ACCESS_REQUEST],
    "accounting, to the home": PLAIN.request_out[Code.ACCOUNTING_REQUEST],
    "of a partner's requests to us, also": (
        PLAIN.request_in[Code.ACCESS_REQUEST] - PLAIN.request_out[Code.ACCESS_REQUEST]
    ),
    "Access-Accept, from the home": PLAIN.reply_in[Code.ACCESS_ACCEPT],
    "Access-Challenge": PLAIN.reply_in[Code.ACCESS_CHALLENGE],
    "Access-Reject": PLAIN.reply_in[Code.ACCESS_REJECT],
    "Accounting-Response": PLAIN.reply_in[Code.ACCOUNTING_RESPONSE],
    "Protocol-Error": PLAIN.reply_in[Code.PROTOCOL_ERROR],
    "Disconnect-Request, from the home": PLAIN.order_in[Code.DISCONNECT_REQUEST],
    "CoA-Request, from the home": PLAIN.order_in[Code.COA_REQUEST],
    "their ACK": PLAIN.reply_in[Code.DISCONNECT_ACK],
    "their NAK": PLAIN.reply_in[Code.DISCONNECT_NAK],
}


def rows(heading: str) -> dict[str, str]:
    """The tables below a heading: the last cell of each row by its first."""
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    (found,) = (part for part in section if part.startswith(heading))
    cells = [line.strip("|").split("|") for line in found.splitlines() if line.startswith("| ")]
    return {row[0].strip(): row[-1].strip() for row in cells}


@pytest.mark.parametrize("what", CROSSES)
def test_what_crosses_is_what_the_contract_lets_through(what: str) -> None:
    told = re.findall(r"`([^`]+)`", rows("What crosses")[what])
    assert told == [DICTIONARY.placed(place).name for place in sorted(CROSSES[what])]


def test_every_kind_of_packet_of_the_contract_is_told() -> None:
    assert rows("What crosses").keys() - {"what"} == CROSSES.keys()
    allowed: list[dict[Code, frozenset[Oid]]] = [
        *(dict(PLAIN.request_out), dict(PLAIN.reply_in), dict(PLAIN.order_in))
    ]
    # ACK and NAK of a CoA-Request are as those of a Disconnect-Request.
    assert PLAIN.reply_in[Code.COA_ACK] == PLAIN.reply_in[Code.DISCONNECT_ACK]
    assert PLAIN.reply_in[Code.COA_NAK] == PLAIN.reply_in[Code.DISCONNECT_NAK]
    assert sum(map(len, allowed)) == len(CROSSES) - 1 + 2
    # What partners may ask and be told is said to be the same, but for one row.
    assert PLAIN.reply_out == PLAIN.reply_in
    also = CROSSES["of a partner's requests to us, also"]
    assert PLAIN.request_in == {code: those | also for code, those in PLAIN.request_out.items()}
    # A home may take us for the NAS, and say so by our address; we never do.
    address = PLAIN.order_in[Code.COA_REQUEST] - PLAIN.order_out[Code.COA_REQUEST]
    assert {DICTIONARY.placed(place).name for place in address} == {
        "NAS-IP-Address",
        "NAS-IPv6-Address",
    }
    assert PLAIN.order_in == {code: those | address for code, those in PLAIN.order_out.items()}


def test_the_log_has_the_lines_that_are_explained() -> None:
    lines = [re.findall(r"`([^`…]+)", cell)[0] for cell in rows("What the log says") if "`" in cell]
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in modules("federation", "radius", "aaa", "portal", "deploy")
    )
    words = {*DenyReason, *Unanswered}
    assert len(lines) >= 8
    written = [line.rstrip() for line in lines if line not in words]
    assert [line for line in written if f'"{line}' not in source] == []


def test_the_commands_that_are_named_are_there() -> None:
    verbs = {command.name for command in app.registered_commands}
    named = set(re.findall(r"`farandole partner ([a-z-]+)", TEXT))
    assert len(named) >= 7
    assert named <= verbs
