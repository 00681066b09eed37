"""`farandole partner` of those who are found by DNS."""

from pathlib import Path

import pytest

from tests.interop.certificates import Issuer
from tests.operator import Operator

OPEN = ("partner", "add", "openroaming", "--title", "OpenRoaming", "--realm", "*")
TAG = "aaa+auth:radius.tls.tcp"


@pytest.fixture
def roots(tmp_path: Path) -> str:
    """A file with the roots of a federation, which has two."""
    path = tmp_path / "roots.pem"
    path.write_bytes(b"".join(Issuer.create(f"Root {number}").certificate for number in (0, 1)))
    return str(path)


def test_a_partner_whose_servers_are_looked_for(village: Operator, roots: str) -> None:
    told = village.do(
        *(*OPEN, "--discover", TAG, "--anchor", roots, "--proof", "name"),
        *("--from-certificate-name", "*", "--from-policy", "1.3.6.1.4.1.25178.3.1.1"),
    )
    assert "where DNS says who their home is" in told
    shown = village.ask("partner", "show", "openroaming")
    assert shown["servers"] == [f"dns {TAG}"]
    assert shown["sends_from"] == ["tls * of policy 1.3.6.1.4.1.25178.3.1.1"]
    village.do("partner", "discover", "openroaming", "x-eduroam:radius.tls", "--anchor", roots)
    shown = village.ask("partner", "show", "openroaming")
    assert shown["servers"] == ["dns x-eduroam:radius.tls"]
    complaint = village.refused("partner", "stop-discovering", "openroaming", status=1)
    assert "has no other servers" in complaint
    village.do(
        *("partner", "add-server", "openroaming", "tls://hub.example", "--anchor", roots),
    )
    village.do("partner", "stop-discovering", "openroaming")
    assert village.ask("partner", "show", "openroaming")["servers"] == ["tls://hub.example:2083"]
    village.do("partner", "remove", "openroaming")


def test_what_others_find_us_by(village: Operator) -> None:
    assert village.ask("partner", "dns", "--service", "_radsec._tcp") == [
        {"owner": "_radsec._tcp.v.example", "type": "SRV", "data": "0 10 0 radius.home.arpa."}
    ]
    first, second = village.do("partner", "dns").splitlines()
    assert first == f'v.example. 3600 IN NAPTR 100 10 "s" "{TAG}" "" _radiustls._tcp.v.example.'
    assert second.startswith("_radiustls._tcp.v.example. 3600 IN SRV 0 10 ")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "needs somebody to ask"),
        (("--discover", TAG), "DNS may say anything: give the root"),
        (("--discover", "radius", "--anchor", "ROOTS"), "is nothing that is looked for"),
        (("--discover", TAG, "--anchor", "ROOTS", "--policy", "eduroam"), "is no policy"),
        (("--discover", TAG, "--anchor", "ROOTS", "--from-policy", "1.2"), "say which names"),
        (
            ("--discover", TAG, "--anchor", "ROOTS", "--from-certificate-name", "a.*.example"),
            "is no host",
        ),
        (("--discover", TAG, "--from-certificate-name", "*"), "give the root"),
    ],
)
def test_what_is_missing_is_said(
    village: Operator, roots: str, options: tuple[str, ...], complaint: str
) -> None:
    given = (roots if option == "ROOTS" else option for option in options)
    assert complaint in village.refused(*OPEN, *given, status=1)
