"""Households report through a real randomness server, relay and fleet; the operator counts.

Each of the four services is a process of its own, before a real Postgres.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import random
import re
import subprocess
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import RandomnessClient, RelayClient, ServiceError, SyncClient
from omega_core.errors import ErrorCode, OmegaError
from omega_core.shared_clock import VARIABLE, MovedClock
from omega_rpc.tokens import new_key_line
from omega_store import migrate
from omega_testing.fleet import NOW
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess
from omega_testing.reporting import ReportingTV
from omega_testing.site import enrolled, write
from omega_threshold import (
    Aggregator,
    Evaluation,
    Pair,
    Report,
    ReportRequest,
    Schedule,
    TokenRequest,
    title_key,
)
from omega_threshold.intake import Outcome, Submission

THRESHOLD = 3


@dataclass
class Fleet:
    """The four services, and what may be looked at of them."""

    clock: MovedClock
    folder: Path
    postgres: EmbeddedPostgres
    url: str
    sync: SyncClient
    randomness: RandomnessClient
    relay: RelayClient

    def tv(self) -> ReportingTV:
        """A TV that has just registered."""
        device = enrolled(self.sync)
        device.clock = self.clock
        return ReportingTV(self.sync, device.prover, self.randomness, self.relay)

    def rows(self, query: LiteralString) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(query).fetchall()

    def inbox(self) -> list[bytes]:
        """Reports that no round has moved on."""
        return [row[0] for row in self.rows("SELECT report FROM threshold_inbox")]

    def move(self) -> None:
        """What a round does before it opens anything: reports in the order of their tags."""
        with psycopg.connect(self.url) as conn:
            conn.execute(
                "WITH moved AS (DELETE FROM threshold_inbox RETURNING epoch, report)"
                " INSERT INTO threshold_sealed (epoch, threshold, tag, sealed, x, y)"
                " SELECT epoch, get_byte(report, 1), substr(report, 7, 16), substr(report, 71, 48),"
                " substr(report, 23, 16), substr(report, 39, 32) FROM moved"
                " ORDER BY 3, 4, 5 ON CONFLICT DO NOTHING"
            )

    def counted(self) -> dict[Pair, int]:
        """What opens of all that the database holds."""
        aggregator = Aggregator()
        for epoch, threshold, tag, sealed, x, y in self.rows(
            "SELECT epoch, threshold, tag, sealed, x, y FROM threshold_sealed"
        ):
            point, share = int.from_bytes(x, "big"), int.from_bytes(y, "little")
            aggregator.add(Report(epoch, threshold, tag, point, share, sealed))
        return aggregator.counts()

    def dump(self) -> bytes:
        """All that the operator's database holds."""
        done = subprocess.run(
            [self.postgres.programs / "pg_dump", "--dbname", self.url, "--no-comments"],
            capture_output=True,
            check=True,
            env={"LC_ALL": "C"},
        )
        return done.stdout


@pytest.fixture(scope="module")
def fleet(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("parties")
    url = postgres.create_database("reports")
    migrate(url)
    secret = write(folder / "secret", os.urandom(32).hex().encode())
    token_keys = write(folder / "token.keys", new_key_line().encode())
    with ExitStack() as stack:
        stack.callback(postgres.drop_database, "reports")
        clock = stack.enter_context(MovedClock(folder / "clock", NOW))
        (folder / "randomness").mkdir()

        def started(name: str, **settings: str) -> str:
            prefix = name.upper().replace("-", "_")
            environ = {f"{prefix}_{key}": value for key, value in settings.items()}
            environ |= {f"{prefix}_LISTEN": "127.0.0.1:0", VARIABLE: str(folder / "clock")}
            environ |= {"OMEGA_LOG_LEVEL": "INFO"}
            process = ServiceProcess([name], environ, directory=folder / name)
            return stack.enter_context(process).address

        randomness = started("omega-randomness", STORAGE_PATH=str(folder / "randomness"))
        constellation = started(
            "omega-constellation",
            DATABASE_URL=url,
            THRESHOLD_SECRET_FILE=str(secret),
            THRESHOLD=str(THRESHOLD),
            RANDOMNESS_TARGET=randomness,
        )
        sync = started(
            "omega-sync",
            CONSTELLATION_TARGET=constellation,
            TOKEN_KEYS=str(token_keys),
            DEVICE_SYNC_BURST="100",
        )
        relay = started("omega-relay", GATEWAY_TARGET=sync, CALL_BURST="100000")
        yield Fleet(
            clock,
            folder,
            postgres,
            url,
            stack.enter_context(SyncClient(sync)),
            stack.enter_context(RandomnessClient(randomness)),
            stack.enter_context(RelayClient(relay)),
        )


def sections(dump: bytes) -> dict[str, bytes]:
    """Rows of each table in a dump."""
    found = re.findall(rb"^COPY public\.(\w+) .*?;\n(.*?)^\\\.$", dump, re.MULTILINE | re.DOTALL)
    return {name.decode(): rows for name, rows in found}


@pytest.fixture(autouse=True)
def no_rows_of_others(fleet: Fleet) -> None:
    """Tests share the four services."""
    with psycopg.connect(fleet.url) as conn:
        conn.execute("TRUNCATE threshold_inbox, threshold_spent, threshold_sealed")


def households() -> list[list[Pair]]:
    """Pairs of what 14 households like: few titles are much liked, many are little."""
    chance = random.Random(9)  # noqa: S311 - made-up households
    titles = [f"movie:{n}" for n in range(12)]
    weights = [1 / (n + 1) for n in range(12)]
    made = []
    for n in range(14):
        likes = sorted({*chance.choices(titles, weights, k=3), titles[0], f"only:{n}"})
        made.append([Pair.of(*pair) for pair in itertools.combinations(likes, 2)])
    return made


NAMES = [f"movie:{n}" for n in range(12)] + [f"only:{n}" for n in range(14)]


def test_the_operator_holds_what_enough_households_like_and_nothing_that_tells_of_one(
    fleet: Fleet,
) -> None:
    chance = random.Random(5)  # noqa: S311 - an order
    reported = households()
    sent = [
        (tv, each)
        for tv, pairs in ((fleet.tv(), pairs) for pairs in reported)
        for each in tv.submissions(pairs)
    ]
    chance.shuffle(sent)
    # Answers of a tenth are lost, and the TVs repeat.
    for tv, each in [*sent, *chance.sample(sent, len(sent) // 10)]:
        assert tv.submit(each) is Outcome.TAKEN
    arrived = [each.report.encode() for _, each in sent]
    assert sorted(fleet.inbox()) == sorted(arrived)
    before = fleet.dump()
    fleet.move()
    after = fleet.dump()

    # What opens is what plain counting finds.
    plain = Counter(pair for pairs in reported for pair in pairs)
    enough = {pair: count for pair, count in plain.items() if count >= THRESHOLD}
    assert 3 < len(enough) < len(plain)
    assert fleet.counted() == enough

    # The whole database as bytes, before and after a round has moved the reports on.
    for dump in (before, after):
        assert arrived[0][6:22].hex().encode() in dump  # it is there, in the form that is sought
        for name in NAMES:
            assert name.encode() not in dump
            assert title_key(name).hex().encode() not in dump
            assert title_key(name) not in dump
        tables = sections(dump)
        named = {name for name, rows in tables.items() if b"tv-" in rows}
        assert {name for name in named if name.startswith("threshold")} == {"threshold_issued"}
        assert "devices" in named
    # No line of a log, but for that of a start, tells of a report.
    logs = b"".join(path.read_bytes() for path in fleet.folder.rglob("*.log"))
    assert b"omega" in logs
    assert b"GatewayService/" not in logs
    assert b"tv-" not in logs


def test_rows_tell_nothing_of_the_order_in_which_reports_came(fleet: Fleet) -> None:
    submissions = [
        each
        for pairs in households()[:4]
        for tv in [fleet.tv()]
        for each in tv.submissions(pairs)
        if tv.submit(each) is Outcome.TAKEN
    ]
    fleet.move()
    sealed = fleet.rows("SELECT tag, sealed, x FROM threshold_sealed ORDER BY ctid")
    spent = fleet.rows("SELECT nonce, spent_on FROM threshold_spent ORDER BY ctid")
    assert sealed == sorted(sealed)
    assert spent == sorted(spent)
    assert len(sealed) == len(spent) == len(submissions)
    # All rows of a move are of one transaction, whichever theirs was.
    for table in ("threshold_sealed", "threshold_spent"):
        assert len(set(fleet.rows(f"SELECT xmin::text FROM {table}"))) == 1  # noqa: S608 - ours
    # And what is spent on what still holds.
    paid = {each.token.nonce: each.report for each in submissions}
    assert all(hashlib.sha256(paid[n].encode()).digest() == on for n, on in spent)


def test_no_table_of_reports_has_room_for_a_time_an_address_or_a_device(fleet: Fleet) -> None:
    """Held column by column: whoever adds one has to come here."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in fleet.rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name LIKE 'threshold%'"
    ):
        found.setdefault(table, {})[column] = kind
    group = {"epoch": "bigint", "threshold": "smallint", "tag": "bytea", "sealed": "bytea"}
    assert found == {
        "threshold_inbox": {"epoch": "bigint", "nonce": "bytea", "report": "bytea"},
        "threshold_spent": {"epoch": "bigint", "nonce": "bytea", "spent_on": "bytea"},
        "threshold_sealed": {**group, "x": "bytea", "y": "bytea"},
        "threshold_opened": {**group, "secret": "bytea"},
        "threshold_points": {"epoch": "bigint", "tag": "bytea", "x": "bytea"},
        "threshold_grown": {**group, "spoiled": "boolean"},
        "threshold_forgotten": {"first_kept": "bigint"},
        "threshold_pairs": {"low": "bytea", "high": "bytea", "reports": "bigint"},
        "threshold_randomness": {"epoch": "bigint", "public_key": "bytea"},
        "threshold_issued": {
            "device_id": "text",
            "request_id": "uuid",
            "epoch": "bigint",
            "tokens": "integer",
            "blinded_sha256": "bytea",
        },
    }


PAIR = Pair.of("movie:1", "movie:2")


def test_fewer_reports_than_the_threshold_stay_sealed_whoever_repeats_them(fleet: Fleet) -> None:
    tvs = [fleet.tv() for _ in range(THRESHOLD)]
    reports = [tv.submissions([PAIR])[0] for tv in tvs]
    for tv, each in zip(tvs[1:], reports[1:], strict=True):
        for _ in range(3):
            assert tv.submit(each) is Outcome.TAKEN
    # The same report again, paid by a token of its own, is the same point of the same share.
    (token,) = tvs[1].tokens(1)
    assert tvs[1].submit(Submission(token, reports[1].report)) is Outcome.TAKEN
    fleet.move()
    assert fleet.counted() == {}
    assert len(fleet.rows("SELECT FROM threshold_sealed")) == THRESHOLD - 1
    # Replayed after the round, it is not even stored.
    assert tvs[1].submit(reports[1]) is Outcome.TAKEN
    assert fleet.inbox() == []
    assert tvs[0].submit(reports[0]) is Outcome.TAKEN
    fleet.move()
    assert fleet.counted() == {PAIR: THRESHOLD}


def test_a_wrong_share_neither_opens_a_pair_nor_keeps_it_shut(fleet: Fleet) -> None:
    tv = fleet.tv()
    (bad,) = tv.submissions([PAIR])
    wrong = Submission(bad.token, replace(bad.report, y=bad.report.y ^ 1))
    assert tv.submit(wrong) is Outcome.TAKEN
    for number in range(THRESHOLD):
        fleet.move()
        assert fleet.counted() == {}
        other = fleet.tv()
        assert other.submit(other.submissions([PAIR])[0]) is Outcome.TAKEN, number
    fleet.move()
    assert fleet.counted() == {PAIR: THRESHOLD}


def test_a_token_pays_for_one_report_before_and_after_a_round(fleet: Fleet) -> None:
    tv = fleet.tv()
    first, second = tv.submissions([PAIR, Pair.of("movie:2", "movie:3")])
    twice = Submission(first.token, second.report)
    assert tv.submit(first) is Outcome.TAKEN
    assert tv.submit(twice) is Outcome.TOKEN_REFUSED
    fleet.move()
    assert tv.submit(twice) is Outcome.TOKEN_REFUSED
    made_up = Submission(replace(first.token, nonce=os.urandom(32)), second.report)
    assert tv.submit(made_up) is Outcome.TOKEN_REFUSED
    assert fleet.inbox() == []


def test_answers_with_another_proof_are_of_no_use_to_a_tv(fleet: Fleet) -> None:
    tv = fleet.tv()
    keys = tv.keys().epochs[-1]
    coins = ReportRequest.of(keys.epoch, THRESHOLD, [PAIR])
    evaluated = fleet.randomness.evaluate(keys.epoch, coins.blinded.elements)
    asked = TokenRequest.drawn(keys.epoch, 1)
    given = tv.sync.issue_tokens(
        pb.IssueTokensRequest(
            request_id=str(uuid.uuid4()), epoch=keys.epoch, blinded=asked.blinded.elements
        ),
        credential=tv.prover,
    )
    proofs = (evaluated.proof, given.proof)
    for finalize, elements, public, proof in (
        (coins.finalize, evaluated.evaluated, keys.randomness, proofs[1]),
        (asked.finalize, given.evaluated, keys.tokens, proofs[0]),
        (coins.finalize, evaluated.evaluated, keys.tokens, proofs[0]),
        (asked.finalize, given.evaluated, keys.randomness, proofs[1]),
    ):
        with pytest.raises(OmegaError) as refused:
            finalize(Evaluation(tuple(elements), proof), public)
        assert refused.value.code is ErrorCode.PROOF_REFUSED


def test_nothing_of_an_epoch_is_taken_once_it_has_closed(fleet: Fleet) -> None:
    tv, schedule = fleet.tv(), Schedule()
    told = tv.keys()
    epoch = told.epochs[-1].epoch
    in_time, late = tv.submissions([PAIR, Pair.of("movie:2", "movie:3")])
    fleet.clock.move_to(schedule.ends(epoch))
    tv = fleet.tv()
    assert [each.epoch for each in tv.keys().epochs] == [epoch, epoch + 1]
    assert tv.submit(in_time, told) is Outcome.TAKEN
    fleet.clock.move_to(schedule.closes(epoch))
    tv = fleet.tv()
    assert [each.epoch for each in tv.keys().epochs] == [epoch + 1]
    assert tv.submit(late, told) is Outcome.EPOCH_CLOSED
    with pytest.raises(ServiceError) as refused:
        fleet.randomness.get_public_key(epoch)
    assert refused.value.reason == ErrorCode.EPOCH_CLOSED
    assert fleet.inbox() == [in_time.report.encode()]


def test_the_operator_and_the_relay_tell_every_tv_the_same(fleet: Fleet) -> None:
    told = {
        tv.sync.get_reporting_keys(credential=tv.prover).keys.SerializeToString()
        for tv in (fleet.tv() for _ in range(3))
    }
    told |= {fleet.relay.get_reporting_keys().keys.SerializeToString() for _ in range(3)}
    assert len(told) == 1
