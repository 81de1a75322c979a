"""Where hnswlib is missing, everything runs on the exact index."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["hnswlib"] = None  # what the import system takes for "not installed"
import logging, pathlib, tempfile
import numpy as np
logging.basicConfig(stream=sys.stdout, format="%(message)s")
from omega_agentdb import ExactIndex, load_snapshot, open_index
index = open_index()
assert isinstance(index, ExactIndex)
index.add(np.arange(3), np.eye(384, dtype=np.float32)[:3])
print(index.search(np.eye(384, dtype=np.float32)[1], 1).ids.tolist())
directory = pathlib.Path(tempfile.mkdtemp())
(directory / "manifest-00000001.json").write_text("{}")
print(load_snapshot(directory, lineage="l", model_version="m", current_rev=1))
"""


def test_the_exact_index_serves() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=50
    )
    warning, found, refusal, snapshot = run.stdout.splitlines()
    assert "hnswlib is not installed" in warning
    assert "hnswlib is not installed" in refusal
    assert (found, snapshot) == ("[1]", "None")
