"""Kills, breaks and starves real brains over many restarts, with viewings and lists flowing."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from omega_core.catalogue_file import read_catalogue
from omega_testing.chaos_brain import Chaos, ChaosPlan
from omega_testing.chaos_traffic import Tally

TITLES = Path(__file__).parents[1] / "data" / "sample" / "titles.jsonl"
_TITLES = 300
_BAR = 40


@dataclass
class Progress:
    """A bar on a terminal."""

    total: int
    begun: float = field(default_factory=time.monotonic)
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def step(self) -> None:
        """One more."""
        with self.lock:
            self.done += 1
            if sys.stderr.isatty():
                bar = ("#" * (_BAR * self.done // self.total)).ljust(_BAR, ".")
                taken = time.monotonic() - self.begun
                text = f"\r[{bar}] {self.done:4} of {self.total} restarts in {taken:4.0f} s"
                print(text, end="", file=sys.stderr, flush=True)
                if self.done == self.total:
                    print(file=sys.stderr)


def main() -> int:
    """Runs and prints; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--restarts", type=int, default=500)
    parser.add_argument("--tvs", type=int, default=2, help="brains at once, each with its own part")
    parser.add_argument("--seed", type=int, default=None, help="drawn from the clock when absent")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seed = int(time.time()) % 1_000_000 if arguments.seed is None else arguments.seed
    tvs = max(1, min(arguments.tvs, arguments.restarts))
    tally, progress = Tally(), Progress(arguments.restarts)
    titles = read_catalogue(TITLES)[:_TITLES]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(tvs) as pool:
        shares = [arguments.restarts // tvs + (n < arguments.restarts % tvs) for n in range(tvs)]
        runs = []
        for number, restarts in enumerate(shares):
            own = Path(folder) / str(number)
            own.mkdir()
            plan = ChaosPlan(restarts=restarts, seed=seed + number)
            runs.append(pool.submit(Chaos(own, titles, plan, tally, progress.step).run))
        for run in runs:
            run.result()
    report(seed, tvs, tally, time.monotonic() - progress.begun, as_json=arguments.json)
    return int(bool(tally.counts["failures"]))


def report(seed: int, tvs: int, tally: Tally, seconds: float, *, as_json: bool) -> None:
    """Prints what became of everything."""
    micros = sorted(tally.micros)
    counts = {"failures": 0, **dict(sorted(tally.counts.items()))}
    latency = {
        f"p{share}": round(micros[min(len(micros) * share // 100, len(micros) - 1)] / 1e3, 2)
        for share in (50, 99, 100)
        if micros
    }
    if as_json:
        figures = {
            "seed": seed,
            "tvs": tvs,
            "seconds": round(seconds, 1),
            "counts": counts,
            "latency_ms": latency,
            "failures": tally.failures,
        }
        print(json.dumps(figures, indent=2))
        return
    print(f"seed {seed}, {tvs} TVs, {seconds:.0f} s")
    for name, count in counts.items():
        print(f"{name:48}{count:12,}")
    for name, value in latency.items():
        print(f"{'time of a list, ' + name:48}{value:12.2f} ms")
    print(*tally.failures, sep="\n")


if __name__ == "__main__":
    sys.exit(main())
