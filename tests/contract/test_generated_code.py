from __future__ import annotations

import importlib
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = ROOT / "libs" / "omega_proto" / "src"
GENERATED = ("libs/omega_proto/src/omega", "libs/omega_sdk/generated")


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_committed_code_is_what_the_contracts_generate(tmp_path: Path) -> None:
    subprocess.run([ROOT / "tools" / "gen.sh", tmp_path], check=True, timeout=50)
    for folder in GENERATED:
        fresh = contents(tmp_path / folder)
        assert len(fresh) > 10
        assert contents(ROOT / folder) == fresh


def test_every_generated_module_can_be_imported() -> None:
    modules = [
        ".".join(path.relative_to(COMMITTED).with_suffix("").parts)
        for path in COMMITTED.rglob("*_pb2*.py")
    ]
    assert modules
    for module in modules:
        importlib.import_module(module)
