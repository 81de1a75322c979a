"""The C reader of news beside the Python one, as `make codec-c` has it but with fewer messages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "codec_c.py"


def test_both_readers_give_the_same_bits_and_refuse_the_same() -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--vectors", "60", "--damaged", "200"],
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("as numpy") == 3
