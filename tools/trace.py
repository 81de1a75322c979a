"""Runs a TV, the services and Postgres, does one sync, and prints its trace as a tree."""

from __future__ import annotations

import argparse
import sys

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.demo.cluster import Cluster
from omega_client import BrainClient
from omega_testing.otlp import Collector, Span
from omega_testing.trace_tree import tree

_METHOD = "omega.brain.v1.BrainService/SyncNow"
_LAST = "store pushes"


def main() -> int:
    """Prints the tree; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--first", action="store_true", help="the first sync of the TV, which registers it"
    )
    arguments = parser.parse_args()
    with Collector() as collector:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            # The TV is ours: its trace goes on at the gateway (docs/adr/0057).
            "OMEGA_SYNC_TRUST_TRACES": "true",
        }
        with (
            Cluster("lexical", environ) as cluster,
            BrainClient(cluster.brain("tv").address) as brain,
        ):
            for _ in range(1 if arguments.first else 2):
                brain.sync_now()
            brain.get_recommendations(pb.GetRecommendationsRequest(limit=1))
            collector.wait(lambda: _is_whole(_of_sync(collector)))
        # Stopped services have sent their last spans.
        found = _of_sync(collector)
    print(f"trace {found[0].trace_id.hex()}: {len(found)} spans; after ms, took ms")
    for line in tree(found):
        print(line)
    services = {span.service for span in found}
    return int(not {"omega-brain", "omega-sync", "omega-constellation"} <= services)


def _of_sync(collector: Collector) -> list[Span]:
    """Spans of the last sync."""
    roots = [s for s in collector.spans() if s.name == _METHOD]
    last = max(roots, key=lambda span: span.begun, default=None)
    return collector.trace(last.trace_id) if last else []


def _is_whole(spans: list[Span]) -> bool:
    return any(span.name == _LAST for span in spans)


if __name__ == "__main__":
    sys.exit(main())
