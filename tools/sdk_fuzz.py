"""Fuzzes libomega_tv with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer.

What a brain answers goes through HTTP/2, gRPC and nanopb into every function; JSON and instants
through their readers. Inputs that were found stay in build/omega_sdk_fuzz: the next run goes on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import sdk_seeds

from omega_testing import c_build
from omega_testing.c_build import ROOT, SOURCES

FOLDER = ROOT / "build" / "omega_sdk_fuzz"
TARGETS = {"answer": 0.75, "json_input": 0.25}
"""Fuzzer -> its share of the time."""
LARGEST = {"answer": 16_384, "json_input": 8_192}
"""Fuzzer -> bytes of an input."""
LEAST_SECONDS = 8
PROGRAMS = ("clang", "llvm-profdata", "llvm-cov")
INSTALL = "apt-get install -y clang llvm"
FLAGS = ("-DCMAKE_C_COMPILER=clang", "-DOMEGA_TV_EXAMPLES=OFF", "-DOMEGA_TV_FUZZ=ON")
COUNTED = "-fprofile-instr-generate -fcoverage-mapping"
SANITIZERS = {"ASAN_OPTIONS": "quarantine_size_mb=16", "UBSAN_OPTIONS": "print_stacktrace=1"}


@dataclass(frozen=True)
class Run:
    """What one fuzzer did."""

    target: str
    """Of TARGETS."""
    seconds: int
    """How long it looked."""
    executions: int
    """Inputs that were tried."""
    corpus: int
    """Inputs that each reach something of their own."""
    edges: int
    """Edges of the program's graph that were reached, of sources of others too."""
    crashes: list[str]
    """Files with inputs that broke it; empty = none."""


def main() -> int:
    """Prints a table; 1 when anything broke, 2 when a program is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of both together")
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    arguments = parser.parse_args()
    if arguments.seconds < LEAST_SECONDS:
        parser.error(f"--seconds must be {LEAST_SECONDS} or more")
    if c_build.lacking(PROGRAMS, INSTALL):
        return 2
    try:
        fuzzers = built("fuzz", "-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    except RuntimeError as error:
        print(f"{error}\nif what clang links with is missing: {INSTALL}", file=sys.stderr)
        return 2
    plant("answer", sdk_seeds.of_answers(c_build.make(FOLDER / "plain")))
    plant("json_input", sdk_seeds.of_json())
    runs = [fuzz(fuzzers, name, arguments.seconds) for name in TARGETS]
    covered = coverage(built("counted", f"-DCMAKE_C_FLAGS={COUNTED}"))
    broken = any(run.crashes for run in runs)
    if arguments.json:
        figures = {"runs": [asdict(run) for run in runs], "lines_percent": covered}
        print(json.dumps({"proof": "sdk-fuzz", "ok": not broken, **figures}))
        return int(broken)
    for run in runs:
        found = f"BROKEN BY {' '.join(run.crashes)}" if run.crashes else "nothing broke"
        print(
            f"{run.target:12} {run.seconds:6,} s {run.executions:12,} executions"
            f" {run.corpus:6,} inputs kept {run.edges:6,} edges  {found}"
        )
    print("lines of libs/omega_sdk/src reached by the inputs that were kept, in percent:")
    print(", ".join(f"{name} {percent:.0f}" for name, percent in covered.items()))
    return int(broken)


def built(name: str, *options: str) -> Path:
    """Builds the fuzzers in a folder of that name, and returns it."""
    targets = [f"fuzz_{target}" for target in TARGETS]
    return c_build.make(FOLDER / name, *FLAGS, *options, targets=targets).folder


def plant(target: str, seeds: Iterable[bytes]) -> None:
    """Puts seeds into a fuzzer's corpus."""
    folder = FOLDER / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / hashlib.sha256(seed).hexdigest()).write_bytes(seed)


def fuzz(folder: Path, target: str, total: int) -> Run:
    """Looks for inputs during its share of `total` seconds; ends at the first that breaks it."""
    seconds = max(1, int(total * TARGETS[target]))
    corpus, broken = FOLDER / "corpus" / target, FOLDER / f"broken-{target}-"
    before = {*FOLDER.glob(f"broken-{target}-*")}
    command = [str(folder / f"fuzz_{target}"), f"-max_total_time={seconds}", "-timeout=20"]
    command += [f"-max_len={LARGEST[target]}", f"-artifact_prefix={broken}", "-print_final_stats=1"]
    log = FOLDER / f"{target}.log"
    with log.open("w") as output:
        done = subprocess.run(
            [*command, str(corpus)],
            check=False,
            stderr=output,
            stdout=output,
            env=os.environ | SANITIZERS,
        )
    said = log.read_text("utf-8", "replace")
    tried = re.findall(r"^stat::number_of_executed_units: (\d+)", said, re.MULTILINE)
    reached = re.findall(r"\bcov: (\d+) ft: \d+ corp: (\d+)/", said)
    crashes = sorted(str(path) for path in {*FOLDER.glob(f"broken-{target}-*")} - before)
    if done.returncode and not crashes:
        sys.exit(f"fuzz_{target} ended with {done.returncode}: see {log}")
    edges, kept = reached[-1] if reached else (0, 0)
    return Run(target, seconds, int(tried[-1]) if tried else 0, int(kept), int(edges), crashes)


def coverage(folder: Path) -> dict[str, float]:
    """Percent of the lines of each source, and of all, that the corpora reach."""
    programs = [folder / f"fuzz_{target}" for target in TARGETS]
    profiles = []
    for target, program in zip(TARGETS, programs, strict=True):
        profiles.append(folder / f"{target}.profraw")
        quiet = {"LLVM_PROFILE_FILE": str(profiles[-1])}
        command = [str(program), "-runs=0", str(FOLDER / "corpus" / target)]
        subprocess.run(command, check=True, capture_output=True, env=os.environ | quiet)
    merged = folder / "merged.profdata"
    subprocess.run(["llvm-profdata", "merge", "-o", merged, *profiles], check=True)  # noqa: S607 - of PATH
    command = ["llvm-cov", "export", "--summary-only", f"--instr-profile={merged}"]
    command += [str(programs[0]), "--object", str(programs[1]), str(SOURCES / "src")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    data = json.loads(done.stdout)["data"][0]
    rows = {Path(file["filename"]).name: file["summary"] for file in data["files"]}
    rows["all"] = data["totals"]
    return {name: round(row["lines"]["percent"], 1) for name, row in rows.items()}


if __name__ == "__main__":
    sys.exit(main())
