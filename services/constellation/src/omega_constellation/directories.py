"""The directory that a shard holds, and what it says of the devices that are here."""

from __future__ import annotations

import threading
from datetime import datetime

from omega_core.directory import Directory
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_rpc import directories as messages
from omega_store import Connection, devices, directories, moves
from omega_store.directories import StoredDirectory

ALONE = Directory()
"""Where no directory is held."""


class Directories:
    """Reads and publishes; decodes a version once. Safe to share between threads.

    Args:
        shard: name of this one.
    """

    def __init__(self, shard: str) -> None:
        self.shard = shard
        """Name of this shard."""
        self._lock = threading.Lock()
        self._known = ALONE

    def held(self, conn: Connection) -> Directory:
        """The directory that is held; ALONE where there is none.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE; INTERNAL when what is stored is none.
        """
        version = directories.version(conn)
        with self._lock:
            if self._known.version == version:
                return self._known
        stored = directories.newest(conn)
        if not stored.version:
            return ALONE
        try:
            found = messages.load(stored.body)
        except OmegaError as error:
            raise OmegaError(ErrorCode.INTERNAL, detail=f"directory {stored.version}") from error
        with self._lock:
            self._known = found
        return found

    def publish(self, conn: Connection, directory: Directory, now: datetime) -> int:
        """Holds a directory from now on; returns the version that is held.

        Raises:
            OmegaError: INVALID_FIELD when it has no version or does not name this shard;
                DIRECTORY_CONFLICT when its version does not follow, or its home is another.
        """
        if not directory.version:
            raise invalid("directory.version", "at least 1")
        if directory.find(self.shard) is None:
            raise invalid("directory.shards", f"a list that names this shard, {self.shard}")
        before = self.held(conn)
        if before.version and before.home != directory.home:
            raise OmegaError(
                ErrorCode.DIRECTORY_CONFLICT, field="directory.home", bound=before.home
            )
        stored = StoredDirectory(directory.version, messages.dump(directory))
        successive = directory.home == self.shard
        return directories.publish(conn, stored, now, successive=successive)

    def leaving(self, conn: Connection) -> int:
        """Devices that are here and belong to other shards.

        Until they are counted, which the mover does when it sees a new directory, all may.
        """
        directory = self.held(conn)
        if not any(entry.shard != self.shard for entry in directory.shards):
            return 0
        found = moves.remaining(conn, directory.version)
        return devices.number(conn) if found is None else found

    def is_home(self, directory: Directory) -> bool:
        """Whether this shard holds what is one for the fleet."""
        return not directory.version or directory.home == self.shard

    def elsewhere(self, directory: Directory, device_id: str) -> str | None:
        """The shard that a device which is here belongs to; None = it stays."""
        owner = directory.owner_beside(device_id, self.shard)
        return None if owner == self.shard else owner
