"""kill -9 of the worker at every point of a round: it goes on, and counts everybody once."""

from __future__ import annotations

from contextlib import AbstractContextManager
from subprocess import Popen

import pytest
from tests.federation.fleet.conftest import (
    FleetOfThree,
    ask,
    await_round,
    newest,
    program,
    run,
)
from tests.federation.fleet.test_one_result import counted

from omega_store import Store, states
from omega_store.rounds import RoundStatus
from omega_testing.gates import await_somebody, closed
from omega_testing.one_result import differences
from omega_testing.processes import ServiceProcess

WORKER = "omega-federation-worker"
PHASES = ("census", "decode", "matrix", "expect", "statistics", "behind")
"""In their order: the leader stands before each when it is killed, after the one before."""


def kill_before(three: FleetOfThree, table: str, condition: str) -> None:
    """Starts a worker, and kills it where it stands before the gate."""
    with (
        closed(three.home, table, condition),
        ServiceProcess([WORKER], three.environ()) as process,
    ):
        await_somebody(three.home, WORKER)
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
    with ServiceProcess([WORKER], three.environ()):
        found = await_round(three.home)
    assert (found.round_id, found.request_id) == (1, request_id)
    assert found.status == RoundStatus.SUCCEEDED
    assert counted(found.figures) == counted(whole.figures)
    assert found.figures.devices == 36
    assert published(three.home) == 1
    assert differences(three.home, three.whole) == []


@pytest.mark.parametrize("killed", ["decode", "expect"])
def test_a_pod_that_answers_may_die_and_be_started_again(three: FleetOfThree, killed: str) -> None:
    """Leader and answering pods apart: one index dies with its answer half stored."""
    whole = run(three.whole, three.alone())

    def part(index: int) -> AbstractContextManager[Popen[str]]:
        return program("--part", {**three.environ(), "JOB_COMPLETION_INDEX": str(index)})

    with program("--lead", three.environ()) as lead, part(0) as first, part(2) as third:
        gate = closed(three.home, "round_parts", f"NEW.phase = '{killed}' AND NEW.shard = 'b'")
        with gate, part(1) as second:
            await_somebody(three.home, WORKER)
            second.kill()
        with part(1) as again:
            found = await_round(three.home)
            ended = [each.wait(20) for each in (lead, first, third, again)]
    assert ended == [0, 0, 0, 0]
    assert found.status == RoundStatus.SUCCEEDED
    assert counted(found.figures) == counted(whole.figures)
    assert newest(three.home).round_id == 1
    assert differences(three.home, three.whole) == []
