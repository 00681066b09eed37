"""How an operator sets the secure network up: a NAS of its own, and what to paste."""

import pytest

from tests.operator import SECRET, Operator


@pytest.fixture
def place(operator: Operator) -> Operator:
    operator.do("database", "upgrade")
    names = ("--name", "Saint-Aubin-des-Lavandes", "--realm", "village.example")
    operator.do("collectivity", "add", "village", *names)
    operator.do("hotspot", "add", "square", "--collectivity", "village", "--name", "Place")
    return operator


def test_what_is_pasted_has_the_ports_and_the_secret_of_its_own_nas(place: Operator) -> None:
    own = ("--identifier", "square-1-secure", "--coa-port", "3800", "--secret-file", "-")
    nas = ("nas", "add", "square-1-secure", "--hotspot", "square", "--vendor", "hostapd", *own)
    assert "farandole nas secure square-1-secure" in place.do(*nas, given=SECRET)
    printed = place.do("nas", "secure", "square-1-secure", "--secret-file", "-", given=SECRET)
    lines = printed.splitlines()
    assert "nas_identifier=square-1-secure" in lines
    assert f"auth_server_shared_secret={SECRET}" in lines
    assert "radius_das_port=3800" in lines
    assert "radius_auth_req_attr=126:s:1village.example" in lines


def test_a_portals_gateway_is_told_to_have_a_second_nas(place: Operator) -> None:
    nas = ("nas", "add", "square-1", "--hotspot", "square", "--vendor", "coovachilli")
    place.do(*nas, "--address", "192.0.2.7", "--secret-file", "-", given=SECRET)
    refusal = place.refused("nas", "secure", "square-1", status=1)
    assert "farandole nas add square-1-secure --hotspot square --vendor hostapd" in refusal
    assert "--coa-port 3800" in refusal
