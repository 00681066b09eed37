from aaa.cui import pseudonym


def test_a_pseudonym_is_one_citizens_in_one_collectivity() -> None:
    known = pseudonym(b"key", 7, 1)
    assert known == pseudonym(b"key", 7, 1)
    others = {pseudonym(b"key", 7, 2), pseudonym(b"key", 8, 1), pseudonym(b"other", 7, 1)}
    assert known not in others
    assert len(others) == 3


def test_numbers_do_not_run_together() -> None:
    assert pseudonym(b"key", 1, 11) != pseudonym(b"key", 11, 1)
    assert len(pseudonym(b"key", 11, 1)) == 32
