"""Run as a program: erases a household and kills itself on the way.

Arguments: database, request id or "-" to open it only, and where to die: a `Step` by its value,
"line:N" for the Nth line that runs in the modules below, or "-". Prints the number of lines run.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from omega_core.clock import SystemClock
from omega_persistence import (
    Database,
    backups,
    database,
    erasure,
    files,
    held,
    identity,
    personal,
    pushed,
)
from omega_persistence.erasure import erase_household

MODULES = {
    module.__file__
    for module in (backups, database, erasure, files, held, identity, personal, pushed)
}


class Killer(logging.Handler):
    """Dies when a step is logged."""

    def __init__(self, step: str) -> None:
        super().__init__(logging.INFO)
        self._step = step

    def emit(self, record: logging.LogRecord) -> None:
        if record.args and self._step in record.args:
            os.kill(os.getpid(), signal.SIGKILL)


class Tracer:
    """Counts lines, and dies at one."""

    def __init__(self, last: int) -> None:
        self.lines = 0
        self._last = last

    def __call__(self, frame: FrameType, event: str, _arg: object) -> Tracer | None:
        if frame.f_code.co_filename not in MODULES:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._last:
                os.kill(os.getpid(), signal.SIGKILL)
        return self


def main() -> None:
    path, request_id, where = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    log = logging.getLogger("omega_persistence.erasure")
    log.setLevel(logging.INFO)
    log.addHandler(Killer(where))
    tracer = Tracer(int(where.removeprefix("line:")) if where.startswith("line:") else 0)
    opened = Database.open(path, clock=SystemClock())
    sys.settrace(tracer)
    if request_id != "-":
        erase_household(opened, request_id)
    sys.settrace(None)
    opened.close()
    sys.stdout.write(f"{tracer.lines}\n")


main()
