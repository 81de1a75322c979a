"""Bounds of what requests carry, as the contracts state them in words.

The constellation holds every request to them again; they stand here so that the OpenAPI document
says them to machines, and a wrong request costs no call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

LARGEST = 2**53 - 1
"""Numbers of JSON are exact up to here (RFC 8259, section 6)."""
SHARD = r"^[a-z0-9-]{1,63}$"
DEVICE = r"^tv-[0-9a-f]{32}$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
KEY = r"^[!-~]{1,128}$"
REGION = r"^[A-Za-z0-9-]{0,16}$"


@dataclass(frozen=True)
class Bound:
    """What a field of a request may hold."""

    least: int | None = None
    """Of a number."""
    most: int | None = None
    """Of a number."""
    pattern: str = ""
    """Of a text; empty = any."""
    text: str = ""
    """The same for a person, as an error says it."""
    needed: bool = False
    """Whether a request without it is refused."""


def _number(least: int, most: int, *, needed: bool = False) -> Bound:
    return Bound(least, most, text=f"between {least:,} and {most:,}", needed=needed)


BOUNDS: Mapping[str, Bound] = MappingProxyType(
    {
        "page_size": _number(0, 1_000),
        "page_token": Bound(pattern=r"^[A-Za-z0-9._:=-]{0,256}$", text="that of an answer before"),
        "minutes": _number(0, 1_440),
        "shard": Bound(pattern=r"^[a-z0-9-]{0,63}$", text="at most 63 characters of [a-z0-9-]"),
        "device_id": Bound(pattern=DEVICE, text="'tv-' and 32 hexadecimal digits"),
        "region": Bound(pattern=REGION, text="at most 16 characters of [A-Za-z0-9-]"),
        "title_prefix": Bound(
            pattern=r"^[^\x00-\x1f\x7f-\x9f]{0,64}$",
            text="at most 64 characters, free of control characters",
        ),
        "before_round_id": _number(0, LARGEST),
        "before_entry_id": _number(0, LARGEST),
        "before_release_id": _number(0, LARGEST),
        "round_id": _number(1, LARGEST - 1),
        "release_id": _number(1, LARGEST),
        "count": _number(1, 1_000, needed=True),
        "valid_for_seconds": _number(60, 366 * 86_400, needed=True),
        "complete": Bound(needed=True),
        "refresh": Bound(),
        "request_id": Bound(pattern=UUID, text="a UUID of 36 characters"),
        "import_id": Bound(pattern=UUID, text="a UUID of 36 characters"),
        "Idempotency-Key": Bound(pattern=KEY, text="1 to 128 visible characters of ASCII"),
    }
)
"""By the name of the field."""
