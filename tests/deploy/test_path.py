"""Set up by the command line alone, the service answers a RADIUS client that others wrote."""

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.counterparts import require
from tests.operator import SECRET, Operator, Served
from tests.village import PHONE

PASSWORD = "lavender in july"


def ask(served: Served, kind: str, secret: str, directory: Path, **attributes: str) -> str:
    """Return the name of the packet that Debian's radclient is answered with."""
    file = directory / "secret"
    file.write_text(secret)
    endpoint = served.endpoints["accounting" if kind == "acct" else "authentication"]
    lines = [f"{name.replace('_', '-')} = {value}" for name, value in attributes.items()]
    done = subprocess.run(
        [require("radclient"), "-x", "-r", "1", "-t", "10", "-S", str(file), endpoint, kind],
        input="\n".join(lines),
        capture_output=True,
        text=True,
    )
    answer = re.search(r"Received (\S+)", done.stdout)
    return answer.group(1) if answer else f"nothing: {done.stdout}{done.stderr}"


def log_in(served: Served, directory: Path, secret: str = SECRET, **proof: str) -> str:
    """Return how an Access-Request of a citizen's phone is answered."""
    attributes: Mapping[str, str] = {
        "User_Name": '"mireille@v.example"',
        "Calling_Station_Id": f'"{PHONE}"',
        "Message_Authenticator": "0x00",
        **proof,
    }
    return ask(served, "auth", secret, directory, **attributes)


@pytest.mark.interop
def test_a_village_set_up_by_commands_serves_radclient(operator: Operator, tmp_path: Path) -> None:
    require("radclient")
    operator.found_village()
    citizen = ("citizen", "add", "mireille", "--collectivity", "village", "--password-file", "-")
    nai = operator.do(*citizen, given=f"{PASSWORD}\n").strip()
    assert nai == "mireille@v.example"
    issue = ("ticket", "issue", "--citizen", nai, "--nas", "gateway")
    ticket = operator.do(*issue, "--device", PHONE).strip()
    with operator.serve() as served:
        # PAP, with the account's password.
        assert log_in(served, tmp_path, User_Password=f'"{PASSWORD}"') == "Access-Accept"
        assert log_in(served, tmp_path, User_Password='"mint in june"') == "Access-Reject"
        # CHAP, with a ticket, which is good once.
        assert log_in(served, tmp_path, CHAP_Password='"no such ticket"') == "Access-Reject"
        assert log_in(served, tmp_path, CHAP_Password=f'"{ticket}"') == "Access-Accept"
        assert log_in(served, tmp_path, CHAP_Password=f'"{ticket}"') == "Access-Reject"

        session = {
            "User_Name": f'"{nai}"',
            "Acct_Session_Id": '"s-1"',
            "Calling_Station_Id": f'"{PHONE}"',
        }
        started = ask(served, "acct", SECRET, tmp_path, Acct_Status_Type="Start", **session)
        assert started == "Accounting-Response"
        (listed,) = operator.ask("session", "list", "--open", "--citizen", nai)
        assert (listed["citizen"], listed["hotspot"], listed["nas"], listed["device_mac"]) == (
            *(nai, "square", "gateway"),
            PHONE,
        )
        counted = session | {
            "Acct_Session_Time": "60",
            "Acct_Input_Octets": "1000",
            "Acct_Output_Octets": "5000",
        }
        stopped = ask(served, "acct", SECRET, tmp_path, Acct_Status_Type="Stop", **counted)
        assert stopped == "Accounting-Response"
        shown = operator.ask("session", "show", str(listed["id"]))
        assert shown["stopped_at"] is not None
        assert (shown["upload_octets"], shown["download_octets"]) == (1000, 5000)

        # A NAS that is added while the service runs is served by the next packet on.
        options = ("--hotspot", "square", "--vendor", "hostapd", "--identifier", "new-gateway")
        made = operator.ask("nas", "add", "newer", *options)["secret"]
        proof = {"User_Password": f'"{PASSWORD}"', "NAS_Identifier": '"new-gateway"'}
        assert log_in(served, tmp_path, made, **proof) == "Access-Accept"
        # So is one that is changed.
        operator.do("nas", "change", "newer", "--identifier", "renamed")
        proof["NAS_Identifier"] = '"renamed"'
        assert log_in(served, tmp_path, made, **proof) == "Access-Accept"

        with urlopen(f"http://{served.endpoints['monitoring']}/metrics") as answer:
            metrics = answer.read().decode()
        accepted = (
            'farandole_radius_requests_total{code="Access-Request",outcome="accept",reason="",'
            'vendor="generic"} 2.0'
        )
        assert accepted in metrics
        with urlopen(f"http://{served.endpoints['monitoring']}/health/ready") as answer:
            assert answer.status == 200
        with urlopen(f"http://{served.endpoints['portal']}/") as answer:
            assert answer.status == 200
    assert "secret of the square" not in served.process.output
    assert "lavender" not in served.process.output
    assert PHONE not in served.process.output
    assert nai not in served.process.output
