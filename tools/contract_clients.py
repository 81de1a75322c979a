"""Clients of three languages for `omega contract --client`, made ready on this machine."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from omega_testing import c_build

ROOT = Path(__file__).resolve().parents[1]
INTEROP = ROOT / "tests" / "interop"
_NANOPB = ROOT / "third_party" / "nanopb"
_STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror")


def node() -> str:
    """What --client is given for @grpc/grpc-js, which is installed by its lock file.

    Raises:
        subprocess.CalledProcessError: it cannot be installed.
    """
    ci = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
    subprocess.run(ci, cwd=INTEROP, check=True)
    return f"node=node {INTEROP / 'contract_client.mjs'} {ROOT / 'proto'}"


def c(folder: Path) -> str:
    """What --client is given for libomega_tv, which is built in `folder`.

    Raises:
        RuntimeError: the library cannot be built.
        subprocess.CalledProcessError: the program that calls it cannot be.
    """
    return f"c={_program(folder)}"


def _program(folder: Path) -> Path:
    """A program of libomega_tv, and of the contracts with a pointer for every field."""
    built = c_build.build(folder / "omega_tv")
    generated, program = folder / "generated", folder / "contract_client"
    generated.mkdir(exist_ok=True)
    protos = [
        *(f"omega/brain/v1/{name}.proto" for name in ("brain_service", "sync_stats")),
        *(f"omega/common/v1/{name}.proto" for name in ("content", "context", "resource")),
        *(f"google/protobuf/{name}.proto" for name in ("duration", "timestamp")),
    ]
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--plugin=protoc-gen-nanopb={Path(sys.prefix) / 'bin' / 'protoc-gen-nanopb'}",
            f"-I{ROOT / 'proto'}",
            f"--nanopb_out={generated}",
            "--nanopb_opt=-q -s type:FT_POINTER",
            *protos,
        ],
        check=True,
    )
    subprocess.run(
        [
            shutil.which("gcc") or "gcc",
            *_STRICT,
            "-D_POSIX_C_SOURCE=200809L",
            "-DPB_ENABLE_MALLOC",
            f"-I{c_build.HEADER.parent}",
            f"-I{generated}",
            f"-isystem{_NANOPB}",
            *map(str, (INTEROP / "c").glob("*.c")),
            *map(str, generated.rglob("*.c")),
            *map(str, _NANOPB.glob("*.c")),
            str(built.library),
            f"-Wl,-rpath,{built.folder}",
            "-o",
            str(program),
        ],
        check=True,
    )
    return program
