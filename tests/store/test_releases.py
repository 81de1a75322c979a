"""Releases: who gets which version when, and that every device is led on whatever happens."""

from __future__ import annotations

import pytest

from omega_core.dealing import PERMILLE, device_number
from omega_core.errors import ErrorCode, OmegaError
from omega_store import Connection, Store, erasures, releases, resources
from omega_store.heads import heads
from omega_store.releases import Release, ReleasePlan, Stage
from omega_store.resources import ResourceKind
from omega_testing.fleet import MODEL, NOW, registered
from omega_testing.published import publish as publish_round

FACTORS = ResourceKind.FACTORS
PLAN = ReleasePlan(first_permille=10, second_permille=100, least_devices=3)


def renumbered(_kind: int, body: bytes, version: int) -> bytes:
    """A body of tests, which states its version behind a colon."""
    return body.partition(b":")[0] + b":%d" % version


def put(conn: Connection, kind: int = FACTORS, text: bytes = b"body") -> bool:
    """Publishes the next version of a kind; whether it was."""
    version = resources.following_version(conn, kind)
    body = renumbered(kind, text, version)
    return bool(releases.publish(conn, kind, version, model_version=MODEL, body=body, now=NOW))


def given_out(conn: Connection, kind: int = FACTORS) -> int:
    return next((r.version for r in heads(conn).resources if r.kind == kind), 0)


def only(conn: Connection) -> Release:
    (found,) = releases.under_way(conn)
    return found


@pytest.fixture
def staged(store: Store) -> Store:
    """A shard of 3 devices where factors 2 are being released after factors 1."""
    registered(store, 3)
    with store.transaction() as conn:
        releases.set_plan(conn, PLAN)
        assert put(conn, text=b"good")
        assert put(conn, text=b"bad")
    return store


def test_without_a_plan_every_version_goes_to_all_at_once(store: Store) -> None:
    with store.transaction() as conn:
        assert put(conn)
        assert put(conn)
        assert given_out(conn) == 2
        assert not releases.listed(conn, 10)


def test_the_first_version_goes_to_all_and_the_next_by_stages(staged: Store) -> None:
    with staged.transaction() as conn:
        assert given_out(conn) == 1
        release = only(conn)
        assert (release.version, release.control_version) == (2, 1)
        assert (release.stage, release.permille, release.control_permille) == (1, 10, 100)
        releases.promote(conn, release, NOW)
        release = only(conn)
        assert (release.stage, release.permille, release.control_permille) == (2, 100, 100)
        assert given_out(conn) == 1
        releases.complete(conn, release, "it does no worse", NOW)
        assert given_out(conn) == 2
        assert not releases.under_way(conn)
        assert releases.listed(conn, 10)[0].permille == PERMILLE


def test_a_small_fleet_does_not_wait(store: Store) -> None:
    registered(store, 2)
    with store.transaction() as conn:
        releases.set_plan(conn, PLAN)
        put(conn)
        put(conn)
        assert given_out(conn) == 2
        (release,) = releases.listed(conn, 10)
    assert release.stage is Stage.COMPLETE
    assert "fewer than 3 devices" in release.cause


def test_nothing_is_published_while_the_version_before_is_released(staged: Store) -> None:
    with staged.transaction() as conn:
        assert not put(conn)
        assert resources.newest_version(conn, FACTORS) == 2
        # Other kinds go on.
        assert put(conn, ResourceKind.CODEBOOK)


def test_what_is_taken_back_is_followed_by_the_version_before(staged: Store) -> None:
    with staged.transaction() as conn:
        releases.roll_back(conn, only(conn), "worse", NOW, renumbered)
        assert given_out(conn) == 3
        assert resources.read(conn, FACTORS, 3, 0, 100) == b"good:3"
        # Those who hold it are led back from it, as a delta where there is one.
        assert resources.read(conn, FACTORS, 2, 0, 100) == b"bad:2"
        assert releases.withdrawn(conn) == [(FACTORS, 2)]
        (release,) = releases.listed(conn, 10)
        assert (release.stage, release.cause, release.permille) == (4, "worse", 0)
        # And the next one begins anew, beside what came back.
        assert put(conn, text=b"better")
        assert (only(conn).version, only(conn).control_version) == (4, 3)


def test_what_was_taken_back_is_not_given_out_where_the_one_before_is_gone(staged: Store) -> None:
    with staged.transaction() as conn:
        conn.execute("DELETE FROM resources WHERE version = 1")
        releases.roll_back(conn, only(conn), "worse", NOW, renumbered)
        assert given_out(conn) == 0
        assert put(conn, text=b"better")
        assert given_out(conn) == 3


def test_a_release_ends_once(staged: Store) -> None:
    with staged.transaction() as conn:
        release = only(conn)
        releases.complete(conn, release, "by hand", NOW)
        releases.promote(conn, release, NOW)
        releases.complete(conn, release, "again", NOW)
        assert releases.get(conn, release.release_id).cause == "by hand"
    with pytest.raises(OmegaError) as caught, staged.statements() as conn:
        releases.get(conn, 99)
    assert caught.value.code == ErrorCode.UNKNOWN_RELEASE


def test_a_round_holds_factors_back_and_publishes_the_rest(staged: Store) -> None:
    figures = publish_round(staged, factors=b"newer")
    assert figures.factors_version == 0
    with staged.statements() as conn:
        assert resources.newest_version(conn, FACTORS) == 2


def test_erasures_wait_for_factors_that_are_given_out(staged: Store) -> None:
    with staged.transaction() as conn:
        erasures.note(conn)
        seen = erasures.noted(conn)
    publish_round(staged, factors=b"newer", erasures=seen)
    with staged.transaction() as conn:
        assert erasures.noted(conn) == seen
        # They were left out of the version that is taken back, and are in the one that follows it.
        conn.execute("UPDATE erasures SET replaced_in = 2")
        releases.roll_back(conn, only(conn), "worse", NOW, renumbered)
        assert conn.execute("SELECT replaced_in FROM erasures").fetchall() == [(None,)]
    publish_round(staged, factors=b"newer", erasures=seen)
    with staged.statements() as conn:
        assert conn.execute("SELECT replaced_in FROM erasures").fetchall() == [(4,)]
        assert given_out(conn) == 3


def test_a_round_that_finds_the_same_factors_leaves_the_version_before(staged: Store) -> None:
    """The one that first left a device out is being released: the one before is still in use."""
    with staged.transaction() as conn:
        erasures.note(conn)
        conn.execute("UPDATE erasures SET replaced_in = 2")
        seen = erasures.noted(conn)
    publish_round(staged, erasures=seen)
    with staged.statements() as conn:
        assert erasures.noted(conn) == seen
        assert given_out(conn) == 1


def test_a_withdrawal_ends_the_release(staged: Store) -> None:
    publish_round(staged, withdraws_factors=True)
    with staged.statements() as conn:
        assert not releases.under_way(conn)
        assert given_out(conn) == 0
        assert "any more" in releases.listed(conn, 1)[0].cause


def test_a_plan_is_set_changed_and_taken_away(store: Store) -> None:
    with store.transaction() as conn:
        for plan in (None, PLAN, PLAN, ReleasePlan(300, 600, 1), None):
            releases.set_plan(conn, plan)
            assert releases.held_plan(conn) == plan


def test_numbers_deal_devices_out_evenly_and_anew_for_each_release() -> None:
    ids = [f"tv-{i:032x}" for i in range(20_000)]
    one, other = bytes(8), bytes([1] * 8)
    inside = {each for each in ids if device_number(one, each) < 100}
    assert abs(len(inside) - 2_000) < 5 * 43
    again = {each for each in ids if device_number(other, each) < 100}
    assert abs(len(inside & again) - 200) < 5 * 14
    # The contract states how it is made, so that gateways of another make agree.
    assert device_number(bytes(8), "tv-" + "0" * 32) == 685


def test_pages_of_releases_come_newest_first(staged: Store) -> None:
    with staged.transaction() as conn:
        releases.complete(conn, only(conn), "by hand", NOW)
        put(conn)
        first, second = releases.listed(conn, 10)
        assert [first.version, second.version] == [3, 2]
        assert releases.listed(conn, 1) == [first]
        assert releases.listed(conn, 10, before=first.release_id) == [second]
