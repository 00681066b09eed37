"""What is printed to be pasted holds everything a NAS needs, in its vendor's words."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from aaa.nas.provisioning import (
    Setup,
    configuration,
    configured_secret,
    has_pages_before,
    signs_redirects,
)
from aaa.nas.registry import ADAPTERS

SETUP = Setup(
    nas_identifier="square-1",
    server="192.0.2.1",
    auth_port=11812,
    acct_port=11813,
    coa_port=13799,
    portal_url="https://wifi.village.example/at/square-1/",
    secret="a-shared-secret",
    uam_secret="a-uamsecret",
)


@pytest.mark.parametrize("vendor", ADAPTERS)
def test_every_vendor_is_told_everything(vendor: str) -> None:
    text = configuration(vendor, SETUP)
    needed = ("square-1", "192.0.2.1", "11812", "11813", "13799", "a-shared-secret")
    assert [word for word in needed if word not in text] == []
    assert "{" not in text
    assert signs_redirects(vendor) == ("a-uamsecret" in text)
    assert (SETUP.portal_url in text) == (vendor != "hostapd")  # it has no page


@pytest.mark.parametrize("vendor", ADAPTERS)
def test_the_page_on_access_points_shows_the_same(vendor: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "access-points.md"
    shown = Setup(
        nas_identifier="square-1",
        server="<address of this machine>",
        auth_port=1812,
        acct_port=1813,
        coa_port=3799,
        portal_url="https://wifi.example.org/at/square-1/",
        secret="<the shared secret>",
        uam_secret="<the uamsecret>",
    )
    assert f"```\n{configuration(vendor, shown)}```\n" in page.read_text(encoding="utf-8")


def test_browsers_are_let_through_to_the_pages_of_homes() -> None:
    setup = replace(SETUP, home_hosts=("wifi.liguria.example", "wifi.village.example"))
    hosts = "wifi.village.example,wifi.liguria.example"
    assert f"uamallowed        {hosts}\n" in configuration("coovachilli", setup)
    assert f"before log-in        {hosts}\n" in configuration("generic", setup)
    listed = "\tlist domain 'wifi.village.example'\n\tlist domain 'wifi.liguria.example'\n"
    assert configuration("uspot", setup).endswith(listed)
    assert [vendor for vendor in ADAPTERS if not has_pages_before(vendor)] == ["hostapd"]


@pytest.mark.parametrize("vendor", ADAPTERS)
def test_with_a_new_secret_only_its_lines_change(vendor: str) -> None:
    lines = configured_secret(vendor, SETUP).splitlines()
    assert lines
    assert set(lines) <= set(configuration(vendor, SETUP).splitlines())
    assert all("a-shared-secret" in line and "a-uamsecret" not in line for line in lines)


def test_coovachilli_takes_a_name_and_a_value_a_line() -> None:
    comment, *lines = configuration("coovachilli", SETUP).splitlines()
    assert comment.startswith("#")
    options = {name: value for name, *value in map(str.split, lines)}
    assert options["radiussecret"] == ["a-shared-secret"]
    assert options["uamserver"] == ["https://wifi.village.example/at/square-1/"]
    assert options["uamsecret"] == ["a-uamsecret"]
    assert options["uamallowed"] == ["wifi.village.example"]
    assert (options["challengetimeout"], options["macauth"]) == (["0"], [])


def test_uspot_takes_a_section_of_quoted_options() -> None:
    own, of_dnsmasq = configuration("uspot", SETUP).split("\n\n")
    assert "config ipset" in of_dnsmasq
    comment, section, *lines = own.splitlines()
    assert comment.startswith("#")
    assert section == "config uspot 'captive'"
    options = dict(re.findall(r"^\toption (\w+) '([^']*)'$", "\n".join(lines), re.MULTILINE))
    assert len(options) == len(lines)
    assert {options[name] for name in ("auth_secret", "acct_secret", "das_secret")} == {
        "a-shared-secret"
    }
    assert (options["uam_secret"], options["uam_server"][-1]) == ("a-uamsecret", "/")


def test_hostapd_takes_assignments() -> None:
    lines = configuration("hostapd", SETUP).splitlines()[1:]
    options = dict(line.split("=", 1) for line in lines)
    assert options["radius_das_client"] == "192.0.2.1 a-shared-secret"
    assert options["nas_identifier"] == "square-1"
