"""Two network namespaces and a bad line between them: a server's and that of its TVs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

SERVER_ADDRESS = "10.77.0.1"
"""Where the server's side of the line is."""
_TVS_ADDRESS = "10.77.0.2"


def missing() -> str:
    """The one line that installs or says what is missing; empty = nothing is."""
    if os.geteuid() != 0:
        return "network namespaces need root: sudo make chaos-sync"
    if shutil.which("ip") is None:
        return "apt-get install iproute2"
    if not Path("/dev/net/tun").exists():
        return "mkdir -p /dev/net && mknod /dev/net/tun c 10 200"
    return ""


class NetworkLab:
    """Namespaces that go with stop(); a context manager. Needs root.

    Args:
        delay_ms: time of each packet, each way.
        loss: share of packets that are lost, each way.
    """

    def __init__(self, delay_ms: float, loss: float) -> None:
        self.loss = loss
        self._stack = ExitStack()
        number = os.getpid()
        self.server, self.tvs = f"omega-server-{number}", f"omega-tvs-{number}"
        try:
            for name in (self.server, self.tvs):
                _ip("netns", "add", name)
                self._stack.callback(_ip, "netns", "del", name)
                _ip("-n", name, "link", "set", "lo", "up")
            self._line = subprocess.Popen(
                [
                    *(sys.executable, "-m", "omega_testing.tun_link"),
                    *(self.server, f"{SERVER_ADDRESS}/24", self.tvs, f"{_TVS_ADDRESS}/24"),
                    *(f"delay_ms={delay_ms}", f"loss={loss}"),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            self._stack.callback(self._end_line)
            self._await_line()
        except BaseException:
            self._stack.close()
            raise

    def inside(self, namespace: str) -> Sequence[str]:
        """What a command begins with that is to run in a namespace."""
        return ["ip", "netns", "exec", namespace]

    def cut(self) -> None:
        """No packet arrives any more."""
        self._say("loss=1")

    def mend(self) -> None:
        """As at the beginning."""
        self._say(f"loss={self.loss}")

    def clear(self) -> None:
        """A line that loses nothing, at once."""
        self._say("loss=0 delay_ms=1")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _await_line(self) -> None:
        if self._line.stdout is None or self._line.stdout.readline() != b"ready\n":
            raise RuntimeError("the line between the namespaces did not come up")

    def _say(self, words: str) -> None:
        if self._line.stdin is None:
            raise RuntimeError("the line cannot be told anything")
        self._line.stdin.write(f"{words}\n".encode())
        self._line.stdin.flush()

    def _end_line(self) -> None:
        self._line.communicate()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)  # noqa: S607 - from the path
