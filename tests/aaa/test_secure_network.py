"""What is printed for the secure network is read by hostapd, and holds everything."""

from dataclasses import asdict, replace
from pathlib import Path

import pytest

from aaa.nas.secure_network import Format, SecureNetwork, configuration
from tests.counterparts import require
from tests.ports import free_port
from tests.process import Process

SQUARE = SecureNetwork(
    ssid="Farandole",
    name="Farandole Provence",
    place="Place de l'Église",
    language="fra",
    nas_identifier="square-1",
    server="127.0.0.1",
    auth_port=11812,
    acct_port=11813,
    coa_port=13799,
    secret="a-shared-secret",
    operator_realm="village.example",
    realms=("village.example", "hills.example"),
    roaming_consortiums=("5A03BA0000", "004096"),
)


@pytest.mark.parametrize("format", Format)
def test_every_format_tells_everything(format: Format) -> None:
    text = configuration(SQUARE, format).replace("'\\''", "'").lower()
    values = [
        str(each).lower()
        for name, value in asdict(SQUARE).items()
        if name != "language"
        for each in (value if isinstance(value, tuple) else (value,))
    ]
    assert [value for value in values if value not in text] == []


@pytest.mark.interop
@pytest.mark.parametrize("consortiums", [(), SQUARE.roaming_consortiums])
def test_hostapd_takes_it(tmp_path: Path, consortiums: tuple[str, ...]) -> None:
    network = replace(
        SQUARE,
        roaming_consortiums=consortiums,
        auth_port=free_port(),
        acct_port=free_port(),
        coa_port=free_port(),
    )
    # Without a radio: whatever it does not know it says, and does not start.
    own = "interface=test0\ndriver=none\n"
    file = tmp_path / "hostapd.conf"
    file.write_text(own + configuration(network, Format.HOSTAPD))
    with Process(require("hostapd"), file) as hostapd:
        hostapd.await_line("AP-ENABLED")
        assert "Line" not in hostapd.output


def test_openwrt_reads_each_value_whole() -> None:
    lines = configuration(SQUARE, Format.OPENWRT).splitlines()
    assert "\tlist iw_venue_name 'fra:Place de l'\\''Église'" in lines
    assert "\tlist iw_roaming_consortium '5a03ba0000'" in lines
    assert all(line.startswith(("#", "config ", "\toption ", "\tlist ")) for line in lines)


def test_nobody_comes_back_unasked_and_time_is_held() -> None:
    hostapd = configuration(SQUARE, Format.HOSTAPD).splitlines()
    assert {"eap_reauth_period=3600", "disable_pmksa_caching=1"} <= set(hostapd)
    openwrt = configuration(SQUARE, Format.OPENWRT).splitlines()
    assert {"\toption eap_reauth_period '3600'", "\toption auth_cache '0'"} <= set(openwrt)


@pytest.mark.parametrize("format", [Format.HOSTAPD, Format.OPENWRT])
def test_it_says_what_a_vlan_wants(format: Format) -> None:
    assert "dynamic_vlan=1" in configuration(SQUARE, format)
