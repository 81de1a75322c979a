"""One virtual time for several processes of a machine, for simulations. Never for production.

A small file holds where virtual time stands and how fast it runs; who makes the file moves it, and
every process that was given its path in OMEGA_CLOCK_FILE reads it (docs/adr/0052).
"""

from __future__ import annotations

import logging
import mmap
import os
import struct
import time
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from omega_core import validate
from omega_core.clock import Clock, SystemClock
from omega_core.closing import Closing
from omega_core.errors import invalid

VARIABLE = "OMEGA_CLOCK_FILE"
"""Environment variable that holds the path of the file; not set = the machine's time."""

_log = logging.getLogger(__name__)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_RECORD = struct.Struct("<qqd")  # virtual microseconds, monotonic nanoseconds, speed
_SUM = struct.Struct("<I")
_SIZE = _RECORD.size + _SUM.size
_TRIES = 100_000
_FASTEST = 1_000_000.0


class SharedClock:
    """Reads the time of a file; a Clock. Safe to share between threads.

    Virtual time = base + (monotonic now - origin) x speed. A record is taken only when its sum
    holds, so that one that is just being written is read again, on any machine.

    Args:
        path: a file that MovedClock made.

    Raises:
        OmegaError: INVALID_FIELD clock_file when it cannot be read or is none of these files.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise invalid("clock_file", f"a file that a simulation made ({error})") from error
        self._microseconds()

    def now(self) -> datetime:
        """The present virtual instant, aware, in UTC."""
        return _EPOCH + self._microseconds() * _MICROSECOND

    def seconds(self) -> float:
        """Virtual seconds that never go back, in the place of time.monotonic."""
        return self._microseconds() / 1e6

    def _microseconds(self) -> int:
        for _ in range(_TRIES):
            held = self._map[:_SIZE]
            record, total = held[: _RECORD.size], held[_RECORD.size :]
            if _SUM.unpack(total)[0] == zlib.crc32(record):
                base, origin, speed = _RECORD.unpack(record)
                return int(base + (time.monotonic_ns() - origin) * speed / 1_000)
        raise invalid("clock_file", "a whole record: whoever wrote it died on the way")


class MovedClock(SharedClock, Closing):
    """The same clock for whoever moves it. Not for several threads at once.

    Args:
        path: where the file lies; made, or replaced.
        start: the first instant. Time stands still until it is moved.
    """

    def __init__(self, path: Path, start: datetime) -> None:
        path.write_bytes(_packed(_since_epoch(start), 0.0))
        super().__init__(path)
        with path.open("r+b") as file:
            self._written = mmap.mmap(file.fileno(), _SIZE)

    def move_to(self, instant: datetime) -> None:
        """Sets the time, which goes on at the speed it had.

        Raises:
            OmegaError: INVALID_FIELD instant when it lies before now: time does not go back.
        """
        wanted = _since_epoch(instant)
        if wanted < self._microseconds():
            raise invalid("instant", "not before the present one")
        self._write(wanted, self._speed())

    def advance(self, by: timedelta) -> None:
        """Moves it forward.

        Raises:
            OmegaError: INVALID_FIELD instant for a negative span.
        """
        self.move_to(self.now() + by)

    def run(self, speed: float) -> None:
        """Lets virtual time pass by itself, so many seconds a second, 0 to 1,000,000."""
        validate.number("speed", speed, 0, _FASTEST)
        self._write(self._microseconds(), speed)

    def close(self) -> None:
        """Ends the writing; the file stays for its readers."""
        self._written.close()

    def _speed(self) -> float:
        return float(_RECORD.unpack(self._map[: _RECORD.size])[2])

    def _write(self, microseconds: int, speed: float) -> None:
        self._written[:_SIZE] = _packed(microseconds, speed)


def _packed(microseconds: int, speed: float) -> bytes:
    record = _RECORD.pack(microseconds, time.monotonic_ns(), speed)
    return record + _SUM.pack(zlib.crc32(record))


def _since_epoch(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def service_clock(environ: Mapping[str, str] = os.environ) -> Clock:
    """The clock that a service goes by: the machine's, or that of a simulation.

    Raises:
        OmegaError: INVALID_FIELD clock_file.
    """
    given = environ.get(VARIABLE)
    if not given:
        return SystemClock()
    clock = SharedClock(Path(given))
    _log.warning(
        "SIMULATED TIME: %s moves this service's clock, which stands at %s. Credentials, limits and"
        " stamps follow it. Never in production.",
        given,
        clock.now(),
    )
    return clock


def seconds_of(clock: Clock) -> Callable[[], float]:
    """Seconds that never go back, by the same time as a clock's: of rate limits and the like."""
    return clock.seconds if isinstance(clock, SharedClock) else time.monotonic
