"""Reports and tokens at the constellation: every answer and every status, down to Postgres."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_client import AdminClient, ConstellationClient, GatewayClient, RandomnessClient
from omega_constellation import metering
from omega_constellation.app import build
from omega_constellation.config import ConstellationConfig
from omega_core.shared_clock import VARIABLE, MovedClock
from omega_randomness.app import build as build_randomness
from omega_randomness.config import RandomnessConfig
from omega_rpc.config import ServerConfig
from omega_store import Store
from omega_testing.fleet import NOW, registered
from omega_testing.probe import eventually
from omega_testing.processes import free_port
from omega_testing.recording import counting, recording
from omega_testing.refusals import Refusal, refused
from omega_testing.reporting import told_keys
from omega_testing.site import write
from omega_threshold import (
    EpochKeys,
    Evaluation,
    Pair,
    Report,
    ReportRequest,
    Schedule,
    Token,
    TokenRequest,
)
from omega_threshold.envelope import encapsulate
from omega_threshold.intake import Outcome, Submission, outcome_of

QUOTA = 8
THRESHOLD = 3
SCHEDULE = Schedule()
EPOCH = SCHEDULE.at(NOW)
PAIR = Pair.of("movie:1", "movie:2")
DEVICE = "tv-" + "0" * 32
NOT_TAKEN = Refusal("FAILED_PRECONDITION", "REPORTS_NOT_TAKEN", "")


@contextmanager
def serving(url: str, **settings: Any) -> Iterator[str]:
    """Runs a constellation with all that it does of itself; gives its address."""
    config = ConstellationConfig(database_url=url, **settings)
    application = build(config, ServerConfig("127.0.0.1:0", workers=32, grace_seconds=0))
    try:
        address = application.server.start()
        application.started()
        yield address
    finally:
        application.server.stop()
        application.close()


@contextmanager
def randomness_at(address: str, folder: Path) -> Iterator[RandomnessClient]:
    """A randomness server whose keys lie in a folder."""
    folder.mkdir(exist_ok=True)
    application = build_randomness(
        RandomnessConfig(storage_path=folder), ServerConfig(address, grace_seconds=0)
    )
    try:
        with RandomnessClient(application.server.start()) as client:
            yield client
    finally:
        application.server.stop()
        application.close()


class Shard:
    """A constellation that takes reports, and its randomness server."""

    def __init__(self, address: str, store: Store, randomness: RandomnessClient) -> None:
        self.address = address
        self.store = store
        self.randomness = randomness
        self.operator = ConstellationClient(address)
        self.gateway = GatewayClient(address)

    def close(self) -> None:
        self.operator.close()
        self.gateway.close()

    def keys(self) -> EpochKeys:
        """Of the newest epoch."""
        return told_keys(self.gateway.get_reporting_keys().keys).epochs[-1]

    def device(self) -> str:
        return registered(self.store, 1)[0]

    def tokens(self, count: int) -> list[Token]:
        """So many of the newest epoch."""
        keys, device = self.keys(), self.device()
        asked = TokenRequest.drawn(keys.epoch, count)
        given = self.operator.issue_tokens(asking(device, asked.blinded.elements, keys.epoch))
        return asked.finalize(Evaluation(tuple(given.evaluated), given.proof), keys.tokens)

    def report(self, threshold: int = THRESHOLD) -> Report:
        keys = self.keys()
        asked = ReportRequest.of(keys.epoch, threshold, [PAIR])
        given = self.randomness.evaluate(keys.epoch, asked.blinded.elements)
        told = Evaluation(tuple(given.evaluated), given.proof)
        return asked.finalize(told, keys.randomness)[0]

    def submit(self, submission: Submission, keys: EpochKeys | None = None) -> Outcome:
        sent, exchange = submission.sealed((keys or self.keys()).gateway)
        return outcome_of(exchange, self.gateway.handle(sent).encapsulated)

    def stored(self) -> list[bytes]:
        with self.store.statements() as conn:
            return [r for (r,) in conn.execute("SELECT report FROM threshold_inbox").fetchall()]


def asking(
    device_id: str, blinded: Any, epoch: int = EPOCH, **changed: Any
) -> pb.IssueTokensRequest:
    fields: dict[str, Any] = {
        "device_id": device_id,
        "request_id": str(uuid.uuid4()),
        "epoch": epoch,
        "blinded": blinded,
    }
    return pb.IssueTokensRequest(**(fields | changed))


def elements(count: int) -> tuple[bytes, ...]:
    return TokenRequest.drawn(EPOCH, count).blinded.elements


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MovedClock]:
    with MovedClock(tmp_path / "clock", NOW) as moved:
        monkeypatch.setenv(VARIABLE, str(tmp_path / "clock"))
        yield moved


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    return {
        "threshold_secret_file": write(tmp_path / "secret", os.urandom(32).hex().encode()),
        "threshold": THRESHOLD,
        "tokens_per_epoch": QUOTA,
        "randomness_target": f"127.0.0.1:{free_port()}",
    }


@pytest.fixture
def shard(
    clock: MovedClock, store: Store, settings: dict[str, Any], tmp_path: Path
) -> Iterator[Shard]:
    del clock
    with ExitStack() as stack:
        server = randomness_at(settings["randomness_target"], tmp_path / "randomness")
        randomness = stack.enter_context(server)
        address = stack.enter_context(serving(store.url, **settings))
        made = Shard(address, store, randomness)
        stack.callback(made.close)
        yield made


# Handle


def test_a_report_is_stored_once_and_says_nothing_of_its_device(shard: Shard) -> None:
    (token,) = shard.tokens(1)
    submission = Submission(token, shard.report())
    assert [shard.submit(submission) for _ in range(3)] == [Outcome.TAKEN] * 3
    assert shard.stored() == [submission.report.encode()]


def test_what_is_wrong_with_a_report_is_said_inside_the_answer(
    shard: Shard, clock: MovedClock
) -> None:
    spent, other, another, late = shard.tokens(4)
    report, keys = shard.report(), shard.keys()
    with counting(metering) as counted:
        assert shard.submit(Submission(spent, report)) is Outcome.TAKEN
        assert shard.submit(Submission(spent, shard.report())) is Outcome.TOKEN_REFUSED
        made_up = Token(EPOCH, os.urandom(32), os.urandom(32))
        assert shard.submit(Submission(made_up, shard.report())) is Outcome.TOKEN_REFUSED
        assert shard.submit(Submission(other, shard.report(THRESHOLD - 1))) is Outcome.REFUSED
        sent, exchange = encapsulate(keys.gateway, bytes(100))
        answer = shard.gateway.handle(sent).encapsulated
        assert outcome_of(exchange, answer) is Outcome.REFUSED
        in_grace = Submission(another, shard.report())
        too_late = Submission(late, shard.report())
        clock.move_to(SCHEDULE.ends(EPOCH))
        assert shard.submit(in_grace, keys) is Outcome.TAKEN
        clock.move_to(SCHEDULE.closes(EPOCH))
        assert shard.submit(too_late, keys) is Outcome.EPOCH_CLOSED
        seen = {
            dict(each)["omega.outcome"]: n
            for (name, each), n in counted().items()
            if "reports" in name
        }
    assert seen == {"taken": 2, "token_refused": 2, "refused": 2, "epoch_closed": 1}
    assert sorted(shard.stored()) == sorted([report.encode(), in_grace.report.encode()])


def test_tokens_of_a_device_are_refused_with_reports_of_another_epoch(
    shard: Shard, clock: MovedClock
) -> None:
    (token,) = shard.tokens(1)
    clock.move_to(SCHEDULE.ends(EPOCH))
    mixed = token.encode() + shard.report().encode()
    sent, exchange = encapsulate(shard.keys().gateway, mixed)
    answer = shard.gateway.handle(sent).encapsulated
    assert outcome_of(exchange, answer) is Outcome.REFUSED


@pytest.mark.parametrize("length", [0, 54, 100, 8_192, 8_193])
def test_what_cannot_be_read_is_refused(shard: Shard, length: int) -> None:
    assert refused(lambda: shard.gateway.handle(os.urandom(length))) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", "encapsulated"
    )


def test_keys_of_epochs_long_closed_read_nothing(shard: Shard, clock: MovedClock) -> None:
    (token,) = shard.tokens(1)
    submission, keys = Submission(token, shard.report()), shard.keys()
    clock.move_to(SCHEDULE.closes(EPOCH + 1))
    assert refused(lambda: shard.submit(submission, keys)).field == "encapsulated"


def test_no_more_are_taken_at_once_than_leave_room_for_the_rest(
    shard: Shard, database_url: str
) -> None:
    """While the table is locked reports wait; pushes and other calls go on."""
    (token,) = shard.tokens(1)
    sent, _ = Submission(token, shard.report()).sealed(shard.keys().gateway)
    with psycopg.connect(database_url) as conn, ThreadPoolExecutor(24) as pool:
        conn.execute("LOCK TABLE threshold_inbox IN ACCESS EXCLUSIVE MODE")
        calls = [pool.submit(shard.gateway.handle, sent) for _ in range(24)]
        eventually(lambda: sum(call.done() for call in calls), lambda done: done == 8)
        assert shard.operator.get_cluster_status().total_devices == 1
        assert shard.gateway.get_reporting_keys().keys.threshold == THRESHOLD
        conn.rollback()
        failures = [call.exception() for call in calls]
    told = [failure for failure in failures if failure]
    assert {getattr(failure, "reason", "") for failure in told} == {"OVERLOADED"}
    assert len(told) == 8
    assert len(shard.stored()) == 1


def test_neither_a_trace_nor_the_log_tells_when_a_report_came(
    shard: Shard, caplog: pytest.LogCaptureFixture
) -> None:
    (token,) = shard.tokens(1)
    submission, keys = Submission(token, shard.report()), shard.keys()
    with recording() as recorded, caplog.at_level(logging.DEBUG, "omega_rpc"):
        caplog.clear()
        assert shard.submit(submission, keys) is Outcome.TAKEN
        refused(lambda: shard.gateway.handle(os.urandom(100)))
        refused(lambda: shard.operator.erase_device("nobody"))
        eventually(recorded.all, lambda spans: any("EraseDevice" in s.name for s in spans))
        told = [span.name for span in recorded.all()]
    assert [name for name in told if "threshold" in name or "report" in name] == []
    lines = [record.getMessage() for record in caplog.records]
    assert any("EraseDevice" in line for line in lines)
    assert [line for line in lines if "Gateway" in line] == []


# GetReportingKeys


def test_tvs_are_told_the_keys_of_all_open_epochs(shard: Shard, clock: MovedClock) -> None:
    told = told_keys(shard.gateway.get_reporting_keys().keys)
    assert (told.threshold, told.schedule) == (THRESHOLD, SCHEDULE)
    assert [each.epoch for each in told.epochs] == [EPOCH]
    assert told.epochs[0].randomness == shard.randomness.get_public_key(EPOCH).public_key
    clock.move_to(SCHEDULE.ends(EPOCH))
    later = told_keys(shard.gateway.get_reporting_keys().keys)
    assert [each.epoch for each in later.epochs] == [EPOCH, EPOCH + 1]
    assert later.epochs[0] == told.epochs[0]
    clock.move_to(SCHEDULE.closes(EPOCH))
    last = told_keys(shard.gateway.get_reporting_keys().keys)
    assert last.epochs == later.epochs[1:]


def test_keys_that_were_told_outlive_the_randomness_server_and_a_restart(
    clock: MovedClock, store: Store, settings: dict[str, Any], tmp_path: Path
) -> None:
    del clock
    away = Refusal("UNAVAILABLE", "UPSTREAM_UNAVAILABLE", "")
    with serving(store.url, **settings) as address, GatewayClient(address) as gateway:
        assert refused(gateway.get_reporting_keys) == away
        with randomness_at(settings["randomness_target"], tmp_path / "randomness"):
            told = eventually(
                lambda: answered(gateway.get_reporting_keys), lambda answer: answer is not None
            )
        assert gateway.get_reporting_keys() == told
    with serving(store.url, **settings) as address, GatewayClient(address) as gateway:
        assert gateway.get_reporting_keys() == told


def test_a_randomness_server_that_says_another_key_is_not_believed(
    clock: MovedClock,
    store: Store,
    settings: dict[str, Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    del clock
    target = settings["randomness_target"]
    with (
        randomness_at(target, tmp_path / "first"),
        serving(store.url, **settings) as address,
        GatewayClient(address) as gateway,
    ):
        told = gateway.get_reporting_keys()
    with (
        randomness_at(target, tmp_path / "second") as other,
        serving(store.url, **settings) as address,
        GatewayClient(address) as gateway,
        caplog.at_level(logging.ERROR, "omega_constellation"),
    ):
        assert gateway.get_reporting_keys() == told
        assert other.get_public_key(EPOCH).public_key != told.keys.epochs[0].randomness
        complaint = f"another key for epoch {EPOCH} than before"
        eventually(lambda: caplog.text, lambda text: complaint in text)
        assert gateway.get_reporting_keys() == told


# IssueTokens


def test_tokens_are_given_out_to_a_quota_and_pay_for_reports(shard: Shard) -> None:
    keys, device = shard.keys(), shard.device()
    asked = TokenRequest.drawn(EPOCH, 6)
    request = asking(device, asked.blinded.elements)
    given = [shard.operator.issue_tokens(request) for _ in range(2)]
    assert [answer.left for answer in given] == [2, 2]
    for answer in given:
        told = Evaluation(tuple(answer.evaluated), answer.proof)
        tokens = asked.finalize(told, keys.tokens)
    assert shard.submit(Submission(tokens[0], shard.report())) is Outcome.TAKEN
    assert refused(lambda: shard.operator.issue_tokens(asking(device, elements(3)))) == Refusal(
        "RESOURCE_EXHAUSTED", "TOKENS_SPENT", "blinded"
    )
    assert shard.operator.issue_tokens(asking(device, elements(2))).left == 0


def test_tokens_of_the_epoch_before_are_given_out_in_its_grace(
    shard: Shard, clock: MovedClock
) -> None:
    device = shard.device()
    shard.operator.issue_tokens(asking(device, elements(QUOTA)))
    clock.move_to(SCHEDULE.ends(EPOCH))
    assert shard.operator.issue_tokens(asking(device, elements(1), EPOCH + 1)).left == QUOTA - 1
    other = shard.device()
    assert shard.operator.issue_tokens(asking(other, elements(1), EPOCH)).left == QUOTA - 1


@pytest.mark.parametrize(
    ("changed", "status", "reason", "field"),
    [
        ({"device_id": "tv-1"}, "INVALID_ARGUMENT", "INVALID_FIELD", "device_id"),
        ({"request_id": "1"}, "INVALID_ARGUMENT", "INVALID_FIELD", "request_id"),
        ({"blinded": []}, "INVALID_ARGUMENT", "INVALID_FIELD", "blinded"),
        ({"blinded": elements(1) * 129}, "INVALID_ARGUMENT", "INVALID_FIELD", "blinded"),
        ({"blinded": [bytes(32)]}, "INVALID_ARGUMENT", "INVALID_FIELD", "blinded[0]"),
        ({"blinded": [b"\xff" * 32]}, "INVALID_ARGUMENT", "INVALID_FIELD", "blinded[0]"),
        ({"blinded": [bytes(31)]}, "INVALID_ARGUMENT", "INVALID_FIELD", "blinded[0]"),
        ({"epoch": EPOCH - 1}, "FAILED_PRECONDITION", "EPOCH_CLOSED", "epoch"),
        ({"epoch": EPOCH + 1}, "FAILED_PRECONDITION", "EPOCH_CLOSED", "epoch"),
        ({"device_id": DEVICE}, "NOT_FOUND", "UNKNOWN_DEVICE", "device_id"),
    ],
)
def test_a_request_for_tokens_has_bounds(
    shard: Shard, changed: dict[str, Any], status: str, reason: str, field: str
) -> None:
    fields = {"device_id": shard.device(), "blinded": elements(1)} | changed
    request = asking(**fields)
    assert refused(lambda: shard.operator.issue_tokens(request)) == Refusal(status, reason, field)


def test_a_request_id_is_for_the_same_elements(shard: Shard) -> None:
    device, request_id = shard.device(), str(uuid.uuid4())
    shard.operator.issue_tokens(asking(device, elements(2), request_id=request_id))
    again = asking(device, elements(2), request_id=request_id)
    assert refused(lambda: shard.operator.issue_tokens(again)) == Refusal(
        "INVALID_ARGUMENT", "INVALID_FIELD", "request_id"
    )


def test_devices_that_are_shut_out_or_leaving_get_no_tokens(shard: Shard) -> None:
    revoked, leaving = shard.device(), shard.device()
    with AdminClient(shard.address) as admin:
        admin.revoke_device(revoked)
    with shard.store.transaction() as conn:
        conn.execute("UPDATE devices SET leaving_for = 'b' WHERE device_id = %s", (leaving,))
    calls: list[Callable[[], object]] = [
        lambda: shard.operator.issue_tokens(asking(revoked, elements(1))),
        lambda: shard.operator.issue_tokens(asking(leaving, elements(1))),
    ]
    assert [refused(call) for call in calls] == [
        Refusal("PERMISSION_DENIED", "REVOKED", ""),
        Refusal("UNAVAILABLE", "DEVICE_MOVING", ""),
    ]


def test_erasure_takes_what_names_the_device_and_leaves_its_reports(shard: Shard) -> None:
    (token,) = shard.tokens(1)
    shard.submit(Submission(token, shard.report()))
    with shard.store.statements() as conn:
        (device_id,) = conn.execute("SELECT device_id FROM threshold_issued").fetchone() or ("",)
    shard.operator.erase_device(device_id)
    with shard.store.statements() as conn:
        assert conn.execute("SELECT FROM threshold_issued").fetchall() == []
    assert len(shard.stored()) == 1


def test_a_shard_forgets_by_itself_what_it_gave_out_in_an_epoch_that_closed(
    clock: MovedClock, store: Store, settings: dict[str, Any], tmp_path: Path
) -> None:
    def given() -> list[int]:
        with store.statements() as conn:
            return [e for (e,) in conn.execute("SELECT epoch FROM threshold_issued").fetchall()]

    (device,) = registered(store, 1)
    with randomness_at(settings["randomness_target"], tmp_path / "randomness"):
        with serving(store.url, **settings) as address, ConstellationClient(address) as operator:
            operator.issue_tokens(asking(device, elements(1)))
        clock.move_to(SCHEDULE.closes(EPOCH))
        with serving(store.url, **settings) as address, ConstellationClient(address) as operator:
            operator.issue_tokens(asking(device, elements(1), EPOCH + 1))
            eventually(given, lambda found: found == [EPOCH + 1])


# Where reports are not taken, and where Postgres is away


def test_without_a_secret_no_reports_are_taken(address: str, store: Store) -> None:
    (device,) = registered(store, 1)
    with GatewayClient(address) as gateway, ConstellationClient(address) as operator:
        assert refused(lambda: gateway.handle(bytes(100))) == NOT_TAKEN
        assert refused(gateway.get_reporting_keys) == NOT_TAKEN
        assert refused(lambda: operator.issue_tokens(asking(device, elements(1)))) == NOT_TAKEN


def test_without_its_database_it_says_so(
    clock: MovedClock, settings: dict[str, Any], tmp_path: Path, store: Store
) -> None:
    """Keys and tokens come of a shard that was well; then its twin without a database is asked."""
    del clock
    away = Refusal("UNAVAILABLE", "STORAGE_UNAVAILABLE", "")
    nowhere = "postgresql://postgres@127.0.0.1:1/postgres"
    with (
        randomness_at(settings["randomness_target"], tmp_path / "randomness") as randomness,
        serving(store.url, **settings) as well,
        serving(nowhere, acquire_seconds=0.1, **settings) as ill,
        GatewayClient(ill) as gateway,
        ConstellationClient(ill) as operator,
    ):
        shard = Shard(well, store, randomness)
        (token,) = shard.tokens(1)
        sent, _ = Submission(token, shard.report()).sealed(shard.keys().gateway)
        shard.close()
        assert refused(lambda: gateway.handle(sent)) == away
        assert refused(gateway.get_reporting_keys) == away
        assert refused(lambda: operator.issue_tokens(asking(DEVICE, elements(1)))) == away


def answered(call: Callable[[], Any]) -> Any:
    """The answer, or None where the call fails."""
    try:
        return call()
    except Exception:  # noqa: BLE001 - asked again
        return None


def test_schedule_of_these_tests() -> None:
    assert SCHEDULE.ends(EPOCH) - NOW > timedelta(days=1)
