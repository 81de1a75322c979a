"""The randomness server as a process: reports through it, bounds, epochs, and what it keeps."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_client import RandomnessClient, ServiceError
from omega_core.errors import ErrorCode, OmegaError
from omega_randomness.budget import BLOCK, Budget
from omega_testing.processes import ServiceProcess
from omega_threshold import Aggregator, Evaluation, Pair, ReportRequest, Schedule
from omega_threshold.ristretto import IDENTITY

PROGRAM = str(Path(sys.prefix) / "bin" / "omega-randomness")
EPOCH = Schedule().at(datetime.now(UTC))
PAIRS = [Pair.of("movie:1", "movie:2"), Pair.of("movie:2", "movie:3")]


def settings(folder: Path, **more: str) -> dict[str, str]:
    named = {"LISTEN": "127.0.0.1:0", "STORAGE_PATH": str(folder), **more}
    return {f"OMEGA_RANDOMNESS_{name}": value for name, value in named.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("randomness")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServiceProcess]:
    with ServiceProcess(["omega-randomness"], settings(folder)) as started:
        yield started


@pytest.fixture
def randomness(server: ServiceProcess) -> Iterator[RandomnessClient]:
    with RandomnessClient(server.address) as client:
        yield client


def evaluated(client: RandomnessClient, request: ReportRequest) -> Evaluation:
    answer = client.evaluate(request.epoch, request.blinded.elements)
    return Evaluation(tuple(answer.evaluated), answer.proof)


def test_reports_of_tvs_that_never_met_open_together(randomness: RandomnessClient) -> None:
    key, aggregator = randomness.get_public_key(), Aggregator()
    assert key.epoch == EPOCH
    for pairs in (PAIRS, PAIRS, PAIRS[:1]):
        request = ReportRequest.of(key.epoch, 3, pairs)
        for report in request.finalize(evaluated(randomness, request), key.public_key):
            aggregator.add(report)
    assert aggregator.counts() == {PAIRS[0]: 3}
    assert aggregator.sealed == 2


def test_an_epoch_says_when_it_ends(randomness: RandomnessClient) -> None:
    key = randomness.get_public_key(EPOCH)
    assert key == randomness.get_public_key()
    assert key.ends.ToDatetime(UTC) == Schedule().ends(EPOCH)
    assert key.closes.ToDatetime(UTC) == Schedule().closes(EPOCH)


@pytest.mark.parametrize(
    ("epoch", "blinded", "code", "field"),
    [
        (EPOCH, [], ErrorCode.INVALID_FIELD, "blinded"),
        (EPOCH, [b"\1" * 32] * 129, ErrorCode.INVALID_FIELD, "blinded"),
        (EPOCH, [IDENTITY], ErrorCode.INVALID_FIELD, "blinded"),
        (EPOCH, [b"short"], ErrorCode.INVALID_FIELD, "blinded"),
        (EPOCH + 1, [IDENTITY], ErrorCode.EPOCH_CLOSED, "epoch"),
        (1, [IDENTITY], ErrorCode.EPOCH_CLOSED, "epoch"),
    ],
)
def test_what_is_out_of_bounds_is_named(
    randomness: RandomnessClient, epoch: int, blinded: list[bytes], code: ErrorCode, field: str
) -> None:
    with pytest.raises(ServiceError) as refused:
        randomness.evaluate(epoch, blinded)
    assert (refused.value.reason, refused.value.field) == (code, field)


def test_keys_outlive_a_kill_and_evaluations_stay_counted(tmp_path: Path) -> None:
    environ = settings(tmp_path, MAX_EVALUATIONS=str(BLOCK))
    request = ReportRequest.of(EPOCH, 3, PAIRS)
    with (
        ServiceProcess(["omega-randomness"], environ) as first,
        RandomnessClient(first.address) as client,
    ):
        before = client.get_public_key()
        request.finalize(evaluated(client, request), before.public_key)
        first.kill()
    with (
        ServiceProcess(["omega-randomness"], environ) as second,
        RandomnessClient(second.address) as client,
    ):
        assert client.get_public_key() == before
        with pytest.raises(ServiceError) as refused:
            evaluated(client, request)
    assert (refused.value.reason, refused.value.field) == (ErrorCode.RATE_LIMITED, "epoch")


def test_nothing_of_a_call_is_kept(randomness: RandomnessClient, folder: Path) -> None:
    request = ReportRequest.of(EPOCH, 3, PAIRS)
    answer = evaluated(randomness, request)
    kept = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert kept
    told = (*request.blinded.elements, *answer.elements, answer.proof)
    assert not any(part[at : at + 8] in kept for part in told for at in (0, 8, 16))


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STORAGE_PATH", "/dev/null/none", "storage_path must be a folder"),
        ("MAX_EVALUATIONS", "999", "max_evaluations must be between"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str, said: str) -> None:
    done = subprocess.run(
        [PROGRAM],
        env=settings(tmp_path, **{name: value}),
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 78
    assert said in done.stderr


def test_a_budget_is_spent_to_the_last_and_once_by_two(tmp_path: Path) -> None:
    most = 2 * BLOCK + 50
    with Budget(tmp_path / "file", most) as one, Budget(tmp_path / "file", most) as other:
        given = 0
        for n in range(3 * BLOCK // 10):
            try:
                (one, other)[n % 2].take(1, 10)
                given += 10
            except OmegaError as error:
                assert error.code is ErrorCode.RATE_LIMITED  # noqa: PT017 - one of many calls
        assert given == most
        one.take(2, 10)
