"""What a log may say of a person, a device or a secret."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.secret import Secret
from monitoring.redaction import LONGEST_TEXT, Redactor

redactor = Redactor(b"the key of this installation")
OF_THIS_DEVICE = redactor.hash("mac", "0a1b2c3d4e5f")
OF_CAMILLE = redactor.hash("nai", "camille@village.example")

SHAPES_OF_ONE_MAC = [
    "0a:1b:2c:3d:4e:5f",
    "0A-1B-2C-3D-4E-5F",
    "0a1b.2c3d.4e5f",
    "0a1b-2c3d-4e5f",
    "0a1b2c-3d4e5f",
    "0A1B2C3D4E5F",
    "a:1b:2c:3d:4e:5f",
    "1:a:1b:2c:3d:4e:5f",
    "0a%3A1b%3A2c%3A3d%3A4e%3A5f",
]


@pytest.mark.parametrize("mac", SHAPES_OF_ONE_MAC)
def test_every_shape_of_one_mac_gives_one_hash(mac: str) -> None:
    assert redactor.text(f"no answer from {mac}, again") == (
        f"no answer from {OF_THIS_DEVICE}, again"
    )
    assert redactor.value("seen", mac) == OF_THIS_DEVICE


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("asked by camille@village.example.", f"asked by {OF_CAMILLE}."),
        ("asked by <Camille@Village.Example>", f"asked by <{OF_CAMILLE}>"),
        ("asked by 'camille@village.example'", f"asked by '{OF_CAMILLE}'"),
        ("GET /x?who=camille%40village.example&y=1", f"GET /x?who={OF_CAMILLE}&y=1"),
        ("{'User-Name': 'camille@village.example'}", f"{{'User-Name': {OF_CAMILLE}}}"),
    ],
)
def test_an_nai_is_hashed_where_it_stands(text: str, expected: str) -> None:
    assert redactor.text(text) == expected


@pytest.mark.parametrize(
    ("planted", "text"),
    [
        ("o'brien", "asked by o'brien@village.example"),
        ("zoé", "asked by zoé@liguria"),
        ("camille", "User-Name=camille, NAS-Port=3"),
        ("camille", 'User-Name = "camille"'),
        ("camille", "{'user_name': 'camille', 'nas': 'square'}"),
        ("camille", '{"username":"camille"}'),
        ("camille", "unknown citizen: camille"),
        ("camille", "/login?name=camille&next=/"),
        ("camille", "“camille” cannot be an identifier"),
        ("camille", "“camille\nand nothing closes it"),
        ("camille", "DETAIL:  Key (collectivity_id, name)=(1, camille) already exists."),
        ("camille", "DETAIL:  Failing row contains (3, camille, null)."),
        ("camille", "[SQL: INSERT ...]\n[parameters: ('camille', 1)]\n(Background on this error)"),
        ("hunter2", "password=hunter2"),
        ("hunter2", "CHAP-Password: 'hunter2'"),
        ("hunter2", "{'User-Password': b'hunter2', 'a': 1}"),
        ("hunter2", "nas_secret = hunter2;"),
        ("hunter2", "postgresql+asyncpg://farandole:hunter2@db.example/farandole"),
        ("hunter2", "smtp://wifi:hunt@er2hunter2@mail.example:587"),
        ("hunter2", "Authorization: Bearer hunter2hunter2"),
        ("hunter2", "GET /login?ticket=hunter2&x=1"),
        ("hunter2", r"cannot read b'\x01\x02hunter2'"),
        ("hunter2", 'cannot read bytearray(b"it\'s hunter2")'),
        ("68756e746572", "packet 0168756e74657232a1b2c3d4e5f60718"),
    ],
)
def test_no_text_shows_what_was_planted(planted: str, text: str) -> None:
    assert planted not in redactor.text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Access-Request from square-1 answered",
        "radius.example is the realm",
        "took 12:30:45 since 2025-11-22T06:02:03.123456+00:00",
        "listening on 127.0.0.1:1812 and [2001:db8::1]:1812",
        "request 0123456789abcdef",
        "session 6fe5c3a0-26c4-4c0e-9c6e-0a1b2c3d4e5f",
        'File "/srv/radius/server.py", line 12, in serve',
        "reason wrong_secret, 1234567 octets",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redactor.text(text) == text


def test_another_installation_gives_other_hashes() -> None:
    other = Redactor(b"the key of another installation")
    assert other.text("0a:1b:2c:3d:4e:5f") != redactor.text("0a:1b:2c:3d:4e:5f")


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Packet:
    user_name: str


class Marked(str):
    __redacted__ = True


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("password", "hunter2", "***"),
        ("new_password", 1234, "***"),
        ("User-Password", b"hunter2", "***"),
        ("shared", Secret("hunter2"), "***"),
        ("shared", Marked("hunter2"), "***"),
        ("device", "0a:1b:2c:3d:4e:5f", OF_THIS_DEVICE),
        ("User-Name", "camille@village.example", OF_CAMILLE),
        ("name", "camille", redactor.hash("name", "camille")),
        ("name", "", ""),
        ("citizen", 17, 17),
        ("data", b"hunter2", redactor.hash("bytes", b"hunter2")),
        ("data", bytearray(b"hunter2"), redactor.hash("bytes", b"hunter2")),
        ("data", memoryview(b"hunter2"), redactor.hash("bytes", b"hunter2")),
        ("colour", Colour.RED, "red"),
        ("at", datetime(2025, 11, 22, 6, tzinfo=UTC), "2025-11-22T06:00:00+00:00"),
        ("left", timedelta(minutes=2), "120 s"),
        ("nas", ip_address("192.0.2.1"), "192.0.2.1"),
        ("ms", 1.25, 1.25),
        ("first", True, True),
        ("realm", None, None),
        ("error", ValueError("of camille@village.example"), f"ValueError: of {OF_CAMILLE}"),
        ("packet", Packet("camille"), f"Packet(user_name={redactor.hash('name', 'camille')})"),
        (
            "attributes",
            {"User-Name": "camille@village.example", "seen": [b"x", ("0A1B2C3D4E5F",)]},
            {
                "User-Name": OF_CAMILLE,
                "seen": [redactor.hash("bytes", b"x"), [OF_THIS_DEVICE]],
            },
        ),
        ("seen", {"camille@village.example": 1}, {OF_CAMILLE: 1}),
        ("sha256", "0a1b2c3d" * 8, "0a1b2c3d" * 8),
        ("sha256", "0a1b2c3d4e5f", OF_THIS_DEVICE),
        ("digest", "0a1b2c3d" * 8, redactor.hash("hex", "0a1b2c3d" * 8)),
    ],
)
def test_a_field_is_redacted_by_its_name_type_and_shape(
    name: str, value: object, expected: object
) -> None:
    assert redactor.value(name, value) == expected


def test_nothing_ends_a_line_or_steers_a_terminal() -> None:
    assert redactor.text("a\nb\x1b[31m\u202ec") == r"a\x0ab\x1b[31m\u202ec"
    assert redactor.traceback("a\n\tb\x1b") == "a\n\tb\\x1b"


def test_a_long_text_is_cut_after_redaction() -> None:
    # The address lies across the cut: neither half may show.
    text = "x " * (LONGEST_TEXT // 4 - 4) + "0a:1b:2c:3d:4e:5f " + "x " * LONGEST_TEXT
    shown = redactor.text(text)
    assert len(shown) <= LONGEST_TEXT + 10
    assert "0a:1b" not in shown
    assert "4e:5f" not in shown


def test_deep_and_circular_values_end() -> None:
    circle: dict[str, object] = {"name": "camille"}
    circle["self"] = circle
    assert "camille" not in json.dumps(redactor.value("circle", circle))


@given(
    st.text(max_size=60),
    st.sampled_from([*SHAPES_OF_ONE_MAC[:3], "camille@village.example"]),
    st.text(max_size=60),
)
def test_no_surrounding_text_uncovers_it(before: str, planted: str, after: str) -> None:
    assert planted not in redactor.text(f"{before} {planted} {after}")


@given(st.text() | st.binary() | st.dictionaries(st.text(), st.text() | st.binary() | st.floats()))
def test_any_value_becomes_something_json_can_carry(value: object) -> None:
    carried = json.dumps(redactor.value("anything", value), ensure_ascii=False)
    assert json.dumps(json.loads(carried), ensure_ascii=False) == carried
