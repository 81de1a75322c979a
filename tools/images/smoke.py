"""Runs each image as a cluster would, calls it, closes the loop, ends it with calls in flight."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import grpc
import httpx
from images.drain import CALLS, Drained, drain_busy, drain_held
from images.engine import Engine, EngineError
from images.fleets import Fleets, Ran
from images.loop import ENCODER, Closed, close_the_loop
from images.site import Site, site

from omega.brain.v1 import brain_service_pb2 as brain_pb
from omega.constellation.v1 import constellation_service_pb2 as constellation_pb
from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega_cli.demo.fleet import FleetTv
from omega_cli.demo.pairs import PairTv, Parties
from omega_client import (
    AdminClient,
    BrainClient,
    ConstellationClient,
    FederationClient,
    RandomnessClient,
    RelayClient,
    SyncClient,
)
from omega_embed import open_encoder
from omega_threshold import Evaluation, Pair, ReportRequest


@dataclass(frozen=True)
class Smoked:
    """How all of them did."""

    services: list[Ran]
    """Each of them."""
    loop: Closed
    """The loop that they closed."""


def smoke(engine: Engine, images: Mapping[str, str]) -> Smoked:
    """Tries the images, by service.

    Raises:
        EngineError: one does not start, serve or answer; the text ends with the services' logs.
    """
    with ExitStack() as stack:
        place = stack.enter_context(site())
        fleets = Fleets(engine, images, place)
        try:
            fleets.start(stack)
            loop = close_the_loop(fleets.fleet(), fleets.address("brain"))
            for service, end in _ENDS.items():
                ran = fleets.ran[service]
                ran.drained = end(fleets, place, stack)
                ran.faults += ran.drained.faults()
        except (TimeoutError, grpc.RpcError, httpx.HTTPError) as error:
            # The containers are about to go, and what they said with them.
            raise EngineError(f"{type(error).__name__}: {error}\n{fleets.logs()}") from error
    return Smoked(list(fleets.ran.values()), loop)


def _end_brain(fleets: Fleets, _place: Site, stack: ExitStack) -> Drained:
    with BrainClient(fleets.address("brain")) as tv:
        stats = tv.get_stats()
        listed = tv.get_recommendations(brain_pb.GetRecommendationsRequest(limit=10))
        title = listed.recommendations[0].content_id
        fleets.ran[
            "brain"
        ].called = f"{len(listed.recommendations)} titles by {stats.model_version}"

        def call(number: int) -> None:
            tv.observe_event(
                brain_pb.ObserveEventRequest(
                    event_id=f"smoke-{number}", content_id=title, watch_percentage=0.5
                )
            )

        def kept() -> int:
            again = fleets.again("brain", stack)
            with BrainClient(fleets.address("brain")) as restarted:
                events = restarted.get_stats().events - stats.events
            again.terminate()
            again.wait()
            return int(events)

        return drain_busy(fleets.containers["brain"], call, kept)


def _end_console(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    token = fleets.key.sign("smoke", ["viewer"], datetime.now(UTC), timedelta(hours=1))
    url = f"http://{fleets.address('console')}/api/v1/devices"
    headers = {"Authorization": f"Bearer {token}"}

    def call(_number: int) -> int:
        answer = httpx.get(url, headers=headers, timeout=20)
        answer.raise_for_status()
        return len(answer.json()["devices"])

    fleets.ran["console"].called = f"{call(0)} devices"
    return drain_held(place, fleets.containers["console"], "devices", call, 4)


def _end_worker(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    with FederationClient(fleets.address("federation-worker"), timeout=60) as worker:

        def call(_number: int) -> federation_pb.Round:
            asked = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()), refresh=True)
            return worker.run_round(asked).round

        done = call(0)
        fleets.ran["federation-worker"].called = f"a round over {done.devices} TVs"
        return drain_held(place, fleets.containers["federation-worker"], "pushes", call, 1)


def _end_relay(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    """Reports that wait for the operator's table come through, though the relay is ending."""
    with (
        SyncClient(fleets.address("sync")) as sync,
        RelayClient(fleets.address("relay")) as relay,
        RandomnessClient(fleets.address("randomness")) as randomness,
    ):
        parties, tv = Parties(sync, relay, randomness), PairTv(FleetTv(()))
        tv.tv.register(sync)
        pairs = [Pair.of("movie:1", f"movie:{n}") for n in range(CALLS + 1)]
        (_, first), *others = tv.made(parties, pairs)
        fleets.ran["relay"].called = f"a report, {tv.submit(parties, first).name.lower()}"
        before = place.rows("threshold_inbox")
        drained = drain_held(
            place,
            fleets.containers["relay"],
            "threshold_inbox",
            lambda n: tv.submit(parties, others[n][1]),
        )
    return _held_to(drained, place.rows("threshold_inbox") - before, CALLS)


def _end_randomness(fleets: Fleets, _place: Site, _stack: ExitStack) -> Drained:
    """Every answer has a proof; what is kept of a call is nothing, so proofs are counted."""
    proven = list[int]()
    with RandomnessClient(fleets.address("randomness")) as randomness:
        key = randomness.get_public_key()

        def call(number: int) -> None:
            asked = ReportRequest.of(key.epoch, 3, [Pair.of("movie:1", f"movie:{number}")])
            told = randomness.evaluate(key.epoch, asked.blinded.elements)
            answer = Evaluation(tuple(told.evaluated), told.proof)
            proven.extend(map(len, [asked.finalize(answer, key.public_key)]))

        call(0)
        fleets.ran["randomness"].called = f"coins of epoch {key.epoch}, with their proof"
        proven.clear()
        return drain_busy(fleets.containers["randomness"], call, lambda: len(proven))


def _end_sync(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    with SyncClient(fleets.address("sync")) as sync:
        tvs = [FleetTv(()) for _ in range(8)]
        for tv in tvs:
            tv.register(sync)
        fleets.ran["sync"].called = f"{len(tvs)} TVs registered"
        model = open_encoder(kind=ENCODER).model_version
        before = place.rows("pushes")
        drained = drain_held(
            place,
            fleets.containers["sync"],
            "pushes",
            lambda n: tvs[n].exchange(sync, model, bytes(range(48)), b"\x01"),
            len(tvs),
        )
    return _held_to(drained, place.rows("pushes") - before, len(tvs))


def _end_constellation(fleets: Fleets, place: Site, _stack: ExitStack) -> Drained:
    address = fleets.address("constellation")
    with ConstellationClient(address) as constellation, AdminClient(address) as admin:
        stats = admin.get_shard_stats()
        fleets.ran["constellation"].called = f"{stats.total_devices} devices in its shard"
        before = place.rows("devices")
        drained = drain_held(
            place,
            fleets.containers["constellation"],
            "devices",
            lambda _n: constellation.register_device(
                constellation_pb.RegisterDeviceRequest(request_id=str(uuid.uuid4()))
            ),
        )
    return _held_to(drained, place.rows("devices") - before, drained.in_flight)


def _held_to(drained: Drained, kept: int, answered: int) -> Drained:
    """Counts answers of which nothing was kept as lost."""
    missed = abs(answered - drained.lost - kept)
    if not missed:
        return drained
    errors = (*drained.errors, f"{answered} answered, {kept} kept")
    return Drained(drained.in_flight, drained.lost + missed, drained.exit_code, errors)


_ENDS = {
    "relay": _end_relay,
    "randomness": _end_randomness,
    "brain": _end_brain,
    "console": _end_console,
    "federation-worker": _end_worker,
    "sync": _end_sync,
    "constellation": _end_constellation,
}
"""In the order in which they can end: none that another still needs."""
