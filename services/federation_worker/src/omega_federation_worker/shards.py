"""Which shards a fleet has: a TOML or JSON file, as it is mounted from a secret.

home = "eu-1"

[[shards]]
name = "eu-1"
region = "eu"
database_url = "postgresql://..."
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omega_core import validate
from omega_core.errors import OmegaError, invalid
from omega_store import check_url

_MOST = 1_000
_NAME = re.compile(r"[a-z0-9-]{1,63}")


@dataclass(frozen=True)
class ShardEntry:
    """One shard."""

    name: str
    """1 to 63 characters of [a-z0-9-]."""
    region: str
    """At most 16 characters of [A-Za-z0-9-]; empty = one region for all."""
    database_url: str = field(repr=False)
    """postgresql:// URL or libpq connection string."""


@dataclass(frozen=True)
class Shards:
    """All of them."""

    home: ShardEntry
    """Whose database holds what is one for the fleet."""
    entries: tuple[ShardEntry, ...]
    """By ascending name, 1 to 1,000; the index of an Indexed Job counts them from 0."""

    @property
    def others(self) -> tuple[ShardEntry, ...]:
        """All but home."""
        return tuple(each for each in self.entries if each != self.home)

    @property
    def regions(self) -> dict[str, str]:
        """Region of each shard by name."""
        return {each.name: each.region for each in self.entries}


def read(path: Path) -> Shards:
    """The shards of a file.

    Raises:
        OmegaError: INVALID_FIELD shards_file, with what is wrong; never with a connection string.
    """
    try:
        text = path.read_text("utf-8")
        stated = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise _refused(f"a TOML or JSON file that can be read ({type(error).__name__})") from error
    try:
        return _shards(stated)
    except OmegaError as error:
        raise _refused(f"a list of shards with {error.field} {error.bound}") from error


def _shards(stated: Any) -> Shards:
    if not isinstance(stated, dict) or not isinstance(stated.get("shards"), list):
        raise invalid("shards", "given as a list")
    found = [_entry(each) for each in stated["shards"]]
    validate.count("shards", found, _MOST, 1)
    by_name = {each.name: each for each in found}
    if len(by_name) != len(found):
        raise invalid("name", "given once")
    if len({each.database_url for each in found}) != len(found):
        raise invalid("database_url", "of its own a shard: one database twice counts twice")
    if stated.get("home") not in by_name:
        raise invalid("home", "the name of one of them")
    entries = tuple(by_name[name] for name in sorted(by_name))
    return Shards(by_name[stated["home"]], entries)


def _entry(stated: Any) -> ShardEntry:
    if not isinstance(stated, dict) or not stated.keys() <= {"name", "region", "database_url"}:
        raise invalid("entries", "of name, region and database_url")
    name, url = stated.get("name"), stated.get("database_url")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise invalid("name", "of 1 to 63 characters of [a-z0-9-]")
    region = stated.get("region", "")
    if not isinstance(region, str) or not isinstance(url, str):
        raise invalid("region", "and database_url as text")
    validate.region("region", region)
    return ShardEntry(name, region, check_url("database_url", url))


def _refused(bound: str) -> OmegaError:
    return invalid("shards_file", bound)
