from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aaa.errors import Invalid
from aaa.policy import (
    DEFAULTS,
    Denied,
    DenyReason,
    Facts,
    Grant,
    Limits,
    check_limit,
    decide,
    limits_from,
    narrow,
    parse_opening_hours,
)

TUESDAY_NOON = datetime(2026, 3, 3, 11, 0, tzinfo=UTC)  # 12:00 in Paris


def facts(now: datetime = TUESDAY_NOON, **limits: object) -> Facts:
    return Facts(limits=Limits(**limits), now=now, timezone="Europe/Paris")  # type: ignore[arg-type]


def at(local: str, zone_hours: int = 1) -> datetime:
    return datetime.fromisoformat(local).replace(tzinfo=UTC) - timedelta(hours=zone_hours)


def test_nothing_limits_means_no_limit() -> None:
    assert decide(facts()) == Grant()


def test_limits_become_the_grant() -> None:
    limited = facts(
        session_seconds=3600,
        idle_seconds=600,
        interim_seconds=300,
        download_kbps=2000,
        upload_kbps=500,
        daily_octets=1000,
    )
    assert decide(replace(limited, used_octets=400)) == Grant(3600, 600, 300, 2000, 500, 600)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"is_banned": True}, DenyReason.BANNED),
        ({"is_closed": True}, DenyReason.CLOSED),
        ({"used_octets": 1000}, DenyReason.DAILY_VOLUME_SPENT),
        ({"used_seconds": 7200}, DenyReason.DAILY_TIME_SPENT),
        ({"open_devices": 2}, DenyReason.TOO_MANY_DEVICES),
        ({"now": at("2026-03-03 22:00")}, DenyReason.OUTSIDE_HOURS),
    ],
)
def test_each_refusal(changed: dict[str, object], reason: DenyReason) -> None:
    limited = facts(
        daily_octets=1000,
        daily_seconds=7200,
        simultaneous_devices=2,
        opening_hours=parse_opening_hours("tue 08:00-22:00"),
    )
    assert isinstance(decide(limited), Grant)
    assert decide(replace(limited, **changed)) == Denied(reason)  # type: ignore[arg-type]


def test_the_shortest_of_the_times_wins() -> None:
    hours = parse_opening_hours("tue 08:00-12:30")
    limited = facts(session_seconds=7200, daily_seconds=4000, opening_hours=hours)
    assert decide(limited) == Grant(session_seconds=1800)
    assert decide(replace(limited, used_seconds=3000)) == Grant(session_seconds=1000)


@pytest.mark.parametrize(
    ("hours", "local", "closes"),
    [
        ("mon-fri 08:00-22:00", "2026-03-03 08:00", "2026-03-03 22:00"),
        ("mon-fri 08:00-22:00", "2026-03-03 07:59", None),
        ("mon-fri 08:00-22:00", "2026-03-03 22:00", None),
        ("sat 20:00-02:00", "2026-03-08 01:00", "2026-03-08 02:00"),
        ("sat 20:00-02:00", "2026-03-07 01:00", None),
        ("sat-mon 00:00-00:00", "2026-03-08 12:00", "2026-03-10 00:00"),
        ("tue 08:00-12:00, tue 12:00-14:00", "2026-03-03 09:00", "2026-03-03 14:00"),
        ("fri-mon 10:00-11:00", "2026-03-08 10:30", "2026-03-08 11:00"),
    ],
)
def test_opening_hours(hours: str, local: str, closes: str | None) -> None:
    expected = datetime.fromisoformat(closes).replace(tzinfo=UTC) if closes else None
    opening = parse_opening_hours(hours)
    assert opening.closes_at(datetime.fromisoformat(local).replace(tzinfo=UTC)) == expected


@pytest.mark.parametrize(
    ("hours", "local", "opens"),
    [
        ("mon-fri 08:00-22:00", "2026-03-03 07:59", "2026-03-03 08:00"),
        ("mon-fri 08:00-22:00", "2026-03-03 22:30", "2026-03-04 08:00"),
        ("mon-fri 08:00-22:00", "2026-03-06 23:00", "2026-03-09 08:00"),
        ("tue 08:00-09:00", "2026-03-03 10:00", "2026-03-10 08:00"),
        ("tue 14:00-15:00, tue 11:00-12:00", "2026-03-03 10:00", "2026-03-03 11:00"),
    ],
)
def test_when_it_opens_again(hours: str, local: str, opens: str) -> None:
    opening = parse_opening_hours(hours)
    now = datetime.fromisoformat(local).replace(tzinfo=UTC)
    assert opening.opens_at(now) == datetime.fromisoformat(opens).replace(tzinfo=UTC)


# In Paris the clocks go from 2 to 3 on 29 March 2026, and from 3 to 2 on 25 October.
NIGHTS = [
    ("sat 20:00-06:00", "2026-03-28T21:00Z", "2026-03-29T04:00Z"),
    ("sat 20:00-06:00", "2026-10-24T20:00Z", "2026-10-25T05:00Z"),
    ("sat 20:00-06:00", "2026-03-29T03:59Z", "2026-03-29T04:00Z"),
    ("sat 20:00-06:00", "2026-03-29T04:00Z", None),
    # 2:30 comes twice; the first has it.
    ("sat 20:00-02:30", "2026-10-25T00:29Z", "2026-10-25T00:30Z"),
    ("sat 20:00-02:30", "2026-10-25T00:45Z", None),
    ("sat 20:00-02:30", "2026-10-25T01:15Z", None),
    ("sun 00:00-04:00", "2026-10-25T01:30Z", "2026-10-25T03:00Z"),
    ("sat 20:00-02:30, sun 02:30-06:00", "2026-10-24T20:00Z", "2026-10-25T05:00Z"),
    # Or never: as late as if the clocks had not changed.
    ("sat 20:00-02:30", "2026-03-28T21:00Z", "2026-03-29T01:30Z"),
]


@pytest.mark.parametrize(("hours", "moment", "closes"), NIGHTS)
def test_opening_hours_when_the_clocks_change(hours: str, moment: str, closes: str | None) -> None:
    now = datetime.fromisoformat(moment)
    opening = parse_opening_hours(hours)
    closes_at = opening.closes_at(now.astimezone(ZoneInfo("Europe/Paris")))
    decision = decide(facts(now, opening_hours=opening))
    if closes is None:
        assert closes_at is None
        assert decision == Denied(DenyReason.OUTSIDE_HOURS)
        return
    assert closes_at is not None
    assert closes_at.astimezone(UTC) == datetime.fromisoformat(closes)
    left = datetime.fromisoformat(closes) - now
    assert decision == Grant(session_seconds=int(left.total_seconds()))


@pytest.mark.parametrize(
    ("hours", "moment", "opens"),
    [
        ("sun 08:00-20:00", "2026-03-28T12:00Z", "2026-03-29T06:00Z"),
        ("sun 08:00-20:00", "2026-10-24T12:00Z", "2026-10-25T07:00Z"),
        # The first 2:30 has passed, and the second opens nothing.
        ("sun 02:30-04:00, mon 09:00-10:00", "2026-10-25T01:15Z", "2026-10-26T08:00Z"),
        ("sun 02:30-06:00", "2026-03-28T12:00Z", "2026-03-29T01:30Z"),
        ("sun 02:10-06:00, sun 03:05-06:00", "2026-03-28T12:00Z", "2026-03-29T01:05Z"),
    ],
)
def test_when_it_opens_after_the_clocks_change(hours: str, moment: str, opens: str) -> None:
    now = datetime.fromisoformat(moment).astimezone(ZoneInfo("Europe/Paris"))
    opens_at = parse_opening_hours(hours).opens_at(now)
    assert opens_at is not None
    assert opens_at.astimezone(UTC) == datetime.fromisoformat(opens)


def test_open_all_week_ends_nowhere_near() -> None:
    now = datetime(2026, 3, 3, 12, tzinfo=UTC)
    closes_at = parse_opening_hours("mon-sun 00:00-00:00").closes_at(now)
    assert closes_at is not None
    assert closes_at - now > timedelta(days=7)


@pytest.mark.parametrize("text", ["mon", "mon 8-10", "xyz 08:00-10:00", "mon 25:00-26:00", ","])
def test_bad_opening_hours_say_how(text: str) -> None:
    with pytest.raises(Invalid, match="mon-fri 08:00-22:00"):
        parse_opening_hours(text)


def test_the_narrowest_scope_wins() -> None:
    region = Limits(session_seconds=7200, daily_octets=5000)
    square = Limits(session_seconds=600)
    merged = narrow([region, square])
    assert (merged.session_seconds, merged.daily_octets) == (600, 5000)
    assert merged.idle_seconds == DEFAULTS.idle_seconds


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("session_second", "60"),
        ("session_seconds", "-1"),
        ("session_seconds", "59"),
        ("interim_seconds", "10"),
        ("vlan", "0"),
        ("vlan", "4095"),
        ("daily_octets", "1e9"),
        ("daily_octets", "9" * 30),
        ("passwords_at_nas", "maybe"),
    ],
)
def test_an_unusable_limit_is_refused_with_its_key(key: str, value: str) -> None:
    with pytest.raises(Invalid, match=key):
        check_limit(key, value)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            field.name: st.integers(60, 10**9).map(str)
            for field in fields(Limits)
            if field.name not in {"opening_hours", "passwords_at_nas", "vlan"}
        },
    ),
    st.integers(0, 10**10),
    st.integers(0, 10**6),
    st.integers(0, 100),
)
def test_a_grant_never_exceeds_what_is_left(
    values: dict[str, str], used_octets: int, used_seconds: int, open_devices: int
) -> None:
    limits = limits_from(values)
    decision = decide(
        Facts(
            limits,
            TUESDAY_NOON,
            "Europe/Paris",
            False,
            False,
            used_octets,
            used_seconds,
            open_devices,
        )
    )
    if isinstance(decision, Denied):
        assert decision.reason in {
            DenyReason.DAILY_TIME_SPENT,
            DenyReason.DAILY_VOLUME_SPENT,
            DenyReason.TOO_MANY_DEVICES,
        }
        return
    if limits.daily_octets is not None:
        assert decision.octets == limits.daily_octets - used_octets > 0
    if limits.daily_seconds is not None:
        assert decision.session_seconds is not None
        assert 0 < decision.session_seconds <= limits.daily_seconds - used_seconds
