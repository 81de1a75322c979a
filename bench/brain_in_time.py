"""`omega-brain` under the virtual time of a simulation: what bench/chaos_threshold.py starts.

The same brain, settings, servicer and storage; it goes by OMEGA_CLOCK_FILE, which a TV's own
program does not know, and looks for reports of pairs that are due as often as virtual time needs
it. It syncs when it is asked to. Never on a TV.
"""

from __future__ import annotations

import logging
import os
import sys
import threading

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from omega.brain.v1 import brain_service_pb2_grpc
from omega_brain.brain import Brain
from omega_brain.config import BrainConfig
from omega_brain.servicer import BrainServicer
from omega_core.shared_clock import service_clock
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_rpc.service import Application, Service, run_service

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.01
_REST_SECONDS = 0.2


def build(config: BrainConfig, server_config: ServerConfig) -> Application:
    """A brain behind a server that only this machine reaches."""
    brain = Brain(config, clock=service_clock())
    binding = Binding(
        "omega.brain.v1.BrainService",
        brain_service_pb2_grpc.add_BrainServiceServicer_to_server,
        BrainServicer(brain),
    )
    server = Server(server_config, [binding], local_only=True)
    ending = threading.Event()
    reporting = threading.Thread(target=_report, args=(brain, ending), daemon=True)

    def start() -> None:
        brain.start()
        reporting.start()

    def close() -> None:
        ending.set()
        brain.pairs.close()
        reporting.join()
        brain.close()

    return Application(server, close=close, started=start, stopping=brain.changes.close)


def _report(brain: Brain, ending: threading.Event) -> None:
    """Takes every step that is due, as a TV's background does once a second at most."""
    reporter, pause = brain.pairs.reporter, _LOOK_SECONDS
    while reporter is not None and not ending.wait(pause):
        pause = _LOOK_SECONDS
        try:
            if reporter.wait() <= 1.0:
                reporter.turn()
        except Exception as error:  # noqa: BLE001 - the next try may go well
            _log.warning("pairs: %s", error)
            pause = _REST_SECONDS


def main() -> int:
    """Runs it until SIGTERM; returns the exit code."""
    return run_service(
        Service(
            name="omega-brain",
            prefix="OMEGA_BRAIN_",
            config=BrainConfig,
            listen="127.0.0.1:0",
            build=build,
            at_home=True,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
