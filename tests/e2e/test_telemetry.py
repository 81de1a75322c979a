"""What a real exchange and a real round tell of themselves: one trace, true metrics, no person."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from omega.federation.v1 import federation_service_pb2 as federation_pb
from omega.sync.v1 import sync_service_pb2 as sync_pb
from omega_cli.demo.cluster import Cluster
from omega_cli.demo.fleet import FleetTv, fetch_catalogue, for_each, settle
from omega_client import (
    BrainClient,
    ConstellationClient,
    FederationClient,
    ServiceError,
    SyncClient,
)
from omega_core.content import Content
from omega_delta import event_to_proto
from omega_embed import open_encoder
from omega_eval.sample import load_sample
from omega_eval.synthetic import synthetic_households
from omega_testing.metrics_page import metrics
from omega_testing.otlp import Attributes, Collector, Span
from omega_testing.trace_tree import tree
from omega_titles.importing import import_contents

ROOT = Path(__file__).parents[2]
SYNC = "omega.sync.v1.SyncService/Sync"
SYNC_NOW = "omega.brain.v1.BrainService/SyncNow"
INGEST = "omega.constellation.v1.ConstellationService/IngestPatterns"
WORDS = r"[a-z]+( [a-z]+)*"
METHOD = r"omega\.[a-z]+\.v1\.[A-Za-z]+/[A-Za-z]+"
ALLOWED = {
    "rpc.system.name": "grpc|connect",
    "rpc.method": METHOD,
    "rpc.response.status_code": "[A-Z_]+",
    "error.type": "[A-Za-z_]+",
    "db.system.name": "postgresql",
    "db.client.connection.state": "idle|used",
    "cpu.mode": "user|system",
    "omega.statement": WORDS,
    "omega.outcome": "ok|stored|repeated|succeeded|taken|counted|refused|[A-Z_]+",
    "omega.reason": "[A-Z_]+",
    "omega.state": "registered|active",
    "omega.kind": "refresh|step",
    "omega.brain.mode": "healthy|degraded|unhealthy",
    "omega.brain.loop": WORDS,
    "omega.brain.tier": WORDS,
    "omega.brain.part": WORDS,
    "omega.sync.outcome": "succeeded|[A-Z_]+",
    "omega.sync.transport": "grpc|h3|http1",
}
"""Every attribute that may leave, and what it may say."""
RESOURCE = {"service.name", "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"}
UNSEEN = {
    # Nothing failed, nothing had to go, nobody watched for half an hour or on an open stream, and
    # this fleet takes no reports of pairs.
    "omega.brain.answer.duration",
    "omega.brain.breaker.state",
    "omega.brain.loop.duration",
    "omega.brain.loop.failures",
    "omega.brain.memory.evicted",
    "omega.brain.taste.patterns",
    "omega.constellation.reports",
    "omega.constellation.tokens",
    "omega.gateway.streams",
    "omega.sync.pair.reports",
    "omega.sync.pair.size",
}


@dataclass(frozen=True)
class Told:
    """What came of one exchange and one round."""

    collector: Collector
    scraped: dict[str, str]
    """Text of each service's /metrics."""
    round: federation_pb.Round
    sketches: int
    """That TVs pushed and the shard stored."""
    exchanges: int
    """That TVs made."""
    secrets: list[str]
    """What must be in nothing: ids and titles."""

    def sum(self, metric: str, service: str = "", **told: str) -> float:
        return sum(
            point.value
            for point in self.collector.points(metric)
            if service in {"", point.service}
            and {k.replace(".", "_"): v for k, v in point.attributes.items()}.items()
            >= told.items()
        )

    def trace_of(self, name: str) -> list[Span]:
        """The newest trace with a root of this name."""
        roots = [s for s in self.collector.spans() if s.name == name and not s.parent_id]
        return self.collector.trace(max(roots, key=lambda span: span.begun).trace_id)


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    contents = load_sample()[:40]
    households = synthetic_households(contents, 7, seed=5)
    encoder = open_encoder(kind="lexical")
    with Collector() as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_METRIC_EXPORT_INTERVAL": "100",
            "OMEGA_METRICS_LISTEN": "127.0.0.1:0",
            "OMEGA_SYNC_TRUST_TRACES": "true",
        }
        with (
            Cluster("lexical", environ) as cluster,
            SyncClient(cluster.sync.address) as sync,
            ConstellationClient(cluster.constellation.address) as constellation,
            FederationClient(cluster.worker.address) as worker,
            BrainClient((process := cluster.brain("told")).address) as brain,
        ):
            import_contents(constellation, encoder, contents)
            tvs = [FleetTv(household.events) for household in households[1:]]
            for_each(tvs, lambda tv: tv.register(sync), lambda: None)
            tv, answer = settle(sync, constellation, encoder.model_version, tvs[0])
            pack, embeddings = fetch_catalogue(tv, sync, answer)
            for_each(tvs, lambda tv: tv.push(sync, embeddings, pack.model_version), lambda: None)
            brain.sync_now()
            for event in households[0].events:
                brain.observe_event(event_to_proto(event))
            exchanged = brain.sync_now()
            syncs = 2
            while exchanged.pending_sketches:
                exchanged = brain.sync_now()
                syncs += 1
            with pytest.raises(ServiceError, match="UNAUTHENTICATED"):
                sync.sync(sync_pb.SyncRequest())
            request = federation_pb.RunRoundRequest(request_id=str(uuid.uuid4()))
            done = worker.run_round(request).round
            services = {
                "omega-brain": process,
                "omega-sync": cluster.sync,
                "omega-constellation": cluster.constellation,
                "omega-federation-worker": cluster.worker,
            }
            listed = constellation.get_cluster_status(100).devices
            stored = sum(device.sketches for device in listed)
            exchanges = syncs + sum(len(tv.exchanges) for tv in tvs)
            found = Told(
                collector,
                {name: each.scrape() for name, each in services.items()},
                done,
                stored,
                exchanges,
                [device.device_id for device in listed] + secret_words(contents),
            )
            collector.wait(lambda: found.sum("omega.federation.rounds") == 1)
            # A count of the shard may be older than the last TV's call.
            active = ("omega.constellation.devices", "omega-constellation")
            everyone = len(tvs) + 1
            collector.wait(lambda: found.sum(*active, omega_state="active") == everyone)
        # All of them have stopped, and sent what was left.
        yield found


def secret_words(contents: list[Content]) -> list[str]:
    return [text for c in contents for text in (c.content_id, c.title) if len(text) > 6]


def test_a_sync_is_one_trace_from_the_tv_to_the_database(told: Told) -> None:
    spans = told.trace_of(SYNC_NOW)
    names = {span.span_id: f"{span.service} {span.name} {span.kind}" for span in spans}
    below = {(names[span.span_id], names.get(span.parent_id, "")) for span in spans}
    way = [
        "",
        f"omega-brain {SYNC_NOW} server",
        "omega-brain exchange internal",
        f"omega-brain {SYNC} client",
        f"omega-sync {SYNC} server",
        "omega-sync send batch internal",
        f"omega-sync {INGEST} client",
        f"omega-constellation {INGEST} server",
        "omega-constellation commit batch internal",
        "omega-constellation store pushes client",
    ]
    assert below >= set(zip(way[1:], way, strict=False))
    assert not any(span.failed for span in spans)
    # As a tree, each step of it lies further in than the one before.
    lines = [line for line in tree(spans) if "omega" in line]
    depths = [
        next(line.index(step.split()[1]) for line in lines if step.split()[1] in line)
        for step in (way[2], way[5], way[8], way[9])
    ]
    assert depths == sorted(set(depths))


def test_a_round_is_one_trace_with_a_span_a_phase(told: Told) -> None:
    spans = told.trace_of("omega.federation.v1.FederationService/RunRound")
    names = [span.name for span in spans if span.service == "omega-federation-worker"]
    assert {"round", "read", "learn", "publish", "phase census", "merge census"} <= set(names)
    assert {"read round", "publish round"} <= {s.name for s in spans if s.kind == "client"}
    ends = {span.name: (span.begun, span.ended) for span in spans}
    assert ends["read"][1] <= ends["learn"][0] <= ends["learn"][1] <= ends["publish"][0]


def test_nothing_that_leaves_names_anybody(told: Told) -> None:
    spans, points = told.collector.spans(), told.collector.points()
    for attributes in [s.attributes for s in spans] + [p.attributes for p in points]:
        assert_allowed(attributes)
    for span in spans:
        assert re.fullmatch(f"{METHOD}|{WORDS}", span.name)
        assert span.text == ""
    for service, resource in told.collector.resources().items():
        # Of servers, the processes of one name are told apart; of TVs they are not.
        assert set(resource) - RESOURCE == (
            set() if service == "omega-brain" else {"service.instance.id"}
        )
    everything = " ".join([*told.scraped.values(), *map(repr, spans), *map(repr, points)])
    assert [secret for secret in told.secrets if secret in everything] == []
    assert len(spans) > 100
    assert len(points) > 50


def assert_allowed(attributes: Attributes) -> None:
    for name, value in attributes.items():
        assert name in ALLOWED
        assert re.fullmatch(ALLOWED[name], str(value)), f"{name}={value}"


def test_the_numbers_are_those_of_what_happened(told: Told) -> None:
    shard = "omega-constellation"
    assert told.sum("omega.gateway.exchanges", omega_outcome="ok") == told.exchanges
    assert told.sum("omega.gateway.refused", omega_reason="UNAUTHENTICATED") == 1
    assert told.sum("omega.constellation.sketches") == told.sketches > 0
    assert told.sum("omega.constellation.pushes", omega_outcome="stored") >= told.exchanges
    assert told.sum("omega.constellation.pushes", omega_outcome="repeated") == 0
    assert told.sum("omega.constellation.backlog") == 0
    assert told.sum("omega.constellation.devices", omega_state="registered") == 7
    assert told.sum("omega.constellation.devices", omega_state="active") == 7
    assert told.sum("omega.constellation.capacity") == 4_000_000
    assert told.sum("db.client.connection.max", shard) == 8
    assert told.sum("db.client.connection.count", shard) <= 8
    figures = told.round
    assert figures.status == federation_pb.ROUND_STATUS_SUCCEEDED
    kind = {"omega_outcome": "succeeded", "omega_kind": "refresh"}
    assert told.sum("omega.federation.rounds", **kind) == 1
    assert told.sum("omega.federation.devices") == figures.devices
    assert told.sum("omega.federation.sketches.decoded") == figures.decoded_sketches
    assert told.sum("omega.federation.quality") == pytest.approx(figures.quality)
    last = told.sum("omega.federation.last.success")
    assert figures.started_at.ToSeconds() <= last <= time.time()
    batches = told.collector.points("omega.gateway.batch.size")
    ingests = sum(
        p.count
        for p in told.collector.points("rpc.client.call.duration")
        if p.attributes["rpc.method"] == INGEST
    )
    assert sum(point.count for point in batches) == ingests


def test_every_metric_of_the_page_is_there_in_both_forms(told: Told) -> None:
    wanted = {metric.name: metric.prometheus for metric in metrics(ROOT)}
    pushed = {point.metric for point in told.collector.points()}
    scraped = {
        line.split()[2]
        for text in told.scraped.values()
        for line in text.splitlines()
        if line.startswith("# TYPE")
    }
    assert wanted.keys() - pushed <= UNSEEN
    assert pushed <= wanted.keys()
    assert {wanted[name] for name in pushed - {"omega.federation.rounds"}} <= scraped
    assert scraped - {"target_info"} <= set(wanted.values())
    for service in told.scraped:
        own = {point.metric for point in told.collector.points() if point.service == service}
        assert own >= {"process.memory.usage", "process.cpu.time", "rpc.server.call.duration"}
