"""Which server is asked, and what it takes for one to be left alone."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.home_servers import (
    MOST_REALMS,
    Change,
    Outcome,
    Patience,
    Pool,
    Server,
    ServerState,
)

PATIENCE = Patience()
REALM, OTHER = "liguria.example", "corse.example"
DEVICES = [f"02:00:00:00:{number // 256:02x}:{number % 256:02x}".encode() for number in range(300)]
ALIVE, SUSPECT, DEAD = ServerState


def pool(*servers: Server, now: float = 0.0) -> Pool:
    return Pool(servers or (Server(1), Server(2), Server(3)), PATIENCE, now)


def answering(*servers: Server) -> Pool:
    """A pool whose servers have all answered a Status-Server at 0."""
    found = pool(*servers)
    for server in found.probes_due(0.0):
        found.observe(server, None, Outcome.ANSWERED, 0.0)
    return found


def kill(found: Pool, server: int, now: float) -> float:
    """Leave a server's probes unanswered until it is dead; return when that is."""
    found.observe(server, REALM, Outcome.SILENT, now)
    while found.state(server) is not DEAD:
        now += PATIENCE.suspect_seconds
        assert server in found.probes_due(now)
        found.observe(server, None, Outcome.SILENT, now)
    return now


def fail_realm(found: Pool, server: int, realm: str, now: float) -> None:
    for _ in range(PATIENCE.silences):
        found.observe(server, realm, Outcome.SILENT, now)


def choices(found: Pool, realm: str, now: float) -> list[int | None]:
    return [found.choose(realm, device, now) for device in DEVICES]


def test_a_device_stays_and_devices_are_shared() -> None:
    found = pool()
    first = choices(found, REALM, 0.0)
    assert choices(found, OTHER, 7.0) == first
    assert all(count > len(DEVICES) / 6 for count in Counter(first).values())
    assert set(first) == {1, 2, 3}


def test_only_the_devices_of_a_dead_server_move() -> None:
    found = answering()
    before = choices(found, REALM, 1.0)
    now = kill(found, 2, 40.0)
    after = choices(found, REALM, now)
    assert 2 not in after
    moved = [old for old, new in zip(before, after, strict=True) if old != new]
    assert set(moved) == {2}
    assert {new for old, new in zip(before, after, strict=True) if old == 2} == {1, 3}


def test_priority_comes_before_sharing() -> None:
    found = answering(Server(1, 0), Server(2, 1), Server(3, 1))
    assert set(choices(found, REALM, 0.0)) == {1}
    now = kill(found, 1, 40.0)
    assert set(choices(found, REALM, now)) == {2, 3}
    found.observe(1, None, Outcome.ANSWERED, now + 1)
    assert set(choices(found, REALM, now + 1)) == {1}


def test_what_was_tried_for_a_request_is_not_tried_again_for_it() -> None:
    found = pool()
    tried: set[int] = set()
    while (server := found.choose(REALM, b"device", 0.0, tried)) is not None:
        assert server not in tried
        tried.add(server)
    assert tried == {1, 2, 3}


def test_an_empty_pool_has_no_server() -> None:
    found = Pool((), PATIENCE, 0.0)
    assert found.choose(REALM, b"device", 0.0) is None
    assert found.next_probe_at is None
    assert found.probes_due(100.0) == ()


def test_a_silent_request_only_makes_a_server_suspect() -> None:
    found = answering(Server(1))
    for now in range(40, 50):
        found.observe(1, REALM, Outcome.SILENT, float(now))
        found.observe(1, OTHER, Outcome.SILENT, float(now))
    assert found.state(1) is SUSPECT
    assert found.choose("third.example", b"device", 50.0) == 1
    assert found.probes_due(50.0) == (1,)


def test_a_suspect_that_answers_its_probe_is_well() -> None:
    found = answering(Server(1))
    assert found.observe(1, REALM, Outcome.SILENT, 40.0) == (
        Change(1, None, ALIVE, SUSPECT),
        Change(1, REALM, ALIVE, SUSPECT),
    )
    assert found.probes_due(40.0) == (1,)
    assert found.observe(1, None, Outcome.ANSWERED, 40.1) == (Change(1, None, SUSPECT, ALIVE),)
    assert found.state(1, REALM) is SUSPECT


def test_a_server_that_answered_others_meanwhile_is_not_suspected() -> None:
    found = answering(Server(1))
    found.observe(1, OTHER, Outcome.ANSWERED, 37.0)
    found.observe(1, REALM, Outcome.SILENT, 40.0)
    assert found.state(1) is ALIVE


def test_a_server_dies_of_unanswered_probes_and_comes_back_by_one_answer() -> None:
    found = answering(Server(1))
    now = kill(found, 1, 40.0)
    assert found.choose(OTHER, b"device", now) is None
    assert found.next_probe_at == now + PATIENCE.pause_seconds
    assert found.probes_due(now + PATIENCE.pause_seconds) == (1,)
    changes = found.observe(1, None, Outcome.ANSWERED, now + 5.1)
    assert changes == (Change(1, None, DEAD, ALIVE),)
    assert found.choose(REALM, b"device", now + 5.1) == 1
    assert found.choose(OTHER, b"device", now + 5.1) == 1


def test_an_answer_between_unanswered_probes_keeps_a_server_alive() -> None:
    found = answering(Server(1))
    for now in range(0, 100, 10):
        found.observe(1, None, Outcome.SILENT, now + 1.0)
        found.observe(1, None, Outcome.SILENT, now + 2.0)
        assert found.state(1) is SUSPECT
        found.observe(1, None, Outcome.ANSWERED, now + 3.0)
        assert found.state(1) is ALIVE


def test_realms_that_fell_silent_with_their_server_come_back_with_it() -> None:
    found = answering(Server(1))
    fail_realm(found, 1, REALM, 40.0)
    now = kill(found, 1, 41.0)
    found.observe(1, None, Outcome.ANSWERED, now)
    assert found.state(1, REALM) is ALIVE


def test_pauses_double_to_their_longest_and_start_anew() -> None:
    found = answering(Server(1))
    now = kill(found, 1, 40.0)
    pauses = []
    for _ in range(6):
        probe_at = found.next_probe_at
        assert probe_at is not None
        pauses.append(probe_at - now)
        now = probe_at
        assert found.probes_due(now) == (1,)
        found.observe(1, None, Outcome.SILENT, now)
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    found.observe(1, None, Outcome.ANSWERED, now)
    now = kill(found, 1, now + 40)
    assert found.next_probe_at == now + PATIENCE.pause_seconds


def test_a_server_without_a_way_to_it_is_dead_at_once() -> None:
    found = answering()
    found.observe(1, REALM, Outcome.UNREACHABLE, 1.0)
    assert found.state(1) is DEAD
    assert found.state(1, REALM) is ALIVE
    assert 1 not in choices(found, REALM, 1.0)
    assert found.probes_due(6.0) == (1,)


def test_many_that_fail_at_once_lengthen_no_pause() -> None:
    found = answering(Server(1))
    for _ in range(100):
        found.observe(1, REALM, Outcome.UNREACHABLE, 1.0)
        found.observe(1, REALM, Outcome.SILENT, 1.0)
    assert found.next_probe_at == 1.0 + PATIENCE.pause_seconds
    found = answering(Server(1))
    for _ in range(100):
        found.observe(1, REALM, Outcome.SILENT, 1.0)
    assert found.choose(REALM, b"device", 1.0 + PATIENCE.pause_seconds) == 1


def test_jitter_moves_the_end_of_a_pause() -> None:
    found = answering(Server(1))
    found.observe(1, REALM, Outcome.UNREACHABLE, 1.0, jitter=0.1)
    assert found.next_probe_at == pytest.approx(6.5)


def test_a_server_that_never_answers_status_server_is_not_dead_for_it() -> None:
    found = pool(Server(1))
    for now in range(0, 600, 30):
        assert found.probes_due(float(now)) == (1,)
        found.observe(1, None, Outcome.SILENT, now + 3.0)
        found.observe(1, REALM, Outcome.SILENT, now + 5.0)
    assert found.state(1) is SUSPECT
    assert found.choose(OTHER, b"device", 600.0) == 1
    found.observe(1, OTHER, Outcome.ANSWERED, 601.0)
    assert found.state(1) is ALIVE
    found.observe(1, None, Outcome.SILENT, 633.0)
    assert found.state(1) is ALIVE


def test_such_a_server_comes_back_once_there_is_a_way_to_it() -> None:
    found = pool(Server(1))
    found.observe(1, None, Outcome.UNREACHABLE, 0.0)
    assert found.state(1) is DEAD
    found.observe(1, None, Outcome.SILENT, 8.0)
    assert found.state(1) is SUSPECT
    assert found.choose(REALM, b"device", 8.0) == 1


def test_a_dead_server_is_tried_by_one_request_where_no_other_is_left() -> None:
    found = answering(Server(1), Server(2))
    now = max(kill(found, 1, 40.0), kill(found, 2, 40.0))
    assert found.choose(REALM, b"device", now) is None
    later = now + PATIENCE.pause_seconds
    first = found.choose(REALM, b"device", later)
    second = found.choose(REALM, b"device", later)
    assert {first, second} == {1, 2}
    assert found.choose(REALM, b"device", later) is None
    assert first is not None
    found.observe(first, REALM, Outcome.ANSWERED, later + 1)
    assert set(choices(found, REALM, later + 1)) == {first}


def test_a_dead_server_is_not_tried_while_another_lives() -> None:
    found = answering(Server(1), Server(2, 1))
    now = kill(found, 1, 40.0)
    assert set(choices(found, REALM, now + 1000)) == {2}


def test_a_silent_home_is_left_alone_and_tried_by_one_request() -> None:
    found = answering(Server(1))
    fail_realm(found, 1, REALM, 10.0)
    assert found.state(1, REALM) is DEAD
    assert choices(found, REALM, 14.9) == [None] * len(DEVICES)
    assert [each for each in choices(found, REALM, 15.0) if each] == [1]
    found.observe(1, REALM, Outcome.SILENT, 20.0)
    assert found.choose(REALM, b"device", 29.9) is None
    assert found.choose(REALM, b"device", 30.0) == 1
    assert found.observe(1, REALM, Outcome.ANSWERED, 30.1)[-1] == Change(1, REALM, DEAD, ALIVE)
    assert set(choices(found, REALM, 30.1)) == {1}


def test_a_trial_that_nobody_tells_of_is_not_the_last() -> None:
    found = answering(Server(1))
    fail_realm(found, 1, REALM, 10.0)
    assert found.choose(REALM, b"device", 15.0) == 1
    assert found.choose(REALM, b"device", 24.9) is None
    assert found.choose(REALM, b"device", 25.0) == 1


def test_a_home_that_one_server_cannot_reach_is_reached_by_another() -> None:
    found = answering(Server(1), Server(2))
    for _ in range(PATIENCE.silences):
        found.observe(1, REALM, Outcome.UNROUTABLE, 1.0)
    assert found.state(1) is ALIVE
    assert set(choices(found, REALM, 1.0)) == {2}
    assert set(choices(found, OTHER, 1.0)) == {1, 2}


def test_answers_between_silences_keep_a_realm_alive() -> None:
    found = answering(Server(1))
    for now in range(20):
        found.observe(1, REALM, Outcome.SILENT, float(now))
        found.observe(1, REALM, Outcome.SILENT, float(now))
        found.observe(1, REALM, Outcome.ANSWERED, float(now))
    assert found.state(1, REALM) is ALIVE


def test_a_quiet_server_is_asked_how_it_is_once() -> None:
    found = answering(Server(1))
    assert found.probes_due(29.0) == ()
    assert found.probes_due(30.0) == (1,)
    assert found.probes_due(30.0) == ()
    found.observe(1, REALM, Outcome.ANSWERED, 31.0)
    assert found.next_probe_at == 61.0


def test_other_servers_are_taken_and_what_is_known_of_the_rest_kept() -> None:
    found = answering(Server(1), Server(2))
    kill(found, 1, 40.0)
    fail_realm(found, 2, REALM, 41.0)
    found.renew((Server(1), Server(3)), 43.0)
    assert found.state(1) is DEAD
    assert found.state(2) is DEAD
    assert found.observe(2, REALM, Outcome.ANSWERED, 43.0) == ()
    assert set(choices(found, REALM, 43.0)) == {3}
    assert found.probes_due(43.0) == (3,)
    found.renew((Server(2),), 44.0)
    assert found.state(2, REALM) is ALIVE


def test_endless_realms_take_no_endless_memory() -> None:
    found = answering(Server(1))
    fail_realm(found, 1, REALM, 1.0)
    for number in range(MOST_REALMS):
        found.observe(1, f"r{number}.example", Outcome.SILENT, 1.0)
    assert found.state(1, REALM) is ALIVE
    assert found.state(1, f"r{MOST_REALMS - 1}.example") is SUSPECT


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([1, 2, 3]),
        st.sampled_from([REALM, OTHER, None]),
        st.sampled_from(Outcome),
        st.floats(0.0, 40.0),
        st.floats(-0.1, 0.1),
    ),
    max_size=40,
)


@given(EVENTS)
def test_whatever_happened_all_is_well_once_servers_answer(
    events: list[tuple[int, str | None, Outcome, float, float]],
) -> None:
    found, now = pool(), 0.0
    for server, realm, outcome, passed, jitter in events:
        now += passed
        found.probes_due(now)
        found.choose(REALM, b"device", now)
        found.observe(server, realm, outcome, now, jitter)
    end = now + 10 * PATIENCE.longest_pause_seconds
    while now < end:
        now += 1.0
        for server in found.probes_due(now):
            found.observe(server, None, Outcome.ANSWERED, now)
        for realm in (REALM, OTHER):
            chosen = found.choose(realm, str(now).encode(), now)
            if chosen is not None:
                found.observe(chosen, realm, Outcome.ANSWERED, now)
    for server in (1, 2, 3):
        assert found.state(server) is ALIVE
    assert choices(found, REALM, now) == choices(pool(), REALM, 0.0)


@given(st.lists(st.tuples(st.sampled_from(Outcome), st.floats(0.0, 20.0)), max_size=60))
def test_a_dead_home_behind_a_live_hop_changes_nothing_for_others(
    events: list[tuple[Outcome, float]],
) -> None:
    found, now = answering(), 0.0
    usual = choices(found, OTHER, now)
    for outcome, passed in events:
        now += passed
        for server in (1, 2, 3):
            if outcome is not Outcome.UNREACHABLE:
                found.observe(server, REALM, outcome, now)
        for server in found.probes_due(now):
            found.observe(server, None, Outcome.ANSWERED, now)
        assert choices(found, OTHER, now) == usual
