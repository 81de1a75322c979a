"""What a TV moves in a day, counted where it crosses TCP: TLS, gRPC and every retry included."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import numpy as np

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.common.v1 import resource_pb2
from omega_cli.bench.figures import Figure
from omega_cli.bench.wire_corpus import Corpus, Places
from omega_client import BrainClient
from omega_core.vectors import FloatArray
from omega_delta import (
    CataloguePack,
    FactorPack,
    GlobalPattern,
    Trend,
    Trends,
    encode_catalogue,
    encode_catalogue_delta,
    encode_factor_delta,
    encode_factors,
)
from omega_delta.transform import Codebook, NewTitles
from omega_eval.movielens import load_movielens
from omega_eval.sample import load_sample
from omega_learn.factors import fit_factors
from omega_learn.rotation import Held
from omega_learn.rows import UNIT
from omega_learn.statistics import Statistics
from omega_rpc import local_authority
from omega_testing.counting_proxy import Counted, counting
from omega_testing.gateway import Gateway, serving
from omega_testing.processes import AT_ONCE, ServiceProcess

SYNCS = 144
"""Exchanges a day: one in ten minutes."""
ROUNDS = 24
"""New states a day."""
CODEBOOK_DAYS = 30
"""Life of a codebook, over which its bytes are spread."""
_NEW = 0.01
"""Titles that come a day, as a share of the catalogue."""
_WATCHED = 10
"""Titles that the household succeeds with a day, each a sketch."""
_DAYS = 2
"""Days that are played."""
_SUPPORT = 3
_TRENDS = 10
_LAM, _RANK = 75.0, 128
_CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
_FACTORS = resource_pb2.RESOURCE_KIND_FACTORS
_CODEBOOK = resource_pb2.RESOURCE_KIND_CODEBOOK


def measure(
    corpus: Corpus,
    book: Codebook,
    encoder_kind: str,
    cache_dir: Path | None,
    patterns: int,
    say: Callable[[str], None],
) -> dict[str, Figure]:
    """The day's bytes, on one connection and on a new one for each exchange.

    Args:
        corpus: titles and households.
        book: how news are coded.
        encoder_kind: of the corpus.
        cache_dir: where the model is.
        patterns: of a state.
        say: hears what is being done.
    """
    with ExitStack() as stack:
        day = _Day(corpus, book, encoder_kind, cache_dir, patterns, stack)
        say("the days before")
        day.settle()
        say("a day on one connection")
        held = day.run(reconnect=False)
        say("a day of new connections")
        anew = day.run(reconnect=True)
        share = day.codebook_bytes / CODEBOOK_DAYS
    parts = {name: held[name] / 1e6 for name in ("exchanges", "factors", "catalogue")}
    return {
        "bytes_device_day": Figure(
            (held["total"] + share) / 1e6,
            "MB",
            "<= 1.0",
            {
                **parts,
                "a share of the codebook": share / 1e6,
                "a new connection each exchange": (anew["total"] + share) / 1e6,
            },
        ),
        "factors_device_day": Figure(held["factors"] / 1e3, "kB", "<= 100", {}),
    }


class _Day:
    """A brain, a fleet that publishes to it, and what counts between them."""

    def __init__(
        self,
        corpus: Corpus,
        book: Codebook,
        encoder_kind: str,
        cache_dir: Path | None,
        patterns: int,
        stack: ExitStack,
    ) -> None:
        self._corpus, self._book, self._patterns = corpus, book, patterns
        named = os.environ.get("OMEGA_DATA")
        self._contents = load_movielens(Path(named))[0] if named else load_sample()
        self._gateway = Gateway()
        self._counted, environ = self._connected(stack)
        environ["OMEGA_BRAIN_ENCODER"] = encoder_kind
        if cache_dir:
            environ["OMEGA_BRAIN_CACHE_DIR"] = str(cache_dir)
        brain = stack.enter_context(ServiceProcess(["omega-brain"], environ))
        self._brain = stack.enter_context(BrainClient(brain.address))
        self._version = 0
        self._catalogues: dict[int, bytes] = {}
        self._factors: dict[int, FactorPack] = {}
        self._shown = round(len(self._contents) * (1 - 2 * _NEW))
        self._watched = 0
        self._start: FloatArray | None = None
        self.codebook_bytes = 0

    def _connected(self, stack: ExitStack) -> tuple[Counted, dict[str, str]]:
        """The fleet behind TLS and what counts; settings of a brain that talks to it."""
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-day-")))
        now, life = datetime.now(UTC), timedelta(days=1)
        authority = local_authority.authority("day", now, life)
        server = local_authority.server(authority, ["127.0.0.1"], now, life)
        (root / "ca.pem").write_bytes(authority.certificate_pem())
        pair = [(server.key_pem(), server.certificate_pem())]
        served = stack.enter_context(serving(self._gateway, grpc.ssl_server_credentials(pair)))
        counted = stack.enter_context(counting(served))
        return counted, {
            "OMEGA_BRAIN_STORAGE_PATH": str(root / "tv"),
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_CONSTELLATION_URL": f"https://{counted.address}",
            "OMEGA_BRAIN_CONSTELLATION_TLS_CA": str(root / "ca.pem"),
            **AT_ONCE,
            "OMEGA_BRAIN_MIN_SAMPLES": "1",
        }

    def settle(self) -> None:
        """What the TV has since the days before: codebook, catalogue, factors, a state."""
        self._publish_catalogue()
        self._publish_factors()
        self._publish_state(None)
        self._gateway.publish(_CODEBOOK, 1, self._book.body, self._corpus.model_version)
        before = self._counted.total
        self._brain.sync_now()
        bodies = len(self._catalogues[1]) + self._gateway.announced(_FACTORS).size_bytes
        self.codebook_bytes = self._counted.total - before - bodies
        self._brain.sync_now()

    def run(self, *, reconnect: bool) -> dict[str, int]:
        """A day; bytes of its parts. The exchange that brings a resource counts to that."""
        begun, parts = self._counted.total, {"factors": 0, "catalogue": 0}
        for number in range(SYNCS):
            if reconnect:
                self._counted.cut()
            published = ""
            if number == SYNCS // 4:
                published = "catalogue"
                self._publish_state(self._publish_catalogue())
            elif number == SYNCS // 2:
                published = "factors"
                self._publish_factors()
            elif number % (SYNCS // ROUNDS) == 0:
                self._publish_state(None)
            if number % (SYNCS // _WATCHED) == 0:
                self._watch()
            before = self._counted.total
            self._brain.sync_now()
            if published:
                parts[published] += self._counted.total - before
        total = self._counted.total - begun
        return {**parts, "total": total, "exchanges": total - sum(parts.values())}

    def _watch(self) -> None:
        self._brain.observe_event(
            brain_pb.ObserveEventRequest(
                event_id=f"day-{self._watched}",
                content_id=self._contents[7 * self._watched].content_id,
                watch_percentage=1.0,
            )
        )
        self._watched += 1

    def _publish_state(self, new: NewTitles | None) -> None:
        """A state of somewhat more households than the one before, ids going on."""
        self._version += 1
        liked = self._corpus.liked
        some = liked[: len(liked) // 2 + self._version * len(liked) // (2 * 3 * ROUNDS)]
        drawn = self._corpus.patterns(some, self._patterns, 0, self._start)
        self._start = np.stack([pattern.embedding for pattern in drawn])
        rng = np.random.default_rng(self._version)
        ordinals = rng.choice(self._shown, _TRENDS, replace=False).tolist()
        titles = tuple(
            Trend(ordinal, float(rng.uniform(0.1, 1)), regional=False) for ordinal in ordinals
        )
        self._gateway.told.tell_coded(
            self._book,
            self._version,
            [
                GlobalPattern(
                    p.pattern_id, p.embedding, p.success_rate, p.device_count_floor, p.weight
                )
                for p in drawn
            ],
            Trends(max(self._catalogues), datetime.now(UTC), titles),
            new,
        )

    def _publish_catalogue(self) -> NewTitles | None:
        """The next version with the day's titles; vectors of those, None with the first."""
        version = len(self._catalogues) + 1
        before, self._shown = (
            self._shown,
            min(len(self._contents), self._shown + round(_NEW * len(self._contents))),
        )
        pack = CataloguePack(
            version=version,
            model_version=self._corpus.model_version,
            centring_mean=self._corpus.mean,
            ordinals=np.arange(self._shown, dtype=np.uint32),
            contents=tuple(self._contents[: self._shown]),
            embeddings=self._corpus.titles[: self._shown],
        )
        body = encode_catalogue(pack)
        held = self._catalogues.get(version - 1)
        self._catalogues[version] = body
        self._gateway.publish(_CATALOGUE, version, body, self._corpus.model_version)
        if held is None:
            return None
        delta = encode_catalogue_delta(held, body)
        if delta is not None:
            self._gateway.deltas[version - 1, version] = delta
        # Kept apart by kind: versions of catalogue and factors never meet.
        new = np.arange(before, self._shown, dtype=np.uint32)
        return NewTitles(version, new, self._corpus.titles[before : self._shown])

    def _publish_factors(self) -> None:
        """The next version: each household has come to like one more title since the day before."""
        version = 101 + len(self._factors)
        everyone = [*self._corpus.known, *self._corpus.liked]
        to_come = max(_DAYS - len(self._factors), 0)
        liked = [household[: len(household) - to_come] for household in everyone]
        held = self._factors.get(version - 1)
        pack = self._fitted(liked, version, held)
        body = encode_factors(pack)
        if held is not None:
            delta = encode_factor_delta(encode_factors(held), body)
            if delta is not None:
                self._gateway.deltas[version - 1, version] = delta
        self._factors[version] = pack
        self._gateway.publish(_FACTORS, version, body, self._corpus.model_version)

    def _fitted(self, liked: Sequence[Places], version: int, held: FactorPack | None) -> FactorPack:
        """Factors as a federation worker fits them, over titles that three households liked."""
        rows = np.zeros((len(liked), self._shown), np.float32)
        for row, places in zip(rows, liked, strict=True):
            row[places[places < self._shown]] = 1
        support = rows.sum(axis=0)
        titles = np.flatnonzero(support >= _SUPPORT).astype(np.int32)
        some = rows[:, titles].astype(np.float64)
        none = np.zeros(len(titles), np.int64)
        statistics = Statistics(
            titles, none, none, none, len(liked), (some.T @ some) * float(UNIT) ** 2
        )
        before = Held(held.ordinals.astype(np.int32), held.factors, held.steps) if held else None
        prior = np.asarray(support[titles], np.float32)
        found = fit_factors(statistics, prior, lam=_LAM, rank=_RANK, held=before)
        return FactorPack(
            version=version,
            model_version=self._corpus.model_version,
            catalogue_version=max(self._catalogues),
            ordinals=found.titles.astype(np.uint32),
            factors=found.factors,
            steps=found.steps,
            gains=found.gains,
            prior=found.prior,
        )
