"""Runs one program and takes it along when the starter goes, however that goes.

A script for an isolated interpreter: standard library only, no import of this package. The starter
holds the other end of this script's standard input; its end of file means that the starter is
gone, killed or not. The first line on standard output is the program's process id; the exit code
is the program's, 128 + N when signal N ended it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path


def main() -> int:
    """Reads the order from the first argument, a JSON object, and waits for the program."""
    order = json.loads(sys.argv[1])
    owner = order["owner"]
    with Path(order["output"]).open("ab") as output, Path(order["log"]).open("ab") as log:
        child = subprocess.Popen(
            order["command"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=log,
            cwd=order["directory"],
            env=order["environ"],
            user=owner and owner[0],
            group=owner and owner[1],
            extra_groups=[] if owner else None,
        )
    # When nobody listens any more, standard input is at its end, too, and what follows stops it.
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{child.pid}\n".encode())
    orphaned = threading.Event()
    threading.Thread(target=_follow, args=(child, order, orphaned), daemon=True).start()
    code = child.wait()
    if orphaned.is_set() and order["scratch"]:
        shutil.rmtree(order["scratch"], ignore_errors=True)
    return code if code >= 0 else 128 - code


def _follow(
    child: subprocess.Popen[bytes], order: dict[str, int], orphaned: threading.Event
) -> None:
    # Not sys.stdin: the interpreter would wait for its lock at exit.
    while os.read(0, 1):
        pass
    orphaned.set()
    child.send_signal(order["stop_signal"])
    try:
        child.wait(order["patience"])
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
