"""A container that runs a service as a cluster would."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from pathlib import Path

from images.engine import Engine, EngineError

from omega_core.closing import Closing
from omega_testing.probe import eventually


class Container(Closing):
    """A service that runs from its image as it would in a cluster; a context manager.

    It has no capability, cannot gain any, and its root file system is read-only; /tmp is memory.

    Args:
        engine: runs it.
        image: what it runs.
        environ: its OMEGA_ variables.
        volumes: paths here -> paths inside.
        arguments: of its console script.

    Raises:
        EngineError: it was not started; nothing of it is left.
    """

    def __init__(
        self,
        engine: Engine,
        image: str,
        environ: Mapping[str, str],
        volumes: Mapping[Path, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self._engine, self._image = engine, image
        mounts = [w for k, v in (volumes or {}).items() for w in ("--volume", f"{k}:{v}")]
        # `run` would leave behind what it made and could not start.
        self.name = engine.run(
            *("create", "--read-only", "--cap-drop", "all", "--network", "host"),
            *("--security-opt", "no-new-privileges", "--tmpfs", "/tmp:rw,mode=1777,size=64m"),  # noqa: S108 - inside the container
            *(w for k, v in environ.items() for w in ("--env", f"{k}={v}")),
            *mounts,
            image,
            *arguments,
        ).strip()
        try:
            engine.run("start", self.name)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Removes it."""
        self._engine.tidy("rm", "--force", "--volumes", self.name)

    def inside(self, *command: str) -> str:
        """Runs a command in it, which has a minute; returns its output.

        Raises:
            EngineError: it failed.
        """
        return self._engine.run("exec", self.name, *command, seconds=60)

    def running(self) -> bool:
        """Whether its process has not ended."""
        return self._state("Running") == "true"

    def status(self) -> dict[str, str]:
        """`/proc/PID/status` of its first process."""
        lines = Path(f"/proc/{self._state('Pid')}/status").read_text("utf-8").splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def log(self) -> str:
        """The end of what it said."""
        return self._engine.logs(self.name)

    def wait(self, seconds: float = 60.0) -> int:
        """Waits for its end; returns the exit code."""
        return int(self._engine.run("wait", self.name, seconds=seconds).strip())

    def terminate(self) -> None:
        """Sends SIGTERM and returns at once."""
        self._engine.run("kill", "--signal", "TERM", self.name)

    def until_healthy(self, script: str, seconds: float = 60.0) -> None:
        """Waits until its own probe says that it serves.

        Raises:
            EngineError: it ended, or time is over; the text ends with the last lines of its log.
        """

        def fault() -> str:
            try:
                self.inside(script, "--health")
            except EngineError as error:
                if not self.running():
                    code = self._state("ExitCode")
                    raise EngineError(f"{self._image} ended with {code}:\n{self.log()}") from error
                return str(error)
            return ""

        try:
            eventually(fault, operator.not_, what=f"the health of {self._image}", seconds=seconds)
        except TimeoutError as error:
            raise EngineError(f"{error}\n{self.log()}") from error

    def _state(self, field: str) -> str:
        return self._engine.run("inspect", "--format", f"{{{{.State.{field}}}}}", self.name).strip()
