"""The demo under the policy `threshold`: TVs report pairs, through servers of another party."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_cli.demo.cluster import PAIR_BYTES, Cluster
from omega_cli.demo.fleet import FleetTv, for_each, newest
from omega_cli.demo.pairs import PairTv, Parties
from omega_cli.demo.report import PairFigures, TableFigures, TrafficFigures
from omega_cli.demo.story import FACTORS, BrainSet, Story
from omega_client import RandomnessClient, RelayClient
from omega_delta import decode_factors
from omega_testing.probe import eventually
from omega_threshold import Pair, title_key
from omega_threshold.intake import Outcome

HOUSEHOLDS = 200
"""So many, for each report is a call of its own: a demo takes minutes."""
THRESHOLD = 3
"""Reports that open a pair. A fleet has 5 by default, and thousands of TVs."""
REPORTS = 100
"""Most reports of a TV, all in one go; by itself it sends ten a day, at instants by chance."""
BYTES_A_DAY = 4_000
"""What a TV spends on them by default."""
_BRAIN_SECONDS = 120.0
FORWARD = 279
"""Bytes of a report and its answer; with less than that a TV's day is over."""
_COUNTS = (
    "SELECT count(*) FILTER (WHERE state < 2), count(*) FILTER (WHERE state = 2) FROM pair_reports"
)


class PairStory(Story):
    """One run."""

    parts = "Postgres, constellation, sync, federation worker, randomness server and relay"
    refresh = True
    reports = REPORTS
    """Most reports of a TV without a process of its own."""
    brain_bytes = PAIR_BYTES
    """What a brain may spend; it makes reports in batches and sends one a second."""

    def _services(self, kind: str) -> Cluster:
        return Cluster(kind, threshold=THRESHOLD, pair_bytes=self.brain_bytes)

    def _push(self, sets: list[BrainSet], tvs: list[FleetTv]) -> None:
        enter = self._stack.enter_context
        parties = Parties(
            self._sync,
            enter(RelayClient(self._cluster.relay.address)),
            enter(RandomnessClient(self._cluster.randomness.address)),
        )
        self._reporting = [PairTv(tv) for tv in tvs]
        by_tv = {id(each.tv): each for each in self._reporting}

        def report(text: str, support: Mapping[bytes, float]) -> None:
            with self._step(text, len(tvs)) as advance:
                for_each(
                    tvs,
                    lambda tv: by_tv[id(tv)].report(parties, self.reports, support),
                    lambda: advance(1),
                )

        report("reporting titles, each alone", {})
        # From this round on TVs know which titles the fleet likes, and so which pairs are due.
        self._run_round()
        for each in sets:
            each.client.sync_now()
        report("reporting pairs, each alone", self._support(tvs[0]))
        with self._step("waiting for the brains' own reports", len(sets)) as advance:
            for each in sets:
                self._report_day(each)
                advance(1)
        # Brains go on by themselves: from here on what was told stands still, and can be counted.
        self._cluster.relay.terminate()

    def _support(self, tv: FleetTv) -> dict[bytes, float]:
        """Share of each title that the fleet publishes one of, as TVs read it from its factors."""
        answer = tv.exchange(self._sync, self._encoder.model_version)
        body = self._sync.download(newest(answer, FACTORS), credential=tv.credential)
        factors, catalogue = decode_factors(body), self._catalogue
        names = dict(zip(catalogue.ordinals.tolist(), catalogue.ids, strict=True))
        shares = zip(factors.ordinals.tolist(), factors.prior.tolist(), strict=True)
        return {title_key(names[ordinal]): share for ordinal, share in shares if share > 0}

    def _report_day(self, each: BrainSet) -> None:
        """Waits until a brain has reported what its day pays for, one a second.

        Raises:
            TimeoutError: it does not.
        """
        path = self._storage(each)

        def done() -> bool:
            with closing(sqlite3.connect(path)) as database:
                waiting, told = database.execute(_COUNTS).fetchone()
                spent = database.execute("SELECT max(bytes) FROM pair_days").fetchone()[0] or 0
            return bool(told and (not waiting or spent > self.brain_bytes - FORWARD))

        what = f"the reports of {each.household.household_id}"
        eventually(done, bool, what=what, seconds=_BRAIN_SECONDS)

    def _storage(self, each: BrainSet) -> Path:
        return self._cluster.storage(each.household.household_id) / "brain.db"

    def _first_news(self, old: FleetTv) -> sync_pb.SyncResponse:
        # Pairs give no patterns, so that there may be no news beside the factors.
        return old.exchange(self._sync, self._encoder.model_version)

    def _traffic(
        self, tvs: list[FleetTv], pull_bytes: int, pull_plain_bytes: int, factors_bytes: int
    ) -> TrafficFigures:
        exchanges = [exchange for tv in tvs for exchange in tv.exchanges]
        return TrafficFigures(
            push_bytes_mean=0.0,
            push_bytes_max=0,
            push_sketches_mean=0.0,
            pull_bytes=pull_bytes,
            pull_plain_bytes=pull_plain_bytes,
            codebook_bytes=len(self._codebook.body),
            catalogue_bytes=self._catalogue_bytes,
            factors_bytes=factors_bytes,
            exchanges=len(exchanges),
            sketches=sum(exchange.sketches for exchange in exchanges),
        )

    def _pairs(self, sets: list[BrainSet]) -> PairFigures:
        told = [each.sent for each in self._reporting]
        told += [self._of_brain(each) for each in sets]
        plain = Counter(pair for pairs in told for pair in pairs)
        with psycopg.connect(self._cluster.database_url) as connection:
            opened = {
                Pair(bytes(low), bytes(high)): int(reports)
                for low, high, reports in connection.execute(
                    "SELECT low, high, reports FROM threshold_pairs"
                )
            }
            sealed = connection.execute(
                "SELECT count(*), count(DISTINCT (epoch, tag)) FROM threshold_sealed"
            ).fetchone()
            holds = tuple(_tables(connection))
        reports = sum(each.outcomes.total() for each in self._reporting)
        refused = sum(
            each.outcomes.total() - each.outcomes[Outcome.TAKEN] for each in self._reporting
        )
        if refused:
            raise RuntimeError(f"{refused} reports were refused")
        a_report = sum(each.carried for each in self._reporting) / max(1, reports)
        return PairFigures(
            threshold=THRESHOLD,
            reporting=sum(bool(pairs) for pairs in told),
            reports=plain.total(),
            bytes_a_report=a_report,
            days=self.reports * a_report / BYTES_A_DAY,
            left=sum(len(each.pairs()) - len(each.sent) for each in self._reporting),
            titles_open=sum(pair.alone for pair in opened),
            pairs_open=sum(not pair.alone for pair in opened),
            counted=sum(opened.values()),
            sealed=sealed[0] if sealed else 0,
            groups_sealed=sealed[1] if sealed else 0,
            as_plain=opened == {pair: n for pair, n in plain.items() if n >= THRESHOLD},
            holds=holds,
        )

    def _of_brain(self, each: BrainSet) -> list[Pair]:
        """What a brain says that it has told, read from its own file."""
        with closing(sqlite3.connect(self._storage(each))) as database:
            rows = database.execute(
                "SELECT one.content_id, other.content_id FROM pair_reports AS r"
                " JOIN contents AS one ON one.content_rowid = r.low"
                " JOIN contents AS other ON other.content_rowid = r.high WHERE r.state = 2"
            )
            return [Pair.of(*titles) for titles in rows]


def _tables(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[TableFigures]:
    """The operator's tables of reports, with what a row of each holds."""
    found = connection.execute(
        "SELECT table_name::text, array_agg(column_name::text ORDER BY ordinal_position)"
        " FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name LIKE 'threshold%'"
        " GROUP BY table_name ORDER BY table_name"
    ).fetchall()
    for name, columns in found:
        count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name))
        row = connection.execute(count).fetchone()
        yield TableFigures(name, int(row[0]) if row else 0, tuple(columns))
