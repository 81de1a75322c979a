"""A brain's products wait for no second thread, unless its operator says so."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
import omega_brain.__main__
import os
import numpy as np
square = np.ones((600, 600), np.float32)
square @ square
print(len(os.listdir("/proc/self/task")))
"""


def test_products_run_on_one_thread_unless_it_is_said_otherwise() -> None:
    assert threads({}) == 1
    assert threads({"OPENBLAS_NUM_THREADS": "2"}) == min(2, len(os.sched_getaffinity(0)))


def threads(environment: dict[str, str]) -> int:
    """Of a process that has loaded the brain and multiplied."""
    bare = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**bare, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)
