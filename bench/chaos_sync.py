"""Real TVs and a real shard on both ends of a bad line, over two network namespaces. Needs root."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from omega_cli.codebook import trained
from omega_client import ConstellationClient
from omega_core.catalogue_file import read_catalogue
from omega_embed import open_encoder
from omega_testing.chaos_sync import ChaosSync, Plan
from omega_testing.network_lab import NetworkLab, missing
from omega_testing.news import catalogue_of
from omega_titles.importing import import_contents

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"
_TITLES = 150


def main() -> int:
    """Runs and prints; 1 when anything did not hold, 2 when something is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=180.0, help="how long faults go on")
    parser.add_argument("--tvs", type=int, default=4)
    parser.add_argument("--delay-ms", type=float, default=150.0, help="of each packet, each way")
    parser.add_argument("--loss", type=float, default=0.2, help="share of packets, each way")
    parser.add_argument("--seed", type=int, default=None, help="drawn from the clock when absent")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if lacks := missing():
        print(lacks, file=sys.stderr)
        return 2
    seed = int(time.time()) % 1_000_000 if arguments.seed is None else arguments.seed
    titles = read_catalogue(TITLES)[:_TITLES]
    encoder = open_encoder(kind="lexical")
    book, _ = trained(catalogue_of(titles, encoder), 0)

    def publish(client: ConstellationClient) -> None:
        import_contents(client, encoder, titles)
        client.publish_codebook(book.body)

    plan = Plan(
        titles,
        publish,
        seed=seed,
        tvs=arguments.tvs,
        seconds=arguments.seconds,
        delay_ms=arguments.delay_ms,
        loss=arguments.loss,
    )
    with ExitStack() as stack:
        lab = stack.enter_context(NetworkLab(plan.delay_ms, plan.loss))
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-chaos-")))
        report = ChaosSync(plan, root, lab, stack).run()
    if arguments.json:
        print(json.dumps({"bench": "chaos_sync", "ok": report.ok(), "figures": asdict(report)}))
    else:
        for name, value in asdict(report).items():
            print(f"{name:14} {value}")
        print("all held" if report.ok() else "NOT ALL HELD")
    return 0 if report.ok() else 1


if __name__ == "__main__":
    sys.exit(main())
