"""The demo itself: observe, share, aggregate, recommend better. Each step is one method."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from rich.progress import Progress

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.common.v1 import resource_pb2
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_cli.codebook import newest_catalogue, trained
from omega_cli.demo import latency, quality
from omega_cli.demo.cluster import Cluster
from omega_cli.demo.fleet import FleetTv, for_each, newest, settle
from omega_cli.demo.households import Cast
from omega_cli.demo.report import (
    DemoReport,
    HouseholdStory,
    Listed,
    PairFigures,
    RoundFigures,
    TrafficFigures,
)
from omega_client import BrainClient, ConstellationClient, FederationClient, SyncClient
from omega_delta import decode_catalogue, decode_factors, event_to_proto
from omega_delta.transform import Codebook, decode_news, patterns_of
from omega_embed import Encoder, LexicalEncoder
from omega_eval.split import SplitHousehold
from omega_titles.importing import import_contents

LIST = 10
"""Titles a shown list."""
LATENCY_CALLS = 300
"""Calls of GetRecommendations behind the percentiles."""
CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
CODEBOOK = resource_pb2.RESOURCE_KIND_CODEBOOK
FACTORS = resource_pb2.RESOURCE_KIND_FACTORS
_POLL_SECONDS = 0.2
Advance = Callable[[int], None]


@dataclass(frozen=True)
class BrainSet:
    """A household whose brain is a process of its own."""

    household: SplitHousehold
    """What it watched."""
    client: BrainClient
    """Its brain."""
    address: str
    """Where the brain listens."""


def play(
    cast: Cast, encoder: Encoder, progress: Progress, told: type[Story] | None = None
) -> DemoReport:
    """Runs everything and measures it; all that it started has ended when it returns or raises.

    Args:
        cast: who takes part.
        encoder: of titles.
        progress: is shown while it runs.
        told: which story; None = that of sketches.
    """
    begun = time.perf_counter()
    with ExitStack() as stack:
        story = (told or Story)(cast, encoder, progress, stack)
        return story.tell(begun)


class Story:
    """One run. Everything it opens goes on `stack`."""

    parts = "Postgres, constellation, sync and federation worker"
    """What is started."""
    refresh = False
    """Whether a round learns from everything, though one that did so is not long ago."""

    def __init__(self, cast: Cast, encoder: Encoder, progress: Progress, stack: ExitStack) -> None:
        self._cast = cast
        self._encoder = encoder
        self._progress = progress
        self._stack = stack

    def tell(self, begun: float) -> DemoReport:
        """From empty databases to the report; `begun` is when the run began."""
        cast = self._cast
        with self._step(f"starting {self.parts}", 1):
            self._cluster = self._stack.enter_context(self._services(_kind(self._encoder)))
            self._sync = self._stack.enter_context(SyncClient(self._cluster.sync.address))
        self._publish_catalogue()
        self._settle()
        sets = self._start_brains()
        tvs = self._register_fleet()
        self._fetch_catalogue(tvs[0])
        observed_ms = self._replay(sets)
        before = [_list(each.client) for each in sets]
        self._push(sets, tvs)
        round_figures = self._run_round()
        pulled = self._pull(sets, tvs)
        after = [_list(each.client) for each in sets]
        with self._step("measuring latency over gRPC", LATENCY_CALLS) as advance:
            first = sets[0]
            latency_figures = latency.measure(
                first.client, first.address, observed_ms, LATENCY_CALLS, advance
            )
        with self._step("scoring every household", 1):
            table, lists = quality.measure(cast, self._catalogue, self._model)
        return DemoReport(
            data=cast.name,
            synthetic=cast.synthetic,
            model_version=self._encoder.model_version,
            titles=len(cast.contents),
            households=len(cast.households),
            scored_households=sum(bool(h.held_out) for h in cast.households),
            stories=tuple(
                self._story(each, was, now, [self._catalogue.ids[r] for r in lists[at][:LIST]])
                for each, was, now, at in zip(sets, before, after, cast.with_brain, strict=True)
            ),
            traffic=self._traffic(tvs, *pulled),
            latency=latency_figures,
            round=round_figures,
            quality=table,
            pairs=self._pairs(sets),
            seconds=time.perf_counter() - begun,
        )

    def _services(self, kind: str) -> Cluster:
        return Cluster(kind)

    def _pairs(self, sets: list[BrainSet]) -> PairFigures | None:
        """What came of reports of pairs, where TVs send such."""
        del sets
        return None

    def _publish_catalogue(self) -> None:
        contents = self._cast.contents
        with (
            self._step("embedding and publishing the catalogue", len(contents)) as advance,
            ConstellationClient(self._cluster.constellation.address) as client,
        ):
            import_contents(client, self._encoder, contents, advance)
        with (
            self._step("training and publishing the codebook", 1),
            ConstellationClient(self._cluster.constellation.address) as client,
        ):
            book, _ = trained(newest_catalogue(client))
            client.publish_codebook(book.body)

    def _settle(self) -> None:
        """Waits until the gateway tells what the shard holds, by TVs that count nowhere."""
        with ConstellationClient(self._cluster.constellation.address) as client:
            settle(self._sync, client, self._encoder.model_version)

    def _start_brains(self) -> list[BrainSet]:
        """Starts the brains and has each fetch the catalogue."""
        sets = []
        with self._step("starting brains, each fetching the catalogue", 3) as advance:
            for at in self._cast.with_brain:
                household = self._cast.households[at]
                process = self._cluster.brain(household.household_id)
                client = self._stack.enter_context(BrainClient(process.address))
                client.sync_now()
                sets.append(BrainSet(household, client, process.address))
                advance(1)
        return sets

    def _register_fleet(self) -> list[FleetTv]:
        """The other households: TVs whose sketches and exchanges are real, in this process."""
        others = set(range(len(self._cast.households))) - set(self._cast.with_brain)
        tvs = [FleetTv(self._cast.households[at].train) for at in sorted(others)]
        with self._step("registering the other TVs", len(tvs)) as advance:
            for_each(tvs, lambda tv: tv.register(self._sync), lambda: advance(1))
        return tvs

    def _fetch_catalogue(self, tv: FleetTv) -> None:
        answer = tv.exchange(self._sync, self._encoder.model_version)
        info = newest(answer, CATALOGUE)
        self._catalogue_bytes = info.size_bytes
        body = self._sync.download(newest(answer, CODEBOOK), credential=tv.credential)
        self._codebook = Codebook.decode(body)
        pack = decode_catalogue(self._sync.download(info, credential=tv.credential))
        self._catalogue = quality.served_catalogue(pack)

    def _replay(self, sets: list[BrainSet]) -> list[float]:
        """Sends every viewing to its brain; returns what each call took, in milliseconds."""
        took = []
        with self._step("replaying history", sum(len(s.household.train) for s in sets)) as advance:
            for each in sets:
                for event in each.household.train:
                    begun = time.perf_counter()
                    each.client.observe_event(event_to_proto(event))
                    took.append((time.perf_counter() - begun) * 1e3)
                    advance(1)
        return took

    def _push(self, sets: list[BrainSet], tvs: list[FleetTv]) -> None:
        catalogue = self._catalogue
        embeddings = dict(zip(catalogue.ids, catalogue.embeddings, strict=True))
        model_version = self._encoder.model_version
        with self._step("pushing privatised sketches", len(sets) + len(tvs)) as advance:
            for each in sets:
                while each.client.sync_now().pending_sketches:
                    pass
                advance(1)
            for_each(
                tvs, lambda tv: tv.push(self._sync, embeddings, model_version), lambda: advance(1)
            )

    def _run_round(self) -> RoundFigures:
        begun = time.perf_counter()
        with (
            self._step("federation round", 1),
            FederationClient(self._cluster.worker.address) as client,
        ):
            request = federation_pb.RunRoundRequest(
                request_id=str(uuid.uuid4()), refresh=self.refresh
            )
            done = client.run_round(request).round
            self._settle()
        return RoundFigures(
            seconds=time.perf_counter() - begun,
            devices=done.devices,
            sketches=done.sketches,
            supported_titles=done.supported_titles,
            patterns=done.patterns,
            state_version=done.state_version,
        )

    def _pull(self, sets: list[BrainSet], tvs: list[FleetTv]) -> tuple[int, int, int]:
        """Brings the round's result to every TV.

        Returns bytes of a pull, of one by a TV that knows of no codec, and of the factors.
        Resources are equal for all, so one TV of the fleet fetches the factors for the figures.
        """
        model_version = self._encoder.model_version
        with self._step("pulling what the fleet learned", len(sets) + len(tvs)) as advance:
            book = self._codebook
            first, old, *others = tvs
            plain = self._first_news(old)
            for each in sets:
                each.client.sync_now()
                advance(1)
            for_each(
                others,
                lambda tv: tv.exchange(self._sync, model_version, codebook_id=book.id),
                lambda: advance(1),
            )
            answer = first.exchange(self._sync, model_version, codebook_id=book.id)
            info = newest(answer, FACTORS)
            factors = decode_factors(self._sync.download(info, credential=tvs[0].credential))
            news = decode_news(answer.delta, book, None).state if answer.delta else None
            patterns = patterns_of(news, book) if news else []
            self._model = quality.served_model(self._catalogue, factors, patterns)
            advance(2)
        return answer.ByteSize(), plain.ByteSize(), info.size_bytes

    def _first_news(self, old: FleetTv) -> sync_pb.SyncResponse:
        """What a TV is told that knows of no codec, once the gateway tells of the round."""
        # The gateway asks once a second what is newest.
        while not (plain := old.exchange(self._sync, self._encoder.model_version)).delta:
            time.sleep(_POLL_SECONDS)
        return plain

    def _traffic(
        self, tvs: list[FleetTv], pull_bytes: int, pull_plain_bytes: int, factors_bytes: int
    ) -> TrafficFigures:
        exchanges = [exchange for tv in tvs for exchange in tv.exchanges]
        pushes = [exchange for exchange in exchanges if exchange.sketches]
        return TrafficFigures(
            push_bytes_mean=float(np.mean([p.pushed_bytes for p in pushes])),
            push_bytes_max=max(p.pushed_bytes for p in pushes),
            push_sketches_mean=float(np.mean([p.sketches for p in pushes])),
            pull_bytes=pull_bytes,
            pull_plain_bytes=pull_plain_bytes,
            codebook_bytes=len(self._codebook.body),
            catalogue_bytes=self._catalogue_bytes,
            factors_bytes=factors_bytes,
            exchanges=len(exchanges),
            sketches=sum(p.sketches for p in pushes),
        )

    def _story(
        self,
        each: BrainSet,
        before: list[brain_pb.Recommendation],
        after: list[brain_pb.Recommendation],
        measured: list[str],
    ) -> HouseholdStory:
        names = {c.content_id: _name(c.title, c.year) for c in self._cast.contents}
        liked = [e.content_id for e in reversed(each.household.train) if e.success]
        return HouseholdStory(
            household_id=each.household.household_id,
            watched=tuple(names[title] for title in dict.fromkeys(liked))[:8],
            events=len(each.household.train),
            before=_listed(before),
            after=_listed(after),
            same_as_measured=[r.content_id for r in after] == measured,
        )

    @contextmanager
    def _step(self, text: str, total: int) -> Iterator[Advance]:
        task = self._progress.add_task(text, total=total)
        yield lambda count: self._progress.advance(task, count)
        self._progress.update(task, completed=total)


def _kind(encoder: Encoder) -> str:
    return "lexical" if isinstance(encoder, LexicalEncoder) else "minilm"


def _list(client: BrainClient) -> list[brain_pb.Recommendation]:
    request = brain_pb.GetRecommendationsRequest(limit=LIST)
    return list(client.get_recommendations(request).recommendations)


def _listed(titles: list[brain_pb.Recommendation]) -> tuple[Listed, ...]:
    return tuple(Listed(_name(t.title, t.year), t.reason, t.score) for t in titles)


def _name(title: str, year: int) -> str:
    return f"{title} ({year})" if year else title
