"""How long omega_recommend() takes, beside the Python client on the same brain in the same run.

A list of 20 of 500 titles, without the sentence model; the clients take turns, and of each figure
the best of five runs counts.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.bench.figures import Figure, as_json, best, quantile_ms, show, timed
from omega_client import BrainClient
from omega_testing import c_build
from omega_testing.c_build import HEADER, ROOT
from omega_testing.c_household import Home, household

FOLDER = ROOT / "build" / "omega_sdk_bench"
TITLES = 500
WARM = 20
C, PYTHON = "C library", "Python client"


@dataclass(frozen=True)
class Run:
    """Calls of one client, one after the other."""

    seconds: list[float]
    """That each took."""
    cpu: float
    """Processor seconds of the client a call."""


def main() -> int:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300, help="calls a run")
    parser.add_argument("--runs", type=int, default=5, help="runs of each client")
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    arguments = parser.parse_args()
    if c_build.lacking(["gcc"], "apt-get install gcc libc6-dev"):
        return 2
    program = compiled()
    with household(TITLES) as home, BrainClient(home.target) as client:
        ways: dict[str, Callable[[int], Run]] = {
            C: lambda calls: by_c(program, home, calls),
            PYTHON: lambda calls: by_python(client, calls),
        }
        runs: dict[str, list[Run]] = {name: [] for name in ways}
        for run in ways.values():
            run(WARM)
        for _ in range(arguments.runs):
            for name, run in ways.items():
                runs[name].append(run(arguments.calls))
    found = figures(runs)
    if arguments.json:
        print(as_json("sdk", found))
    else:
        show("sdk", found, Console())
    return 0


def figures(runs: dict[str, list[Run]]) -> dict[str, Figure]:
    """Those of the C library, beside those of the Python client."""
    found = {}
    for q in (0.5, 0.99):
        value = {
            name: best([quantile_ms(run.seconds, q) for run in of]) for name, of in runs.items()
        }
        found[f"omega_recommend_p{round(100 * q)}_ms"] = Figure(
            value[C], "ms", f"<= {PYTHON}", {PYTHON: value[PYTHON]}
        )
    used = {name: best([1e6 * run.cpu for run in of]) for name, of in runs.items()}
    found["omega_recommend_client_cpu_us"] = Figure(used[C], "us", "", {PYTHON: used[PYTHON]})
    return found


def compiled() -> Path:
    """sdk_latency.c with the library."""
    built = c_build.make(FOLDER)
    program = FOLDER / "sdk_latency"
    command = ["gcc", "-O2", "-D_GNU_SOURCE", "-Wall", "-Werror", f"-I{HEADER.parent}"]
    command += [str(Path(__file__).with_suffix(".c")), str(built.library), "-o", str(program)]
    subprocess.run([*command, f"-Wl,-rpath,{built.folder}"], check=True)
    return program


def by_c(program: Path, home: Home, calls: int) -> Run:
    """Calls of omega_recommend() in a process of its own."""
    done = subprocess.run(
        [program, home.storage, str(calls)], check=True, capture_output=True, text=True
    )
    *lines, cpu = done.stdout.splitlines()
    return Run([int(line) / 1e9 for line in lines], int(cpu.split()[1]) / 1e9 / calls)


def by_python(client: BrainClient, calls: int) -> Run:
    """Calls of get_recommendations() in this process."""
    request = pb.GetRecommendationsRequest(limit=20)
    before = time.process_time()
    seconds = [timed(lambda: client.get_recommendations(request)) for _ in range(calls)]
    return Run(seconds, (time.process_time() - before) / calls)


if __name__ == "__main__":
    sys.exit(main())
