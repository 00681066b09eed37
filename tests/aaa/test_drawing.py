"""A logo is shown on pages that thousands open: nothing in it may run or reach out."""

from itertools import count

import pytest

from aaa.drawing import MOST_OCTETS, check_svg
from aaa.errors import Invalid

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"{more}>{inside}</svg>'


def drawn(inside: str = "", more: str = "") -> str:
    return SVG.format(inside=inside, more=more)


def test_shapes_and_gradients_stay() -> None:
    checked = check_svg(
        drawn(
            '<defs><linearGradient id="a"><stop offset="0" stop-color="#fff"/></linearGradient>'
            '</defs><path d="M0 0h8v8z" fill="url(#a)"/><use href="#a"/>'
        )
    )
    assert '<path d="M0 0h8v8z" fill="url(#a)"' in checked
    assert checked.startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_what_drawing_programs_keep_for_themselves_is_left_out() -> None:
    checked = check_svg(
        drawn(
            '<!-- made by --><i:view xmlns:i="urn:ink"/><g i:id="1" xmlns:i="urn:ink"/>',
        )
    )
    assert "made by" not in checked
    assert "urn:ink" not in checked
    assert "<g />" in checked


@pytest.mark.parametrize(
    ("drawing", "named"),
    [
        (drawn("<script>alert(1)</script>"), "<script>"),
        (drawn("<style>@import 'x'</style>"), "<style>"),
        (drawn("<foreignObject/>"), "<foreignObject>"),
        (drawn('<image href="https://elsewhere.example/a.png"/>'), "<image>"),
        (drawn('<g><animate attributeName="href"/></g>'), "<animate>"),
        (drawn(more=' onload="alert(1)"'), "onload"),
        (drawn(more=' ONLOAD="alert(1)"'), "ONLOAD"),
        (drawn('<use href="https://elsewhere.example/a.svg#a"/>'), "outside"),
        (drawn('<rect fill="url(https://elsewhere.example/a)"/>'), "fill"),
        (drawn('<rect style="fill: URL( &quot;//elsewhere.example&quot;)"/>'), "style"),
        (drawn('<rect fill="java script:alert(1)"/>'), "fill"),
        (drawn('<rect style="fill:u\\72l(//elsewhere.example)"/>'), "style"),
        ("<!DOCTYPE svg [<!ENTITY a 'b'>]>" + drawn(), "document type"),
        ("<svg viewBox='0 0 8 8'/>", "namespace"),
        ("<svg xmlns='http://www.w3.org/2000/svg'/>", "viewBox"),
        ("<svg", "no SVG"),
        ("", "no SVG"),
        (drawn("<g/>" * MOST_OCTETS), "octets"),
        (drawn("<g>" * 2000 + "</g>" * 2000), "nested"),
    ],
    ids=count(),
)
def test_what_could_run_or_reach_out_is_refused(drawing: str, named: str) -> None:
    with pytest.raises(Invalid, match=named):
        check_svg(drawing)
