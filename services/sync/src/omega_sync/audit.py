"""Who was let in and who was not: a JSON line a decision, without personal data.

No address, no id, no key and nothing of a message is in it. A device goes by a pseudonym that holds
within a day and one process: it joins the lines of one incident, and nothing beyond.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
from collections.abc import Callable
from datetime import timedelta
from logging.handlers import WatchedFileHandler
from pathlib import Path

from omega_core.clock import Clock
from omega_core.errors import OmegaError, invalid
from omega_sync import metering

LOGGER = "omega_sync.audit"
"""Where lines go at level INFO where no file is named."""
ADMITTED, REFUSED = "admitted", "refused"
_ROTATION = timedelta(days=1)


class Audit:
    """Writes decisions.

    Args:
        clock: stamps lines.
        write: takes a line without its end.
        wanted: whether lines are wanted at all.
        close: ends what takes them.
    """

    def __init__(
        self,
        clock: Clock,
        write: Callable[[str], None],
        wanted: Callable[[], bool],
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._write = write
        self._wanted = wanted
        self.close = close
        """Ends what takes the lines."""
        self._salt, self._salted_at = secrets.token_bytes(16), clock.now()

    def admitted(self, method: str, form: str, device_id: str = "") -> None:
        """A call was let in on the strength of a `form`: "certificate", "proof" or "csr"."""
        if self._wanted():
            self._line(method, ADMITTED, form, device_id, {})

    def refused(self, method: str, form: str, error: OmegaError, device_id: str = "") -> None:
        """A call was refused; `device_id` only where the credentials were genuine."""
        metering.refused.add(1, {"omega.reason": error.code.value})
        if self._wanted():
            reason = {"reason": error.code.value, "field": error.field}
            self._line(method, REFUSED, form, device_id, reason)

    def _line(
        self, method: str, outcome: str, form: str, device_id: str, reason: dict[str, str]
    ) -> None:
        now = self._clock.now()
        if now - self._salted_at >= _ROTATION:
            self._salt, self._salted_at = secrets.token_bytes(16), now
        line = {
            "time": now.isoformat(timespec="milliseconds"),
            "method": method.rpartition("/")[2],
            "outcome": outcome,
            "form": form,
            **{name: value for name, value in reason.items() if value},
        }
        if device_id:
            digest = hmac.digest(self._salt, device_id.encode(), hashlib.sha256)
            line["device"] = digest[:8].hex()
        self._write(json.dumps(line))


def open_audit(name: str, path: Path | None, clock: Clock) -> Audit:
    """Lines to a file, or to the logger where there is none; `name` is the file's setting.

    A file that is moved away is begun anew, and only its owner and group read it.

    Raises:
        OmegaError: INVALID_FIELD when the file cannot be written.
    """
    logger = logging.getLogger(LOGGER)
    if path is None:
        return Audit(clock, logger.info, lambda: logger.isEnabledFor(logging.INFO))
    try:
        path.touch(mode=0o640)
        handler = WatchedFileHandler(path, encoding="utf-8")
    except OSError as error:
        raise invalid(name, f"a file that can be written ({error.strerror})") from error

    def write(line: str) -> None:
        handler.emit(logging.LogRecord(LOGGER, logging.INFO, "", 0, line, None, None))

    return Audit(clock, write, lambda: True, handler.close)
