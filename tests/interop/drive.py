"""`make interop`: real brain and sync processes, driven by a foreign gRPC stack."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from omega_testing.postgres import EmbeddedPostgres
from omega_testing.processes import ServiceProcess

HERE = Path(__file__).parent
ANY_PORT = "127.0.0.1:0"


def main() -> int:
    """Returns the exit code of the Node.js client."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="omega-interop-")))

        def service(command: str, **environ: str) -> str:
            return stack.enter_context(ServiceProcess([command], environ)).address

        def brain(name: str, listen: str) -> str:
            return service(
                "omega-brain",
                OMEGA_BRAIN_STORAGE_PATH=str(root / name),
                OMEGA_BRAIN_LISTEN=listen,
            )

        postgres = stack.enter_context(EmbeddedPostgres())
        constellation = service(
            "omega-constellation",
            OMEGA_CONSTELLATION_DATABASE_URL=postgres.url,
            OMEGA_CONSTELLATION_LISTEN=ANY_PORT,
        )
        keys = root / "token-keys"
        keys.touch(mode=0o600)
        keys.write_text(f"interop:{secrets.token_hex(32)}\n", "ascii")
        sync = service(
            "omega-sync",
            OMEGA_SYNC_CONSTELLATION_TARGET=constellation,
            OMEGA_SYNC_TOKEN_KEYS=str(keys),
            OMEGA_SYNC_LISTEN=ANY_PORT,
        )
        addresses = [brain("tcp", ANY_PORT), brain("unix", f"unix:{root}/brain.sock"), sync]
        command = ["node", "client.mjs", str(HERE.parents[1] / "proto"), *addresses]
        return subprocess.run(command, cwd=HERE, check=False, timeout=120).returncode


if __name__ == "__main__":
    sys.exit(main())
