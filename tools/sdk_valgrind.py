"""Runs libomega_tv under valgrind: every example, its fuzzers' inputs, and a hundred threads.

Nothing may be read or written where it must not be, nothing used before it is set, nothing leaked.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import sdk_seeds

from omega_testing import c_build, c_hammer
from omega_testing.c_build import ROOT, Built
from omega_testing.c_household import Home, household

FOLDER = ROOT / "build" / "omega_sdk_valgrind"
VALGRIND = (
    "valgrind",
    "--quiet",
    "--leak-check=full",
    "--show-leak-kinds=all",
    "--errors-for-leak-kinds=all",
    "--error-exitcode=99",
)
TARGETS = ("all", "replay_answer", "replay_json_input")
LATE, TRIES = "the brain did not answer in time", 5
INSTALL = "apt-get install -y gcc libc6-dev libc6-dbg valgrind"
GUIDE = "<tv>" + "".join(
    f"<programme><title>Film {n} &amp; more</title><desc>Long.</desc><category>Drama</category>"
    "<date>1999</date></programme>"
    for n in range(230)
)


def main() -> int:
    """Prints a line a program; 1 when valgrind complained, 2 when it is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    arguments = parser.parse_args()
    if c_build.lacking(("gcc", "valgrind"), INSTALL):
        return 2
    built = c_build.make(FOLDER, "-DCMAKE_BUILD_TYPE=Debug", targets=TARGETS)
    found: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="omega-valgrind-") as name, household() as home:
        for what, command in commands(built, Path(name), home):
            found[what] = complaint(command)
        hammer = c_hammer.compiled(built, FOLDER / "hammer")
        # One thread at a time runs under valgrind: calls may be late.
        wrong = c_hammer.strike([*VALGRIND, hammer], home, (5, 5), patience=300)
        found["100 threads, 2 kills"] = "\n".join(wrong)
    ok = not any(found.values())
    if arguments.json:
        print(json.dumps({"proof": "sdk-valgrind", "ok": ok, "runs": found}))
        return int(not ok)
    for what, said in found.items():
        print(f"{what}: {said or 'clean'}")
    return int(not ok)


def complaint(command: list[str | Path]) -> str:
    """What was wrong with a program under valgrind; empty = nothing.

    omega_init() waits for 2 seconds, which may be too few under valgrind on a busy machine: a
    program that says so is run again.
    """
    for _ in range(TRIES):
        done = subprocess.run(
            [*VALGRIND, *command], check=False, capture_output=True, text=True, timeout=300
        )
        if done.returncode != 1 or LATE not in done.stderr:
            break
    return "" if done.returncode == 0 else f"{done.returncode}\n{done.stderr}"


def commands(built: Built, scratch: Path, home: Home) -> Iterator[tuple[str, list[str | Path]]]:
    """Names and commands of what runs to its end by itself."""
    guide = scratch / "guide.xml"
    guide.write_text(GUIDE, "utf-8")
    yield "simple", [built.program("simple"), home.storage, home.watched[0]]
    yield "async", [built.program("async"), home.target, *home.watched[1:4]]
    yield "epg", [built.program("epg"), home.target, guide]
    for target, seeds in (
        ("answer", sdk_seeds.of_answers(built)),
        ("json_input", sdk_seeds.of_json()),
    ):
        files: list[str | Path] = []
        for number, seed in enumerate(seeds):
            files.append(scratch / f"{target}-{number}")
            Path(files[-1]).write_bytes(seed)
        yield f"{len(files)} inputs of fuzz_{target}", [built.program(f"replay_{target}"), *files]


if __name__ == "__main__":
    sys.exit(main())
