"""The `omega-brain` command."""

from __future__ import annotations

import os
import sys

# Read when numpy is loaded. Products take a millisecond here; to wait for a second thread of them
# takes up to twenty on a busy TV (docs/adr/0029).
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain.background import Background
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.servicer import BrainServicer
from omega_rpc import memory
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application, Service, run_service


def build(config: BrainConfig, server_config: ServerConfig) -> Application:
    """A brain behind a server that only this machine reaches."""
    brain = Brain(config)
    background = Background(brain)
    server = Server(
        server_config,
        [
            Binding(
                "omega.brain.v1.BrainService",
                brain_service_pb2_grpc.add_BrainServiceServicer_to_server,
                BrainServicer(brain),
            )
        ],
        local_only=True,
    )

    def start() -> None:
        brain.start()
        background.start()
        memory.release_unused()

    def close() -> None:
        background.stop()
        brain.close()

    return Application(server, close=close, started=start, stopping=brain.changes.close)


def main() -> int:
    """Runs the brain until SIGTERM; returns the exit code."""
    memory.bound_heap()
    return run_service(
        Service(
            name="omega-brain",
            prefix="OMEGA_BRAIN_",
            config=BrainConfig,
            listen="127.0.0.1:50070",
            build=build,
            at_home=True,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
