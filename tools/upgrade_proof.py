"""Rolls this tree out beside the release before it, step by step, and takes its servers back."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from proof_site import sample_shard, say

from omega_testing.previous_release import check_out, install, previous
from omega_testing.upgrade import SERVICES, Outcome, Plan, Upgrade

ROOT = Path(__file__).parents[1]
_WORDS = {"o": "old", "n": "new"}


def main() -> int:
    """Runs and prints; 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--kept", type=Path, help="folder in which the release before stays installed, for a repeat"
    )
    arguments = parser.parse_args()
    release = previous(ROOT)
    titles, publish = sample_shard()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-upgrade-")))
        kept = arguments.kept.resolve() / release.commit if arguments.kept else root / "previous"
        if not (kept / "ready").exists():
            say(f"installing {release.version} ({release.commit[:7]}) from its own constraints")
            shutil.rmtree(kept, ignore_errors=True)  # of one that was interrupted
            tree = check_out(ROOT, release, kept / "tree")
            install(tree, SERVICES, kept / "venv")
            (kept / "ready").touch()
        outcomes = Upgrade(Plan(kept / "venv", titles, publish), root, say).run()
    ok = all(outcome.ok() for outcome in outcomes)
    if arguments.json:
        table = [{**asdict(outcome), "ok": outcome.ok()} for outcome in outcomes]
        print(
            json.dumps({"proof": "upgrade", "previous": asdict(release), "ok": ok, "steps": table})
        )
    else:
        show(release.version, outcomes)
        print("all held" if ok else "NOT ALL HELD")
    return 0 if ok else 1


def show(version: str, outcomes: list[Outcome]) -> None:
    """A table of combinations with what each showed."""
    print(f"old = {version}, new = this tree")
    head = ("step", "brains", "syncs", "constellations", "worker", "schema")
    figures = ("exchanges", "failed", "repeated", "acknowledged", "lost", "twice", "state", "held")
    print(f"{head[0]:36} {head[1]:7} {head[2]:7} {head[3]:14} {head[4]:6} {head[5]:6}", *figures)
    for each in outcomes:
        step = each.step
        found = (
            *(each.exchanges, len(each.failed), each.repeated, each.acknowledged, each.lost),
            *(each.twice, each.state, f"{each.held}/{len(step.tvs)}"),
        )
        cells = [f"{value:>{len(name)}}" for name, value in zip(figures, found, strict=True)]
        print(
            f"{step.name:36} {mix(step.tvs):7} {mix(step.gateways):7} {mix(step.constellations):14}"
            f" {mix(step.worker):6} {'new' if step.migrated else 'old':6}",
            *cells,
            "" if each.ok() else "<- WRONG",
        )
        for sentence in (*each.failed, *each.faults):
            print(f"    {sentence}")


def mix(releases: str) -> str:
    """Which releases run side by side."""
    return "+".join(_WORDS[each] for each in sorted(set(releases), reverse=True))


if __name__ == "__main__":
    sys.exit(main())
