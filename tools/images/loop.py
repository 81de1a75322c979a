"""The loop of the product, closed through servers wherever they listen, and one brain."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.common.v1 import resource_pb2
from omega.constellation.v1.constellation_service_pb2 import GetHeadsRequest
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_cli.demo.fleet import FleetTv, newest
from omega_client import BrainClient, ConstellationClient, FederationClient, SyncClient
from omega_core.vectors import FloatArray, centre
from omega_delta import decode_catalogue, event_to_proto
from omega_embed import Encoder
from omega_eval.household import Household
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_rpc.tls import ClientTls
from omega_titles.importing import import_contents

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample" / "titles.jsonl"
_TITLES, _HOUSEHOLDS, _TVS = 150, 40, 16
_MOST_LIKED = 36
"""Two pushes a TV: a gateway's default limits hold, which are five exchanges at once."""
_SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Fleet:
    """Where a fleet's servers listen."""

    sync: str
    """HOST:PORT of the gateway."""
    constellation: str
    """HOST:PORT of the shard's owner."""
    worker: str
    """HOST:PORT of the federation worker."""
    tls: ClientTls | None = None
    """How to trust them; None = no TLS."""


@dataclass(frozen=True)
class Closed:
    """What came of it."""

    devices: int
    """TVs in the round."""
    patterns: int
    """Patterns that it published and the brain took."""
    factors_version: int
    """Factors that the brain ranks by."""
    changed: bool
    """Whether the household's list is another one after it."""
    seconds: float
    """Time that it took."""

    def faults(self) -> list[str]:
        """What is not as it must be."""
        return [
            *(["TVs that pushed are not in the round"] if self.devices < _TVS + 1 else []),
            *(["the brain took no patterns"] if not self.patterns else []),
            *(["the brain ranks without the fleet's factors"] if not self.factors_version else []),
            *(["the fleet changed nothing in the list"] if not self.changed else []),
        ]


def close_the_loop(fleet: Fleet, brain: str, encoder: Encoder) -> Closed:
    """Observe, recommend, push, aggregate, pull, recommend better.

    Args:
        fleet: servers of an empty shard.
        brain: address of a brain that syncs with them when it is asked to, without delay.
        encoder: of the titles; the brain's own.

    Raises:
        ServiceError: a server refused.
        TimeoutError: the gateway does not tell what the shard holds.
    """
    began = time.monotonic()
    contents = load_sample(SAMPLE)[:_TITLES]
    households = [
        household
        for household in synthetic_households(contents, _HOUSEHOLDS, seed=5)
        if len({e.content_id for e in household.events if e.success}) <= _MOST_LIKED
    ]
    with (
        SyncClient(fleet.sync, tls=fleet.tls) as sync,
        ConstellationClient(fleet.constellation, tls=fleet.tls) as constellation,
        FederationClient(fleet.worker, tls=fleet.tls) as worker,
        BrainClient(brain) as tv,
    ):
        import_contents(constellation, encoder, contents)
        _push(_settled(sync, constellation, encoder.model_version), households[1:], sync)
        tv.sync_now()
        for event in households[0].events:
            tv.observe_event(event_to_proto(event))
        before = _list(tv)
        while tv.sync_now().pending_sketches:
            pass
        done = worker.run_round(
            federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
        ).round
        _settled(sync, constellation, encoder.model_version)
        news = tv.sync_now()
        after = _list(tv)
    return Closed(
        devices=done.devices,
        patterns=min(news.pulled_patterns, done.patterns),
        factors_version=after.factors_version,
        changed=_ids(before) != _ids(after),
        seconds=time.monotonic() - began,
    )


def _settled(
    sync: SyncClient, constellation: ConstellationClient, model_version: str
) -> tuple[FleetTv, sync_pb.SyncResponse]:
    """Waits until the gateway tells what the shard holds; a TV of its own asks each time.

    Raises:
        TimeoutError: it does not in a minute.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        heads = constellation.get_heads(GetHeadsRequest())
        tv = FleetTv(())
        tv.register(sync)
        told = tv.exchange(sync, model_version)
        held = {(info.kind, info.version) for info in heads.resources}
        if told.state_version == heads.state_version and held == {
            (info.kind, info.version) for info in told.resources
        }:
            return tv, told
        time.sleep(0.5)
    raise TimeoutError("the gateway does not tell what the shard holds")


def _push(
    known: tuple[FleetTv, sync_pb.SyncResponse], households: list[Household], sync: SyncClient
) -> None:
    """What each TV succeeded with, under the catalogue that the first one fetches."""
    tv, told = known
    info = newest(told, resource_pb2.RESOURCE_KIND_CATALOGUE)
    pack = decode_catalogue(sync.download(info, credential=tv.credential))
    rows: FloatArray = centre(np.asarray(pack.embeddings), pack.centring_mean)
    ids = [content.content_id for content in pack.contents]
    embeddings = dict(zip(ids, rows, strict=True))
    for household in households[:_TVS]:
        each = FleetTv(household.events)
        each.register(sync)
        each.push(sync, embeddings, pack.model_version)


def _list(tv: BrainClient) -> brain_pb.GetRecommendationsResponse:
    return tv.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))


def _ids(answer: brain_pb.GetRecommendationsResponse) -> list[str]:
    return [each.content_id for each in answer.recommendations]
