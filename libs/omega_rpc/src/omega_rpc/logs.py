"""One line an event on standard error; the level comes from OMEGA_LOG_LEVEL."""

from __future__ import annotations

import logging
import os

from omega_core.errors import invalid

VARIABLE = "OMEGA_LOG_LEVEL"
"""DEBUG, INFO, WARNING (the default) or ERROR."""


def configure_logging() -> None:
    """Sets up the root logger.

    Raises:
        OmegaError: INVALID_FIELD when the variable names no level.
    """
    level = os.environ.get(VARIABLE, "WARNING").upper()
    if level not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
        raise invalid(VARIABLE, "DEBUG, INFO, WARNING or ERROR")
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
