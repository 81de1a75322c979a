"""Which shard a device is at, by a directory and by what was found before."""

from __future__ import annotations

from collections.abc import Iterator

from omega_core.directory import Directory

_MOST_KEPT = 65_536


class Routes:
    """The order in which shards are asked for a device.

    Args:
        region: of the gateway; empty = all.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._directory = Directory()
        self._owners: dict[str, str] = {}
        self._found: dict[str, str] = {}

    @property
    def directory(self) -> Directory:
        """By which devices are placed."""
        return self._directory

    def use(self, directory: Directory) -> None:
        """Places devices by another directory from now on."""
        self._directory = directory
        self._owners.clear()

    def names(self) -> list[str]:
        """Shards of the region, by ascending name."""
        return [entry.shard for entry in self._directory.region(self._region)]

    def owner(self, device_id: str) -> str:
        """The shard that the device belongs to; empty = none takes devices."""
        owner = self._owners.get(device_id)
        if owner is None:
            owner = self._directory.owner(device_id, self._region) or ""
            _keep(self._owners, device_id, owner)
        return owner

    def order(self, device_id: str) -> Iterator[str]:
        """Where it was found last, then its owner, then where else it may be."""
        first = [self._found.get(device_id, ""), self.owner(device_id)]
        asked = []
        for name in first:
            if name and name not in asked and self._directory.find(name):
                asked.append(name)
                yield name
        for name in self._directory.candidates(device_id, self._region):
            if name not in asked:
                yield name

    def first(self, device_id: str) -> str:
        """Where it was found last, or its owner; empty = nowhere."""
        return next(self.order(device_id), "")

    def note(self, device_id: str, shard: str) -> None:
        """It was found there."""
        if shard != self.owner(device_id):
            _keep(self._found, device_id, shard)
        elif self._found:
            self._found.pop(device_id, None)


def _keep(kept: dict[str, str], device_id: str, shard: str) -> None:
    if len(kept) >= _MOST_KEPT:
        kept.clear()
    kept[device_id] = shard
