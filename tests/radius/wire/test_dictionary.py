"""The dictionary: what the files may say, and that ours hang together."""

from importlib import resources
from pathlib import Path

import pytest

from radius.wire import dictionary
from radius.wire.dictionary import DICTIONARY
from radius.wire.values import DataType


def test_every_file_is_included() -> None:
    directory = resources.files("radius.wire") / "dictionaries"
    files = {file.name for file in directory.iterdir()}
    included = {
        line.split()[1]
        for line in (directory / "dictionary").read_text().splitlines()
        if line.startswith("$INCLUDE")
    }
    assert included == files - {"dictionary"}


def test_names_and_places_are_each_used_once() -> None:
    assert len(DICTIONARY.by_name) == len(DICTIONARY.by_oid)


def test_values_are_named_once_and_fit() -> None:
    for definition in DICTIONARY.by_name.values():
        assert len(definition.numbers) == len(definition.enum_names), definition.name
        for name, number in definition.numbers.items():
            assert definition.enum_names[number] == name
            assert definition.encode(name)


def test_what_lies_inside_an_attribute_lies_inside_a_container() -> None:
    for oid, definition in DICTIONARY.by_oid.items():
        outside = oid[:-1] if oid[0] != 26 or len(oid) > 3 else (26,)
        if outside:
            container = DICTIONARY.by_oid[outside]
            assert container.data_type in {
                DataType.VSA,
                DataType.TLV,
                DataType.EVS,
                DataType.EXTENDED,
                DataType.LONG_EXTENDED,
            }, definition.name


def test_numbers_have_names_where_there_are_names() -> None:
    assert DICTIONARY.enum_name("Acct-Status-Type", 1) == "Start"
    assert DICTIONARY.enum_name("Acct-Status-Type", 99) is None
    assert DICTIONARY.enum_name("User-Name", 1) is None
    assert DICTIONARY.vendors[14559] == "ChilliSpot"


def test_what_has_no_name_is_known_by_its_place() -> None:
    unknown = DICTIONARY.placed((26, 311, 200))
    assert unknown.name == "Attr-26.311.200"
    assert DICTIONARY.named("Attr-26.311.200") == unknown
    assert DICTIONARY.named("Attr-1") is DICTIONARY.named("User-Name")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("ATTRIBUTE Name 1 strange", "trial:1: ATTRIBUTE Name 1 strange: 'strange' is not a valid"),
        ("\n# x\nATTRIBUTE Name 1 string odd", "trial:3: .* unknown flags odd"),
        ("VALUE Missing Name 1", "trial:1: VALUE Missing Name 1: 'Missing'"),
        ("ATTRIBUTE Name one string", "trial:1: "),
        ("BEGIN-VENDOR Nobody", "trial:1: BEGIN-VENDOR Nobody"),
        ("SOMETHING", "not a statement"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    text: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trial").write_text(text)
    monkeypatch.setattr(dictionary, "_DICTIONARIES", tmp_path)
    with pytest.raises(ValueError, match=complaint):
        dictionary.read("trial")


def test_the_first_name_of_a_place_is_the_one_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "trial").write_text("ATTRIBUTE Name 1 string\nATTRIBUTE Alias 1 string\n")
    monkeypatch.setattr(dictionary, "_DICTIONARIES", tmp_path)
    found = dictionary.read("trial")
    assert found.named("Alias").oid == (1,)
    assert found.placed((1,)).name == "Name"
