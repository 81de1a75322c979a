"""Figures of federation rounds: a real Postgres, the worker's own code, made-up households."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from omega.federation.v1 import federation_service_pb2 as pb
from omega_cli.bench import proc
from omega_cli.bench.figures import Figure, best, timed
from omega_client import FederationClient
from omega_core import limits, validate
from omega_core.content import Content, ContentKind
from omega_core.vectors import FloatArray, unit
from omega_delta import CataloguePack, decode_factors, encode_catalogue, encode_factor_delta
from omega_learn import Statistics, decode, fit_factors, on_grid
from omega_learn.rows import UNIT
from omega_privacy import class_byte, unpack_sketches
from omega_store import Connection, Store, devices, migrate, pushes, resources
from omega_store.pushes import Push
from omega_store.resources import ResourceKind
from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess

_MODEL = "lexical-384-r1"
_SIGMA = 5.0
_LIKED = class_byte(7, 1)
_GROUP = 50
"""Titles that point the same way."""
_PUSH = 16
"""Sketches a push."""
TOGETHER = 500
"""Devices a transaction."""


@dataclass(frozen=True)
class Plan:
    """Sizes of a run."""

    devices: int = 2_000
    """Devices of the shard, 100 to 1,000,000."""
    titles: int = 10_000
    """Titles of the catalogue, 100 to 80,000."""
    sketches: int = 48
    """Sketches a device, 16 to 200."""
    changed: float = 0.01
    """Share of devices that pushed between two rounds, 0.001 to 1."""
    runs: int = 5
    """Runs of each short figure, of which the best counts, 1 to 100."""
    growth: tuple[int, ...] = ()
    """Devices of fleets that are measured besides, with one worker and two; at most 8 sizes of 100
    to 1,000,000."""

    def __post_init__(self) -> None:
        validate.integer("devices", self.devices, 100, 1_000_000)
        validate.integer("titles", self.titles, 100, 80_000)
        validate.integer("sketches", self.sketches, 16, 200)
        validate.number("changed", self.changed, 0.001, 1)
        validate.integer("runs", self.runs, 1, 100)
        validate.count("growth", self.growth, 8)
        for i, size in enumerate(self.growth):
            validate.integer(f"growth[{i}]", size, 100, 1_000_000)


class Fleet:
    """Households with two tastes each, in a shard of their own.

    Args:
        store: an empty, migrated shard.
        plan: how large.
    """

    def __init__(self, store: Store, plan: Plan) -> None:
        self._store = store
        self._plan = plan
        self._random = np.random.default_rng(0)
        groups = -(-plan.titles // _GROUP)
        shared = unit(self._normal(groups))
        rows = unit(np.repeat(shared, _GROUP, axis=0)[: plan.titles] + unit(self._normal()))
        self._embeddings = rows.astype(np.float16).astype(np.float32)
        self._mean = self._embeddings.mean(axis=0)
        self.centred = unit(self._embeddings - self._mean)
        # Few tastes and titles are much liked, most are little: shares fall as 1 / rank.
        self._tastes = _falling(groups)
        self.ids: list[str] = []

    def _normal(self, rows: int = 0) -> FloatArray:
        shape = (rows or self._plan.titles, limits.DIMENSION)
        return self._random.standard_normal(shape).astype(np.float32)

    def publish_catalogue(self) -> None:
        """Publishes all titles."""
        n = self._plan.titles
        pack = CataloguePack(
            version=1,
            model_version=_MODEL,
            centring_mean=self._mean,
            ordinals=np.arange(n, dtype=np.uint32),
            contents=tuple(Content(f"t{i}", f"Title {i}", ContentKind.MOVIE) for i in range(n)),
            embeddings=self._embeddings,
        )
        with self._store.transaction() as conn:
            body = encode_catalogue(pack)
            resources.publish(
                conn,
                ResourceKind.CATALOGUE,
                1,
                model_version=_MODEL,
                body=body,
                now=datetime.now(UTC),
            )

    def add(self, number: int, at: datetime) -> None:
        """Registers so many households that pushed all they have."""
        with self._store.transaction() as conn:
            made = [f"tv-{uuid.uuid4().hex}" for _ in range(number)]
            for device_id in made:
                request_id = str(uuid.uuid4())
                devices.register(
                    conn,
                    device_id=device_id,
                    request_id=request_id,
                    platform="bench",
                    app_version="1",
                    now=at,
                )
            self._push(conn, made, self._plan.sketches, at)
        self.ids += made

    def change(self, at: datetime) -> int:
        """Has a share of the devices push four sketches more; returns how many devices."""
        number = max(round(self._plan.changed * len(self.ids)), 1)
        chosen = self._random.choice(len(self.ids), number, replace=False)
        with self._store.transaction() as conn:
            self._push(conn, [self.ids[i] for i in chosen], 4, at)
        return number

    def sketches(self, number: int) -> bytes:
        """Noisy sketches of titles that a household with two tastes likes."""
        tastes = self._random.choice(len(self._tastes), 2, replace=False, p=self._tastes)
        within = self._random.choice(_GROUP, number, p=_falling(_GROUP))
        titles = np.minimum(tastes[np.arange(number) % 2] * _GROUP + within, self._plan.titles - 1)
        noise = self._normal(number) * np.float32(_SIGMA / np.sqrt(limits.DIMENSION))
        return np.packbits(self.centred[titles] + noise >= 0, axis=1).tobytes()

    def _push(self, conn: Connection, ids: list[str], number: int, at: datetime) -> None:
        batch = []
        for device_id in ids:
            every = self.sketches(number)
            for first in range(0, number, _PUSH):
                part = every[first * limits.SKETCH_BYTES : (first + _PUSH) * limits.SKETCH_BYTES]
                classes = bytes([_LIKED]) * (len(part) // limits.SKETCH_BYTES)
                batch.append(Push(device_id, str(uuid.uuid4()), _MODEL, part, classes))
        pushes.store(conn, batch, at)


def measure(plan: Plan, say: Callable[[str], None]) -> dict[str, Figure]:
    """Every figure; `say` hears what is being done."""
    with ExitStack() as stack:
        say("starting Postgres")
        postgres = stack.enter_context(EmbeddedPostgres())
        migrate(postgres.url)
        store = stack.enter_context(Store.connect(postgres.url))
        fleet = Fleet(store, plan)
        fleet.publish_catalogue()
        for first in range(0, plan.devices, TOGETHER):
            say(f"registering devices, {first:,} of {plan.devices:,}")
            fleet.add(min(TOGETHER, plan.devices - first), datetime.now(UTC) - timedelta(days=30))
        say("decoding, beside the bare product")
        found = _decoding(fleet, plan)
        found |= _rounds(store, fleet, plan, say, found["decode_ms"])
        if plan.growth:
            # Needs the plan above.
            from omega_cli.bench import federation_growth

            found |= federation_growth.measure(postgres, plan, plan.growth, say)
        return found


def _decoding(fleet: Fleet, plan: Plan) -> dict[str, Figure]:
    """Milliseconds of a core for each sketch; what all threads use is counted."""
    count = 2_048
    titles = on_grid(fleet.centred)
    of = unpack_sketches(b"".join(fleet.sketches(16) for _ in range(count // 16)))
    prior = np.full(plan.titles, 1 / plan.titles, np.float32)
    held = np.empty((256, plan.titles), np.float32)

    def product() -> None:
        for first in range(0, count, 256):
            np.matmul(of[first : first + 256], titles.T, out=held)

    def cost(call: Callable[[], object]) -> float:
        begun = time.process_time()
        call()
        return (time.process_time() - begun) * 1e3 / count

    bare = best([cost(product) for _ in range(plan.runs)])
    whole = best([cost(lambda: decode(of, titles, prior, _SIGMA)) for _ in range(plan.runs)])
    return {"decode_ms": Figure(whole, "ms a sketch and core", "<= .25", {"bare product": bare})}


def _rounds(
    store: Store, fleet: Fleet, plan: Plan, say: Callable[[str], None], decoding: Figure
) -> dict[str, Figure]:
    environ = {
        "OMEGA_FEDERATION_DATABASE_URL": store.url,
        "OMEGA_FEDERATION_LISTEN": "127.0.0.1:0",
        "OMEGA_FEDERATION_PERIOD_SECONDS": "0",
    }
    steps, moved = [], 0
    with (
        ServiceProcess(["omega-federation-worker"], environ) as worker,
        FederationClient(worker.address) as client,
    ):

        def run(*, refresh: bool = False) -> float:
            request = pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=refresh)
            return timed(lambda: client.run_round(request))

        say("a refresh")
        refreshes = [run(refresh=True)]
        before = _factors(store)
        for turn in range(plan.runs):
            say(f"steps, {turn} of {plan.runs}")
            moved = fleet.change(datetime.now(UTC))
            steps.append(run())
        say("a refresh after them")
        refreshes.append(run(refresh=True))
        peak = proc.peak_mb(worker.pid)
    after = _factors(store)
    delta = encode_factor_delta(before, after) or after
    sketches = 2 * plan.devices * plan.sketches
    bare = decoding.beside["bare product"]
    gram = 8 * _titles(after) ** 2 / 1e6
    say("solving alone")
    solving = _solving(_titles(after))
    round_s, step_s = best(refreshes), best(steps)
    return {
        "round_s": Figure(
            round_s, "s", "<= 1,200", {"bare products on one core": sketches * bare / 1e3}
        ),
        "solve_s": Figure(solving, "s", "", {"titles": float(_titles(after))}),
        "step_s": Figure(step_s, "s", "", {"refresh": round_s}),
        "incremental_ratio": Figure(
            step_s / round_s, "", "<= .05", {"changed devices": moved / plan.devices}
        ),
        "round_peak_mb": Figure(peak, "MB", "<= 2,048", {"Gram matrix": gram}),
        "factor_delta_bytes": Figure(
            len(delta), "bytes", "<= 100,000", {"full pack": float(len(after))}
        ),
    }


def _solving(titles: int) -> float:
    """Seconds in which a matrix of so many titles is solved, as a refresh does twice."""
    random = np.random.default_rng(1)
    rows = random.standard_normal((titles, 64))
    gram = np.rint((rows @ rows.T + 40 * np.eye(titles)) * UNIT**2)
    none = np.zeros(titles, np.int64)
    statistics = Statistics(np.arange(titles, dtype=np.int32), none, none, none, titles, gram)
    even = np.full(titles, 1 / titles, np.float32)
    return timed(lambda: fit_factors(statistics, even, lam=75.0, rank=min(128, titles)))


def _factors(store: Store) -> bytes:
    with store.snapshot() as conn:
        version = resources.newest_version(conn, ResourceKind.FACTORS)
        return resources.read(conn, ResourceKind.FACTORS, version, 0, limits.MAX_RESOURCE)


def _titles(body: bytes) -> int:
    return len(decode_factors(body).ordinals)


def _falling(n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Shares of n that fall as 1 / rank."""
    shares = 1 / np.arange(1, n + 1)
    return np.asarray(shares / shares.sum(), np.float64)
