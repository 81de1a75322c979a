"""The supervisor of child processes: whatever becomes of the starter, the child goes along."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omega_testing import supervisor
from omega_testing.supervised import Supervised


def test_a_starter_that_died_before_it_heard_of_the_child_leaves_none(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    order: dict[str, object] = {
        "command": [sys.executable, "-c", "import time; time.sleep(1000)"],
        "environ": {},
        "output": str(tmp_path / "out"),
        "log": str(tmp_path / "log"),
        "directory": str(tmp_path),
        "scratch": str(scratch),
        "owner": None,
        "stop_signal": int(signal.SIGTERM),
        "patience": 10.0,
    }
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-I", "-S", supervisor.__file__, json.dumps(order)],
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGTERM, b"")
    assert not scratch.exists()


_DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf")
time.sleep(1000)
"""


def test_a_child_that_ignores_its_stop_signal_is_killed(tmp_path: Path) -> None:
    child = Supervised(
        [sys.executable, "-u", "-c", _DEAF],
        {},
        output=tmp_path / "out",
        log=tmp_path / "log",
        directory=tmp_path,
        patience=0.2,
    )
    while "deaf" not in (tmp_path / "out").read_text():
        assert child.poll() is None
        time.sleep(0.01)
    assert child.stop() == 128 + signal.SIGKILL
    assert child.stop() == 128 + signal.SIGKILL


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="no-such-program"):
        Supervised(
            ["no-such-program"],
            {},
            output=tmp_path / "out",
            log=tmp_path / "log",
            directory=tmp_path,
        )
