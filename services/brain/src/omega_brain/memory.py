"""Memory that was used and freed, back to the system."""

from __future__ import annotations

import ctypes
import logging

_log = logging.getLogger(__name__)


def release_freed() -> None:
    """Asks the C library for the pages it keeps after large work; does nothing where it cannot.

    glibc keeps what was freed for later use; on a TV that memory is another program's.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        _log.debug("this C library has no malloc_trim")
        return
    trim(0)
