"""kill -9 of the worker at every point of a round: it goes on, and counts everybody once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from subprocess import Popen

import pytest
from tests.federation.fleet.conftest import (
    FleetOfThree,
    ask,
    await_round,
    await_true,
    newest,
    program,
    run,
)
from tests.federation.fleet.test_one_result import assert_same_result, counted

from omega_store import Store, states
from omega_store.rounds import RoundStatus
from omega_testing.processes import ServiceProcess

_GATE = 424_242
PHASES = ("census", "decode", "matrix", "expect", "statistics", "behind")
"""In their order: the leader stands before each when it is killed, after the one before."""


def _trigger(store: Store, table: str, condition: str) -> None:
    """Has whoever inserts such a row wait for the gate."""
    with store.transaction() as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_advisory_xact_lock_shared({_GATE}); RETURN NEW; END'"
        )
        conn.execute(
            f"CREATE OR REPLACE TRIGGER gated BEFORE INSERT ON {table}"
            f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION gate()"
        )


@contextmanager
def closed(store: Store, table: str, condition: str) -> Iterator[None]:
    """Closes the gate before such a row; waits until somebody stands before it."""
    _trigger(store, table, condition)
    with store.session() as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", (_GATE,))
        yield
        holder.execute("SELECT pg_advisory_unlock(%s)", (_GATE,))
    with store.transaction() as conn:
        conn.execute(f"DROP TRIGGER gated ON {table}")


def somebody_waits(store: Store) -> bool:
    with store.statements() as conn:
        row = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'omega-federation-worker' AND wait_event = 'advisory'"
        ).fetchone()
    return row is not None and row[0] > 0


def kill_before(three: FleetOfThree, table: str, condition: str) -> None:
    """Starts a worker, and kills it where it stands before the gate."""
    with (
        closed(three.home, table, condition),
        ServiceProcess(["omega-federation-worker"], three.environ()) as process,
    ):
        await_true(lambda: somebody_waits(three.home), f"a worker before {condition}")
        process.kill()


def published(store: Store) -> int:
    with store.snapshot() as conn:
        return states.current(conn).version


def test_a_worker_that_is_killed_everywhere_ends_one_round_with_the_one_result(
    three: FleetOfThree,
) -> None:
    whole = run(three.whole, three.alone())
    request_id = ask(three.home)
    for phase in PHASES:
        kill_before(three, "round_plans", f"NEW.phase = '{phase}'")
    # Between two pieces' worth of one shard's answer, and where everything is published.
    kill_before(three, "round_parts", "NEW.phase = 'behind' AND NEW.shard = 'b'")
    kill_before(three, "states", "true")
    assert published(three.home) == 0
    with ServiceProcess(["omega-federation-worker"], three.environ()):
        found = await_round(three.home)
    assert (found.round_id, found.request_id) == (1, request_id)
    assert found.status == RoundStatus.SUCCEEDED
    assert counted(found.figures) == counted(whole.figures)
    assert found.figures.devices == 36
    assert published(three.home) == 1
    assert_same_result(three.home, three.whole)


@pytest.mark.parametrize("killed", ["decode", "expect"])
def test_a_pod_that_answers_may_die_and_be_started_again(three: FleetOfThree, killed: str) -> None:
    """Leader and answering pods apart: one index dies with its answer half stored."""
    whole = run(three.whole, three.alone())

    def part(index: int) -> AbstractContextManager[Popen[str]]:
        return program("--part", {**three.environ(), "JOB_COMPLETION_INDEX": str(index)})

    with program("--lead", three.environ()) as lead, part(0) as first, part(2) as third:
        gate = closed(three.home, "round_parts", f"NEW.phase = '{killed}' AND NEW.shard = 'b'")
        with gate, part(1) as second:
            await_true(lambda: somebody_waits(three.home), "the second shard's answer")
            second.kill()
        with part(1) as again:
            found = await_round(three.home)
            ended = [each.wait(20) for each in (lead, first, third, again)]
    assert ended == [0, 0, 0, 0]
    assert found.status == RoundStatus.SUCCEEDED
    assert counted(found.figures) == counted(whole.figures)
    assert newest(three.home).round_id == 1
    assert_same_result(three.home, three.whole)
