"""Builds libomega_tv for x86-64, arm64 and armhf, and runs simple.c of each before one live brain.

Memory under qemu is the emulator's with the program in it. So each figure stands beside the one of
an empty program in the same emulator: what lies between is the client's, with the emulator's
translation of it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from omega_testing import c_build
from omega_testing.c_build import HEADER, ROOT, SOURCES, Built, declared
from omega_testing.c_household import household

FOLDER = ROOT / "build" / "omega_sdk_cross"
MOST_BYTES, MOST_KB = 256_000, 3_000
INSTALL = (
    "apt-get install -y --no-install-recommends gcc libc6-dev gcc-aarch64-linux-gnu"
    " libc6-dev-arm64-cross gcc-arm-linux-gnueabihf libc6-dev-armhf-cross qemu-user"
)


@dataclass(frozen=True)
class Machine:
    """What firmware runs on."""

    name: str
    """Debian's."""
    prefix: str
    """Of the compiler and its tools; empty = this machine's own."""
    emulator: str
    """Of qemu; empty = none."""

    @property
    def programs(self) -> list[str]:
        """What has to be installed."""
        tools = [f"{self.prefix}{tool}" for tool in ("gcc", "strip", "nm", "readelf")]
        return [*tools, self.emulator] if self.emulator else tools

    @property
    def options(self) -> list[str]:
        """For CMake."""
        if not self.prefix:
            return ["-DCMAKE_C_COMPILER=gcc"]
        return ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_C_COMPILER={self.prefix}gcc"]

    @property
    def run(self) -> list[str]:
        """What a program's command begins with."""
        return [self.emulator, "-L", f"/usr/{self.prefix[:-1]}"] if self.emulator else []


MACHINES = (
    Machine("amd64", "", ""),
    Machine("arm64", "aarch64-linux-gnu-", "qemu-aarch64"),
    Machine("armhf", "arm-linux-gnueabihf-", "qemu-arm"),
)


@dataclass(frozen=True)
class Found:
    """What was found of one machine."""

    machine: str
    """Its name."""
    stripped_bytes: int
    """Of the shared library."""
    needed: list[str]
    """Libraries that it needs."""
    symbols: int
    """Functions that it gives out."""
    peak_kb: int
    """Most resident memory of simple.c, the emulator's included."""
    empty_kb: int
    """The same of an empty program."""
    output: str
    """What simple.c printed."""
    wrong: list[str]
    """What is not as it must be; empty = nothing."""


def main() -> int:
    """Prints tables; 1 when anything is not as it must be, 2 when a program is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    arguments = parser.parse_args()
    programs = {name for machine in MACHINES for name in machine.programs}
    if c_build.lacking(programs, INSTALL):
        return 2
    peak = compiled(MACHINES[0], ROOT / "tools" / "peak.c", "peak")
    with household() as home:
        found = [look(machine, peak, home.storage, home.watched[0]) for machine in MACHINES]
    ok = not any(each.wrong for each in found)
    if arguments.json:
        rows = [asdict(each) for each in found]
        print(json.dumps({"proof": "sdk-cross", "ok": ok, "machines": rows}))
        return int(not ok)
    for each in found:
        print(f"--- simple.c on {each.machine}\n{each.output}", end="")
    print(f"{'':8} {'stripped':>9} {'functions':>9} {'peak':>10} {'empty':>10}  needs")
    for each in found:
        wrong = f"  <- WRONG: {'; '.join(each.wrong)}" if each.wrong else ""
        print(
            f"{each.machine:8} {each.stripped_bytes:9,} {each.symbols:9}"
            f" {each.peak_kb:7,} kB {each.empty_kb:7,} kB  {', '.join(each.needed)}{wrong}"
        )
    print("peak and empty: with qemu's own memory, but on amd64")
    print("all as it must be" if ok else "NOT ALL AS IT MUST BE")
    return int(not ok)


def look(machine: Machine, peak: Path, storage: Path, watched: str) -> Found:
    """Builds for one machine, and runs what was built."""
    built = c_build.make(FOLDER / machine.name, *machine.options)
    stripped = FOLDER / machine.name / "stripped.so"
    output(f"{machine.prefix}strip", "-o", stripped, built.library)
    dynamic = output(f"{machine.prefix}readelf", "-d", built.library)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    listed = output(f"{machine.prefix}nm", "-D", "--defined-only", built.library)
    symbols = set(re.findall(r" T (\w+)@@OMEGA_TV_1$", listed, re.MULTILINE))
    empty_kb, _ = peak_of(machine, peak, [compiled(machine, Path(os.devnull), "empty")])
    arguments = [str(storage), watched]
    peak_kb, said = peak_of(machine, peak, [built.program("simple"), *arguments])
    wrong = complaints(said)
    # The same from the static library, without a shared one on the machine.
    _, still = peak_of(machine, peak, [linked(machine, built), *arguments])
    wrong += [f"static: {complaint}" for complaint in complaints(still)]
    size = stripped.stat().st_size
    if size > MOST_BYTES:
        wrong.append(f"above {MOST_BYTES:,} bytes")
    if symbols != declared():
        wrong.append(f"gives out {sorted(symbols ^ declared())}")
    if not all(re.match(r"(libc|ld-linux[\w-]*)\.so\.\d+$", name) for name in needed):
        wrong.append("needs more than the C library")
    if not machine.emulator and peak_kb > MOST_KB:
        wrong.append(f"above {MOST_KB:,} kB")
    return Found(machine.name, size, needed, len(symbols), peak_kb, empty_kb, said, wrong)


def complaints(said: str) -> list[str]:
    """What is wrong with what simple.c printed."""
    lines = dict(line.split(" ", 1) for line in said.splitlines())
    if not {"omega", "initialized", "list", "observed", "stats"} <= lines.keys():
        return ["simple.c did not come to its end"]
    rows = json.loads(lines["list"])
    good = len(rows) == 5 and all(0 <= row["score"] == row["confidence"] <= 1 for row in rows)  # noqa: PLR2004 - what simple.c asks for
    return [] if good and json.loads(lines["stats"]) else ["the list is not what it must be"]


def peak_of(machine: Machine, peak: Path, command: Sequence[Path | str]) -> tuple[int, str]:
    """Most resident memory of a program in kB, and what it printed."""
    figure = FOLDER / machine.name / "peak_kb"
    said = output(peak, figure, *machine.run, *command)
    return int(figure.read_text("ascii")), said


def compiled(machine: Machine, source: Path, name: str) -> Path:
    """A program of one source; of none, one that does nothing."""
    program = FOLDER / machine.name / name
    program.parent.mkdir(parents=True, exist_ok=True)
    text = source.read_text("utf-8") or "int main(void) { return 0; }\n"
    command = [f"{machine.prefix}gcc", "-O2", "-D_GNU_SOURCE", "-x", "c", "-", "-o", str(program)]
    subprocess.run(command, input=text, check=True, text=True)
    return program


def linked(machine: Machine, built: Built) -> Path:
    """simple.c with the static library and a static C library."""
    program = FOLDER / machine.name / "simple_static"
    source, include = SOURCES / "examples" / "simple.c", f"-I{HEADER.parent}"
    gcc = f"{machine.prefix}gcc"
    output(gcc, "-O2", include, source, "-static", built.archive, "-pthread", "-o", program)
    return program


def output(*command: Path | str) -> str:
    """What a command prints; it has to succeed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    if done.returncode:
        raise RuntimeError(f"{[str(word) for word in command]}: {done.returncode}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
