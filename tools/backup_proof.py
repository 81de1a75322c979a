"""Backs a shard up under load, loses its server, and goes on from the backup in another one."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from omega_cli.codebook import trained
from omega_client import ConstellationClient
from omega_core.catalogue_file import read_catalogue
from omega_embed import open_encoder
from omega_testing.backup_drill import BackupDrill, Plan
from omega_testing.news import catalogue_of
from omega_titles.importing import import_contents

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"
_TITLES = 150


def main() -> int:
    """Runs and prints; 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=Plan.devices, help="that push without end")
    parser.add_argument("--seconds", type=float, default=Plan.seconds, help="load between steps")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    titles = read_catalogue(TITLES)[:_TITLES]
    encoder = open_encoder(kind="lexical")
    book, _ = trained(catalogue_of(titles, encoder), 0)

    def publish(client: ConstellationClient) -> None:
        import_contents(client, encoder, titles)
        client.publish_codebook(book.body)

    plan = Plan(titles, publish, devices=arguments.devices, seconds=arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="omega-backup-") as name:
        report = BackupDrill(plan, Path(name), say).run()
    if arguments.json:
        print(json.dumps({"proof": "backup", "ok": report.ok(), "figures": asdict(report)}))
    else:
        for key, value in asdict(report).items():
            print(f"{key:20} {value:.1f}" if isinstance(value, float) else f"{key:20} {value}")
        print("all held" if report.ok() else "NOT ALL HELD")
    return 0 if report.ok() else 1


def say(text: str) -> None:
    """What is being done, apart from what is printed in the end."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
