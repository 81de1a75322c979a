"""Pages of a listing: their length, and the opaque token that the next one begins with."""

from __future__ import annotations

import base64
import re

from omega_core import validate
from omega_core.errors import OmegaError, invalid

MOST = 1_000
"""Longest page."""
USUAL = 100
"""Length of a page where none is stated."""
MOST_TOKEN = 256
"""Longest token, in characters."""
_NUMBER = re.compile("[0-9]{1,10}")


def size(value: int) -> int:
    """A page's length.

    Raises:
        OmegaError: INVALID_FIELD page_size.
    """
    return validate.integer("page_size", value, 0, MOST) or USUAL


def token(key: str) -> str:
    """The token of a page that begins behind `key`."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def device(value: str) -> str:
    """The device id in a token; empty = from the beginning.

    Raises:
        OmegaError: INVALID_FIELD page_token.
    """
    found = _key(value)
    try:
        return found and validate.device_id("page_token", found)
    except OmegaError:
        raise _refused() from None


def number(value: str) -> int:
    """The whole number in a token, 0 to 2**31 - 1; -1 = from the beginning.

    Raises:
        OmegaError: INVALID_FIELD page_token.
    """
    found = _key(value)
    if not found:
        return -1
    if not _NUMBER.fullmatch(found) or int(found) >= 1 << 31:
        raise _refused()
    return int(found)


def _key(value: str) -> str:
    if len(value) > MOST_TOKEN:
        raise _refused()
    try:
        return base64.b64decode(value, altchars=b"-_", validate=True).decode()
    except ValueError:  # binascii.Error and UnicodeDecodeError are some
        raise _refused() from None


def _refused() -> OmegaError:
    return invalid("page_token", "the next_page_token of the answer before")
