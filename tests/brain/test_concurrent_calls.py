"""Eight threads on one brain: no error, and in the end what a fresh start would read."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2
from omega_brain.brain import Brain
from omega_client import BrainClient
from omega_core.content import Content
from omega_delta import content_to_proto
from omega_testing.gateway import Gateway
from omega_testing.news import delta_of

if TYPE_CHECKING:
    from tests.brain.conftest import Tv

Work = Callable[[random.Random, str], None]
SECONDS = 2.0
PROVIDER = content_pb2.Provider(
    provider_id="acme", name="Acme", availability=content_pb2.AVAILABILITY_FREE
)


class Firmware:
    """What the threads do; each call must be answered."""

    def __init__(self, client: BrainClient, titles: list[Content]) -> None:
        self.client = client
        self.known = list(titles)
        self.observed: list[str] = []
        self.done: Counter[str] = Counter()
        self.enough = threading.Event()
        self._until = time.monotonic() + SECONDS

    def repeat(self, call: Work, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311 - a schedule, no secret
        number = 0
        while time.monotonic() < self._until or not self.enough.is_set():
            call(chance, f"{seed}-{number}")
            self.done[call.__name__] += 1
            number += 1

    def recommend(self, chance: random.Random, _: str) -> None:
        request = pb.GetRecommendationsRequest(limit=chance.randint(1, 60))
        if chance.random() < 0.3:
            request.query_text = chance.choice(self.known).title
        if chance.random() < 0.2:
            request.available_services.append("acme")
        if chance.random() < 0.2:
            request.content_ids.append(chance.choice(self.known).content_id)
        answer = self.client.get_recommendations(request)
        ids = [found.content_id for found in answer.recommendations]
        assert len(ids) == len(set(ids)) <= request.limit

    def observe(self, chance: random.Random, name: str) -> None:
        event = pb.ObserveEventRequest(
            event_id=name,
            content_id=chance.choice(self.known).content_id,
            watch_percentage=chance.choice([0.1, 0.65, 0.95]),
        )
        assert not self.client.observe_event(event).duplicate
        self.observed.append(name)

    def upsert(self, chance: random.Random, name: str) -> None:
        fresh = Content(f"local:{name}", f"Local film {name}", self.known[0].kind)
        changed = replace(chance.choice(self.known), description=f"Told again in {name}.")
        batch = [content_to_proto(title) for title in (fresh, changed)]
        batch[0].providers.append(PROVIDER)
        assert self.client.upsert_contents(pb.UpsertContentsRequest(contents=batch)).added == 1
        self.known.append(fresh)

    def sync(self, _: random.Random, __: str) -> None:
        self.client.sync_now()

    def look(self, chance: random.Random, _: str) -> None:
        query = pb.QueryMemoryRequest(query_text=chance.choice(self.known).title, limit=5)
        assert len(self.client.query_memory(query).memories) <= 5
        assert self.client.get_stats().contents >= 1


def test_eight_threads_meet_no_error_and_leave_what_a_fresh_start_reads(
    tv: Tv,
    serve: Callable[[Brain], BrainClient],
    open_tv: Callable[..., Tv],
    gateway: Gateway,
    titles: list[Content],
    publish_catalogue: Callable[..., None],
    publish_factors: Callable[..., None],
) -> None:
    publish_catalogue(titles[:80])
    tv.sync()
    firmware = Firmware(serve(tv.brain), titles[:80])
    work: list[Work] = [firmware.recommend, firmware.recommend, firmware.observe]
    work += [firmware.observe, firmware.upsert, firmware.sync, firmware.sync, firmware.look]
    with ThreadPoolExecutor(8) as pool:
        threads = [pool.submit(firmware.repeat, call, seed) for seed, call in enumerate(work)]
        version = 1
        try:
            while not all(thread.done() for thread in threads):
                version += 1
                publish_catalogue(titles[: 80 + version % 40], version)
                publish_factors(list(range(60)), version, seed=version)
                gateway.tell(delta_of(version, model_version="lexical-384-r1", seed=version))
                tv.brain.backup()
                if version > 3:
                    firmware.enough.set()
        finally:
            firmware.enough.set()
        for thread in threads:
            thread.result()
    tv.sync()
    assert min(firmware.done[call.__name__] for call in work) >= 1
    assert version > 3
    events = tv.brain.stores.events.all_events()
    assert sorted(entry.event.event_id for entry in events) == sorted(firmware.observed)
    assert tv.brain.factors_version == version
    listed, likes = tv.listed(100), tv.brain.likes
    tv.close()
    again = open_tv()
    assert again.listed(100) == pytest.approx(listed, abs=1e-4)
    assert again.brain.likes == likes
    assert len(gateway.sketches) == len(set(gateway.sketches))
