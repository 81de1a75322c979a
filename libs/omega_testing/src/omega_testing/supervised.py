"""Child processes that never outlive this one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from omega_testing import supervisor

_TAIL = 4_000


class Supervised:
    """A program under a small supervisor that stops it when this process is gone, even by SIGKILL.

    It has its own session, so Ctrl-C in the terminal reaches only this process, which then stops
    its children in its own order. It inherits no descriptor but the files named here.

    Args:
        command: program and arguments.
        environ: its whole environment.
        output: file that its standard output is appended to.
        log: file that its standard error is appended to.
        directory: its working directory.
        scratch: directory that the supervisor removes when this process left it behind.
        owner: (user id, group id) to run as; None = as this process.
        stop_signal: what asks it to stop.
        patience: seconds between stop_signal and SIGKILL.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        output: Path,
        log: Path,
        directory: Path,
        scratch: Path | None = None,
        owner: tuple[int, int] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        patience: float = 10.0,
    ) -> None:
        self._log = log
        self._stop_signal = stop_signal
        self._patience = patience
        order = {
            "command": list(command),
            "environ": dict(environ),
            "output": str(output),
            "log": str(log),
            "directory": str(directory),
            "scratch": str(scratch) if scratch else "",
            "owner": owner,
            "stop_signal": int(stop_signal),
            "patience": patience,
        }
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(order)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("pipes were asked for")
        self._lifeline = self._process.stdin
        with self._process.stdout as answers:
            first = answers.readline()
        if not first:
            self._lifeline.close()
            self._process.wait()
            raise RuntimeError(f"{command[0]} did not start:\n{self.tail()}")
        self.pid = int(first)

    def poll(self) -> int | None:
        """The exit code, 128 + N after signal N; None while it runs."""
        return self._process.poll()

    def wait(self) -> int:
        """Waits until it ends by itself; returns the exit code, as poll()."""
        code = self._process.wait()
        self._lifeline.close()
        return code

    def kill(self) -> None:
        """SIGKILL, as a crash would; returns when it is gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Asks it to stop, kills it after `patience`; returns the exit code."""
        return self._end(self._stop_signal)

    def tail(self) -> str:
        """The end of its log."""
        return self._log.read_text("utf-8", errors="replace")[-_TAIL:] if self._log.exists() else ""

    def _end(self, number: signal.Signals) -> int:
        if self._process.poll() is None:
            try:
                os.kill(self.pid, number)
                self._process.wait(self._patience)
            except ProcessLookupError:
                pass
            except subprocess.TimeoutExpired:
                os.kill(self.pid, signal.SIGKILL)
            self._process.wait()
        self._lifeline.close()
        return self._process.returncode
