"""Whatever colour a collectivity has, its pages can be read."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.colours import (
    DARK_GROUND,
    LEAST_CONTRAST,
    LIGHT_GROUND,
    colour_stylesheet,
    contrast,
    readable,
    text_on,
)
from tests.portal.shown import STATIC

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@given(colours)
def test_text_on_a_colour_can_be_read(colour: str) -> None:
    assert contrast(text_on(colour), colour) >= LEAST_CONTRAST


@given(colours, st.sampled_from([LIGHT_GROUND, DARK_GROUND]))
def test_an_accent_can_be_read(colour: str, ground: str) -> None:
    accent = readable(colour, ground)
    assert contrast(accent, ground) >= LEAST_CONTRAST
    assert accent == colour or contrast(colour, ground) < LEAST_CONTRAST


def test_the_stylesheet_dresses_light_and_dark() -> None:
    stylesheet = colour_stylesheet("5B3F86")
    assert "--brand:#5b3f86;--on-brand:#ffffff;--accent:#5b3f86" in stylesheet
    dark = re.search(r"dark\){:root{--accent:(#[0-9a-f]{6})}}", stylesheet)
    assert dark is not None
    assert contrast(dark[1], DARK_GROUND) >= LEAST_CONTRAST


@pytest.mark.parametrize("colour", ["", "#fff", "red", "#5b3f86;}", "5b3f8g", "#5b3f86\n"])
def test_what_is_no_colour_is_refused(colour: str) -> None:
    with pytest.raises(ValueError, match="no colour"):
        colour_stylesheet(colour)


def _properties() -> list[dict[str, str]]:
    """The custom properties of the light and of the dark scheme."""
    text = (STATIC / "farandole.css").read_text(encoding="utf-8")
    light, dark = (re.findall(r":root \{\n(.*?)\}", text, re.DOTALL))[:2]
    light_ones = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", light))
    return [light_ones, light_ones | dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", dark))]


@pytest.mark.parametrize(("scheme", "ground"), [(0, LIGHT_GROUND), (1, DARK_GROUND)])
def test_the_grounds_are_those_of_the_stylesheet(scheme: int, ground: str) -> None:
    properties = _properties()[scheme]
    surfaces = {properties["ground"], properties["card"]}
    accent = readable("#808080", ground)
    assert ground in surfaces
    assert min(surfaces, key=lambda surface: contrast(accent, surface)) == ground


@pytest.mark.parametrize("scheme", [0, 1])
def test_the_colours_of_the_stylesheet_can_be_read(scheme: int) -> None:
    properties = _properties()[scheme]
    for surface in ("ground", "card"):
        for text in ("text", "quiet", "accent"):
            assert contrast(properties[text], properties[surface]) >= LEAST_CONTRAST
        assert contrast(properties["edge"], properties[surface]) >= 3
    assert contrast(properties["bad"], properties["bad-ground"]) >= LEAST_CONTRAST
    assert contrast(properties["on-brand"], properties["brand"]) >= LEAST_CONTRAST
