"""Follows docs/firmware.md word for word in a clean clone, and holds what is printed to the page.

Packages of Debian are not installed: they have to be there. `...` on the page stands for anything.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "firmware.md"
_STEP = re.compile(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", re.DOTALL)
_INSTALL = re.compile(r"apt-get install -y --no-install-recommends (.+)\n")


@dataclass(frozen=True)
class Step:
    """Commands of the page, and what they print."""

    commands: str
    """For bash."""
    printed: str
    """As the page has it; empty = the page says nothing of it."""

    def fits(self, output: str) -> bool:
        """Whether an output is what the page says."""
        parts = [re.escape(part) for part in _without_blanks(self.printed).split("...")]
        return not self.printed or bool(
            re.fullmatch(".*?".join(parts), _without_blanks(output), re.DOTALL)
        )


@dataclass(frozen=True)
class Done:
    """What a step came to."""

    commands: str
    """Its first line."""
    seconds: float
    """How long it took."""
    output: str
    """What it printed."""
    fits: bool
    """Whether that is what the page says."""


def main() -> int:
    """Prints each step; 1 when one failed or printed something else, 2 without the packages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object for machines")
    arguments = parser.parse_args()
    install, *todo = steps(PAGE.read_text("utf-8"))
    if missing(install.commands):
        print(f"packages are missing: {install.commands}", end="", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="omega-guide-") as name:
        folder = Path(name) / "omega"
        subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)  # noqa: S607 - of PATH
        done = follow(todo, folder)
    ok = len(done) == len(todo) and all(step.fits for step in done)
    if arguments.json:
        rows = [asdict(step) for step in done]
        print(json.dumps({"proof": "firmware-guide", "ok": ok, "steps": rows}))
        return int(not ok)
    for step in done:
        print(f"$ {step.commands}   [{step.seconds:.0f} s]\n{step.output}", end="")
        if not step.fits:
            print("^ NOT WHAT THE PAGE SAYS")
    took = sum(step.seconds for step in done) / 60
    print(f"{len(done)} of {len(todo)} steps, {took:.1f} minutes: {'good' if ok else 'NOT GOOD'}")
    return int(not ok)


def steps(page: str) -> list[Step]:
    """Those of the page, in its order; the first one installs packages."""
    return [Step(commands, printed) for commands, printed in _STEP.findall(page)]


def missing(install: str) -> bool:
    """Whether a package that a command installs is not there."""
    (names,) = _INSTALL.findall(install)
    command = ["dpkg", "-s", *names.split()]
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


def follow(todo: list[Step], folder: Path) -> list[Done]:
    """Runs the steps in one shell, until one fails; stops what they started."""
    with subprocess.Popen(
        ["bash", "-eu", "-o", "pipefail"],  # noqa: S607 - of PATH
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("OMEGA_")},
    ) as shell:
        try:
            return _followed(todo, shell)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)


def _followed(todo: list[Step], shell: subprocess.Popen[str]) -> list[Done]:
    done: list[Done] = []
    if shell.stdin is None or shell.stdout is None:
        raise RuntimeError("a shell without pipes")
    for number, step in enumerate(todo):
        begun, end = time.monotonic(), f"--- step {number} is over\n"
        shell.stdin.write(f"{step.commands}\necho '{end.strip()}'\n")
        shell.stdin.flush()
        lines: list[str] = []
        while (line := shell.stdout.readline()) and line != end:
            lines.append(line)
        output = "".join(lines)
        took = time.monotonic() - begun
        name = step.commands.partition("\n")[0]
        done.append(Done(name, took, output, line == end and step.fits(output)))
        if line != end:
            break
    return done


def _without_blanks(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if line.strip())


if __name__ == "__main__":
    sys.exit(main())
