"""Everything that can go wrong has its words, its side, and a help code of its own."""

from enum import StrEnum

import pytest

from aaa.nas.adapter import RedirectFlaw
from aaa.policy import DenyReason
from portal.explanations import SIDES, Obstacle, Side, explain
from portal.sentences import Mistake, sentence

OBSTACLES: list[StrEnum] = [*DenyReason, *RedirectFlaw, *Obstacle]
_HUNDREDS = {Side.YOU: 1, Side.PLACE: 2, Side.HOME: 3, Side.SERVICE: 4}


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_an_obstacle_is_explained(obstacle: StrEnum) -> None:
    found = explain(obstacle)
    assert all([found.title, found.happened, found.advice, SIDES[found.side]])
    assert found.code // 100 == _HUNDREDS[found.side]


def test_a_help_code_names_one_text() -> None:
    texts = {explain(obstacle).code: explain(obstacle) for obstacle in OBSTACLES}
    assert [
        obstacle for obstacle in OBSTACLES if texts[explain(obstacle).code] != explain(obstacle)
    ] == []
    assert len(texts) == len(OBSTACLES) - 1


def test_nobody_learns_which_identifiers_exist() -> None:
    assert explain(DenyReason.UNKNOWN_CITIZEN) is explain(DenyReason.WRONG_PASSWORD)


@pytest.mark.parametrize("mistake", Mistake)
def test_a_mistake_has_its_sentence(mistake: Mistake) -> None:
    assert sentence(mistake).strip()
