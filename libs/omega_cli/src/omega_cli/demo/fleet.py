"""TVs without a process of their own: their sketches are real and cross a real socket."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from omega.common.v1 import resource_pb2
from omega.constellation.v1.constellation_service_pb2 import GetHeadsRequest
from omega.sync.v1 import sync_service_pb2 as pb
from omega_client import ConstellationClient, SyncClient
from omega_core.vectors import FloatArray, centre
from omega_core.viewing import ViewingEvent
from omega_delta import CataloguePack, decode_catalogue
from omega_privacy.classes import class_byte, count_class, rate_class
from omega_privacy.policy import SketchPolicy
from omega_privacy.sketch import draw_noise, make_sketch
from omega_rpc.device_keys import DeviceKey
from omega_rpc.dpop import Prover

_SETTLE_SECONDS = 60.0
_PAUSE_SECONDS = 0.1
PUSH_SKETCHES = 18
"""Sketches a push, as a brain sends them."""
CALLERS = 4
"""TVs that talk at once."""


@dataclass(frozen=True)
class Exchange:
    """One call of Sync."""

    sketches: int
    """Sketches it carried."""
    pushed_bytes: int
    """Serialised request."""
    pulled_bytes: int
    """Serialised response."""


@dataclass
class FleetTv:
    """One household's TV."""

    events: tuple[ViewingEvent, ...]
    """What it watched; never sent."""
    key: DeviceKey = field(default_factory=DeviceKey.generate)
    """Proves who it is."""
    token: str = field(default="", repr=False)
    """Set at registration."""
    exchanges: list[Exchange] = field(default_factory=list)
    """What it sent."""
    region: str = ""
    """Where it stands; empty = not stated."""

    def register(self, client: SyncClient) -> None:
        """Gets an identity."""
        request = pb.RegisterDeviceRequest(
            request_id=str(uuid.uuid4()),
            platform="demo-fleet",
            region=self.region,
            csr=self.key.csr(),
        )
        self.token = client.register_device(request).auth_token

    @property
    def credential(self) -> Prover:
        """Shows who it is."""
        return Prover(self.key, self.token)

    def push(
        self, client: SyncClient, embeddings: dict[str, FloatArray], model_version: str
    ) -> None:
        """Sends one sketch for each title it succeeded with, in random order."""
        waiting = self._sketches(embeddings)
        secrets.SystemRandom().shuffle(waiting)
        for begin in range(0, len(waiting), PUSH_SKETCHES):
            part = waiting[begin : begin + PUSH_SKETCHES]
            self.exchange(
                client,
                model_version,
                b"".join(sketch for sketch, _ in part),
                bytes(classes for _, classes in part),
            )

    def exchange(
        self,
        client: SyncClient,
        model_version: str,
        sketches: bytes = b"",
        classes: bytes = b"",
        *,
        codebook_id: int = 0,
    ) -> pb.SyncResponse:
        """One call of Sync by a TV that holds this codebook; 0 = it knows of no codec."""
        request = pb.SyncRequest(
            request_id=str(uuid.uuid4()),
            model_version=model_version,
            sketches=sketches,
            classes=classes,
            sigma_hundredths=SketchPolicy.default().sigma_hundredths if sketches else 0,
            codec=resource_pb2.CODEC_TRANSFORM if codebook_id else resource_pb2.CODEC_UNSPECIFIED,
            codebook_id=codebook_id,
        )
        answer = client.sync(request, credential=self.credential)
        self.exchanges.append(Exchange(len(classes), request.ByteSize(), answer.ByteSize()))
        return answer

    def likes(self) -> dict[str, tuple[float, int]]:
        """Titles that it would tell of, in the order in which it met them: success rate, viewings.

        What is told, sketches or pairs, is drawn from the same titles.
        """
        policy = SketchPolicy.default()
        outcomes: defaultdict[str, list[bool]] = defaultdict(list)
        for event in self.events:
            outcomes[event.content_id].append(event.success)
        rates = {title: sum(seen) / len(seen) for title, seen in outcomes.items()}
        liked = [title for title, rate in rates.items() if rate >= policy.min_success_rate]
        samples = sum(len(outcomes[title]) for title in liked)
        return {
            title: (rates[title], len(outcomes[title]))
            for title in liked
            if policy.qualifies(rates[title], 1.0, samples)
        }

    def _sketches(self, embeddings: dict[str, FloatArray]) -> list[tuple[bytes, int]]:
        policy = SketchPolicy.default()
        return [
            (
                make_sketch(embeddings[title], draw_noise(), policy),
                class_byte(rate_class(rate), count_class(count)),
            )
            for title, (rate, count) in self.likes().items()
        ]


def for_each(
    tvs: Sequence[FleetTv], work: Callable[[FleetTv], object], done: Callable[[], None]
) -> None:
    """Runs `work` for every TV, a few at once; `done` is called after each. First error wins."""
    lock = threading.Lock()

    def one(tv: FleetTv) -> None:
        work(tv)
        with lock:
            done()

    with ThreadPoolExecutor(CALLERS) as pool:
        for _ in pool.map(one, tvs):
            pass


def settle(
    sync: SyncClient,
    constellation: ConstellationClient,
    model_version: str,
    tv: FleetTv | None = None,
) -> tuple[FleetTv, pb.SyncResponse]:
    """Waits until the gateway tells TVs what the shard holds now; it asks once a second.

    Args:
        sync: the gateway.
        constellation: of the shard.
        model_version: of the TVs' encoder.
        tv: asks; None = another one each time, so that no device meets its limits.

    Returns:
        Who asked last, and what it was told.

    Raises:
        TimeoutError: it does not in a minute.
    """
    deadline = time.monotonic() + _SETTLE_SECONDS
    while time.monotonic() < deadline:
        heads = constellation.get_heads(GetHeadsRequest())
        asking = tv or FleetTv(())
        if not asking.token:
            asking.register(sync)
        told = asking.exchange(sync, model_version)
        versions = {(info.kind, info.version) for info in heads.resources}
        if told.state_version == heads.state_version and versions == {
            (info.kind, info.version) for info in told.resources
        }:
            return asking, told
        time.sleep(_PAUSE_SECONDS)
    raise TimeoutError("the gateway does not tell what the shard holds")


def fetch_catalogue(
    tv: FleetTv, sync: SyncClient, told: pb.SyncResponse
) -> tuple[CataloguePack, dict[str, FloatArray]]:
    """The catalogue that an answer announces, and by title the vector that TVs sketch.

    Raises:
        LookupError: it announces none.
    """
    info = newest(told, resource_pb2.RESOURCE_KIND_CATALOGUE)
    pack = decode_catalogue(sync.download(info, credential=tv.credential))
    rows: FloatArray = centre(np.asarray(pack.embeddings), pack.centring_mean)
    return pack, dict(zip((each.content_id for each in pack.contents), rows, strict=True))


def newest(
    answer: pb.SyncResponse, kind: resource_pb2.ResourceKind.ValueType
) -> resource_pb2.ResourceInfo:
    """The resource of a kind that an answer announces.

    Raises:
        LookupError: it announces none.
    """
    for info in answer.resources:
        if info.kind == kind:
            return info
    raise LookupError(resource_pb2.ResourceKind.Name(kind))
