import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa import mac


@pytest.mark.parametrize(
    "text",
    [
        "00-0E-01-0C-38-C8",
        "00:0e:01:0c:38:c8",
        "000e.010c.38c8",
        "000E010C38C8",
        "000e-010c-38c8",
        "0:e:1:c:38:c8",
        "1:0:e:1:c:38:c8",
        " 00-0e-01-0c-38-c8 ",
    ],
)
def test_every_way_to_write_it(text: str) -> None:
    assert mac.normalize(text) == "00:0e:01:0c:38:c8"


@pytest.mark.parametrize("text", [None, "", "server1", "00-0E-01-0C-38", "00-0E-01-0C-38-C8:Wifi"])
def test_no_mac(text: str | None) -> None:
    assert mac.normalize(text) is None


def test_called_station() -> None:
    assert mac.station("00-0E-01-0C-38-C8:Village : Wifi") == (
        "00:0e:01:0c:38:c8",
        "Village : Wifi",
    )
    assert mac.station("00-0E-01-0C-38-C8:") == ("00:0e:01:0c:38:c8", None)
    assert mac.station("00-0E-01-0C-38-C8") == ("00:0e:01:0c:38:c8", None)
    assert mac.station("hotspot1") == (None, None)


@given(st.text(max_size=30))
def test_what_is_found_is_in_the_one_form(text: str) -> None:
    found = mac.normalize(text)
    assert found is None or mac.normalize(found) == found
