"""The loop of the product, closed through servers wherever they listen, and one brain."""

from __future__ import annotations

import operator
import time
import uuid
from dataclasses import dataclass

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_cli.demo.fleet import FleetTv, fetch_catalogue, settle
from omega_client import BrainClient, ConstellationClient, FederationClient, SyncClient
from omega_delta import event_to_proto
from omega_embed import open_encoder
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_rpc.tls import ClientTls
from omega_testing.probe import eventually
from omega_testing.processes import AT_ONCE, UNHURRIED
from omega_titles.importing import import_contents

_TITLES, _HOUSEHOLDS, _TVS = 150, 40, 16
ENCODER = "minilm"
"""What the brain's image embeds titles with."""
_MOST_LIKED = 36
"""Two pushes a TV: a gateway's default limits hold, which are five exchanges at once."""


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


def brain_settings(gateway: str) -> dict[str, str]:
    """Variables of the brain that close_the_loop() calls, given its gateway's URL."""
    return {
        **AT_ONCE,
        **UNHURRIED,
        "OMEGA_BRAIN_ENCODER": ENCODER,
        "OMEGA_BRAIN_CONSTELLATION_URL": gateway,
    }


def close_the_loop(fleet: Fleet, brain: str) -> Closed:
    """Observe, recommend, push, aggregate, pull, recommend better.

    Args:
        fleet: servers of an empty shard.
        brain: address of a brain with brain_settings().

    Raises:
        ServiceError: a server refused.
        TimeoutError: the gateway does not tell what the shard holds, or the brain keeps sketches.
    """
    began = time.monotonic()
    encoder = open_encoder(kind=ENCODER)
    contents = load_sample()[:_TITLES]
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
        asked, told = settle(sync, constellation, encoder.model_version)
        pack, embeddings = fetch_catalogue(asked, sync, told)
        for household in households[1 : 1 + _TVS]:
            other = FleetTv(household.events)
            other.register(sync)
            other.push(sync, embeddings, pack.model_version)
        tv.sync_now()
        for event in households[0].events:
            tv.observe_event(event_to_proto(event))
        before = _list(tv)
        eventually(
            lambda: tv.sync_now().pending_sketches, operator.not_, what="the sketches that wait"
        )
        done = worker.run_round(
            federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
        ).round
        settle(sync, constellation, encoder.model_version)
        news = tv.sync_now()
        after = _list(tv)
    return Closed(
        devices=done.devices,
        patterns=min(news.pulled_patterns, done.patterns),
        factors_version=after.factors_version,
        changed=_ids(before) != _ids(after),
        seconds=time.monotonic() - began,
    )


def _list(tv: BrainClient) -> brain_pb.GetRecommendationsResponse:
    return tv.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))


def _ids(answer: brain_pb.GetRecommendationsResponse) -> list[str]:
    return [each.content_id for each in answer.recommendations]
