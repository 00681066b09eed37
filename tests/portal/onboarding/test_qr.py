"""The drawn code is the code: every module in its place, in the colour of the text."""

import re
from xml.etree import ElementTree

import segno

from portal.onboarding import qr

ADDRESS = "https://wifi.saint-veran.example/secure/abc123"


def test_every_dark_module_is_drawn_and_no_other() -> None:
    svg = ElementTree.fromstring(qr.draw(ADDRESS, "Scan me"))
    drawn = set()
    for column, row, length in re.findall(r"M(\d+) (\d+)h(\d+)", svg[1].attrib["d"]):
        drawn |= {(int(row), int(column) + step) for step in range(int(length))}
    code = segno.make_qr(ADDRESS, error="m")
    expected = {
        (row, column)
        for row, modules in enumerate(code.matrix, start=4)
        for column, is_dark in enumerate(modules, start=4)
        if is_dark
    }
    assert drawn == expected
    width, height = code.symbol_size(border=4)
    assert svg.attrib["viewBox"] == f"0 0 {width} {height}"


def test_it_is_read_out_and_takes_the_colour_of_the_text() -> None:
    svg = ElementTree.fromstring(qr.draw(ADDRESS, 'Scan <me> & "go"'))
    assert svg.attrib["role"] == "img"
    assert svg[0].text == 'Scan <me> & "go"'
    assert svg[1].attrib["fill"] == "currentColor"
