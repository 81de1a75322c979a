"""ONNX Runtime, whose builds send telemetry of their own, keeps silent under the encoder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from omega_embed import default_cache_dir

_EMBED = """
from omega_embed import open_encoder
assert open_encoder(kind="minilm").encode(["a film"]).shape == (1, 384)
"""


def test_no_id_of_the_machine_is_drawn_or_kept(tmp_path: Path) -> None:
    # Where it would send, it first writes an id below the user's cache. Variables of continuous
    # integration, which silence it as well, are left out.
    cache = str(default_cache_dir())
    environ = {"HOME": str(tmp_path), "PATH": os.defpath, "OMEGA_CACHE_DIR": cache}
    subprocess.run([sys.executable, "-c", _EMBED], env=environ, check=True, timeout=50)
    assert list(tmp_path.iterdir()) == []
