"""Everything that a healthy fleet does within half a minute, for whoever looks at its metrics."""

from __future__ import annotations

import itertools
import queue
import time
import uuid

from proof_site import TITLES, fill

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega.sync.v1 import sync_service_pb2_grpc
from omega_cli.demo.cluster import Cluster
from omega_client import BrainClient, FederationClient, ServiceError, SyncClient
from omega_core.closing import Starting
from omega_delta import event_to_proto
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_rpc.channel import connect
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover

_STREAM = "/omega.sync.v1.SyncService/StreamSync"
_PAUSE_SECONDS = 0.25
_STREAM_SECONDS = 3_600
_ROUND_TURNS, _PUSH_TURNS = 16, 4
"""Turns between two rounds, and between two pushes."""


class Traffic(Starting):
    """A filled fleet with a brain and an open stream; a context manager.

    Args:
        cluster: what serves it.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster

    def run(self, seconds: float) -> None:
        """Exchanges, pushes, a refusal, lists, viewings and rounds, over and over."""
        (household,) = synthetic_households(load_sample()[:TITLES], 1, seed=7)
        events = itertools.cycle(household.events)
        deadline = time.monotonic() + seconds
        for turn in itertools.count():
            if time.monotonic() > deadline:
                return
            self._fleet_turn(turn)
            self._tv.sync_now()
            self._tv.observe_event(event_to_proto(next(events)))
            self._tv.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))
            time.sleep(_PAUSE_SECONDS)

    def _start(self) -> None:
        """Fills the fleet and starts a brain."""
        self._filled = fill(self._cluster)
        self.brain = self._cluster.brain("watched", OMEGA_BRAIN_MIN_SAMPLES="1")
        self._sync = self._stack.enter_context(SyncClient(self._cluster.sync.address))
        self._worker = self._stack.enter_context(FederationClient(self._cluster.worker.address))
        self._tv = self._stack.enter_context(BrainClient(self.brain.address))
        self._open_stream()

    def _fleet_turn(self, turn: int) -> None:
        filled = self._filled
        tv = filled.tvs[turn % len(filled.tvs)]
        tv.exchange(self._sync, filled.model_version)
        if turn % _PUSH_TURNS == 0:
            tv.push(self._sync, filled.embeddings, filled.model_version)
            self._refused()
        if turn % _ROUND_TURNS == 0:
            request = federation_pb.RunRoundRequest(
                request_id=str(uuid.uuid4()), refresh=turn % (2 * _ROUND_TURNS) == 0
            )
            self._worker.run_round(request)

    def _refused(self) -> None:
        """A call of a TV that nobody registered."""
        stranger = Prover(DeviceKey.generate(), "no token")
        try:
            self._sync.sync(self._exchange(), credential=stranger)
        except ServiceError:
            return
        raise AssertionError("a stranger was let in")

    def _open_stream(self) -> None:
        said: queue.SimpleQueue[sync_pb.StreamSyncRequest | None] = queue.SimpleQueue()
        channel = self._stack.enter_context(connect(self._cluster.sync.address, None))
        tv = self._filled.tvs[0]
        call = sync_service_pb2_grpc.SyncServiceStub(channel).StreamSync(
            iter(said.get, None), metadata=tv.credential.metadata(_STREAM), timeout=_STREAM_SECONDS
        )
        self._stack.callback(said.put, None)
        said.put(sync_pb.StreamSyncRequest(exchange=self._exchange()))
        next(call)

    def _exchange(self) -> sync_pb.SyncRequest:
        return sync_pb.SyncRequest(
            request_id=str(uuid.uuid4()), model_version=self._filled.model_version
        )
