"""Gives devices to the shards that the directory places them in."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from omega.constellation.v1 import directory_pb2 as pb
from omega_constellation import adoption
from omega_constellation.directories import Directories
from omega_constellation.peers import LONGEST_SECONDS, Peers, asked
from omega_constellation.repeating import Repeating
from omega_core.clock import Clock
from omega_core.directory import Directory
from omega_core.errors import OmegaError
from omega_rpc import directories
from omega_store import Store, moves, moving
from omega_store import directories as stored
from omega_store.moves import MovingDevice

_log = logging.getLogger(__name__)

_PAGE = 2_000
_PROBE_SECONDS = 2.0
_MOST_BYTES = 3 << 20
_PAUSE_SECONDS = 10.0
_CATCH_UP_SECONDS = 10.0


class Mover:
    """A thread that looks for devices to give away, and does nothing where there are none.

    A few devices at a time are marked, sent and deleted (omega_store.moves); those that wait for
    their turn are served here as before. It may be killed at any point and goes on from there.

    Args:
        store: the shard.
        directories: what it holds.
        peers: the other shards.
        clock: stamps what is stored.
        ready: whether the database is as this release needs it.
        poll_seconds: time between two looks.
    """

    def __init__(
        self,
        store: Store,
        directories: Directories,
        peers: Peers,
        clock: Clock,
        ready: Callable[[], bool],
        poll_seconds: float = 1.0,
    ) -> None:
        self._store = store
        self._directories = directories
        self._peers = peers
        self._clock = clock
        self._ready_here = ready
        self._poll_seconds = poll_seconds
        self._complaint = ""
        self._catch_up_at = 0.0
        self._looking = Repeating("mover", self._turn, poll_seconds, at_first=poll_seconds)

    def start(self) -> None:
        """Begins to look."""
        self._looking.start()

    def close(self) -> None:
        """Ends after the devices that are being sent."""
        self._looking.stop()

    def step(self) -> bool:
        """Moves what is to be moved; False when something of it has to wait.

        Raises:
            OmegaError: STORAGE_UNAVAILABLE.
        """
        with self._store.statements("look for moves") as conn:
            directory = self._directories.held(conn)
            if not directory.version:
                return True
            left = moves.remaining(conn, directory.version)
            if left == 0 and not moves.marked(conn):
                return True
        with moving(self._store) as ours:
            return ours and self._move(directory)

    def _turn(self) -> float:
        try:
            if self._ready_here():
                self._catch_up()
                if not self.step():
                    return max(self._poll_seconds, min(_PAUSE_SECONDS, 10 * self._poll_seconds))
                self._complaint = ""
        except OmegaError as error:
            self._complain(str(error))
        return self._poll_seconds

    def _catch_up(self) -> None:
        """Now and then takes a newer directory from home: this shard may have been away."""
        now = time.monotonic()
        if now < self._catch_up_at:
            return
        self._catch_up_at = now + _CATCH_UP_SECONDS
        with self._store.statements("read directory") as conn:
            held = self._directories.held(conn)
        home = held.find(held.home)
        if home is None or home.shard == self._directories.shard:
            return
        try:
            answer = asked(
                self._peers.shard(home.target).GetDirectory,
                pb.GetDirectoryRequest(),
                _PROBE_SECONDS,
            )
            newer = directories.from_proto(answer.directory)
        except OmegaError as error:
            _log.debug("the home shard gives no directory: %s", error)
            return
        if newer.version > held.version and newer.find(self._directories.shard):
            with self._store.transaction("publish directory") as conn:
                self._directories.publish(conn, newer, self._clock.now())

    def _move(self, directory: Directory) -> bool:
        others = (e.shard for e in directory.shards if e.shard != self._directories.shard)
        ready = {shard for shard in others if self._ready(directory, shard)}
        waiting = self._settle(directory, ready)
        with self._store.statements("look for moves") as conn:
            left = moves.remaining(conn, directory.version)
        if left is None:
            left = self._count(directory) + waiting
            _log.info("directory %d: %d devices belong to other shards", directory.version, left)
        for page in self._pages(directory):
            for shard, ids in page.items():
                for at in range(0, len(ids), adoption.MOST_DEVICES):
                    together = ids[at : at + adoption.MOST_DEVICES]
                    if not self._give(directory, shard, together, ready):
                        waiting += len(together)
                    left = max(0, left - len(together))
                    self._note(directory, left + waiting)
        with self._store.transaction("count moves") as conn:
            if self._looking.stopping or stored.version(conn) != directory.version:
                return True
            moves.count(conn, directory.version, waiting)
            moves.forget(conn, self._clock.now())
        return not waiting

    def _give(
        self, directory: Directory, shard: str, device_ids: Sequence[str], ready: set[str]
    ) -> bool:
        """Marks and sends devices; False when they stay for now."""
        if shard not in ready or self._looking.stopping:
            return False
        with self._store.transaction("mark moves") as conn:
            moves.mark(conn, device_ids, shard)
        if not self._send(directory, shard, device_ids):
            ready.discard(shard)
            return False
        return True

    def _settle(self, directory: Directory, ready: set[str]) -> int:
        """Ends what was begun, for only the shard that was asked knows what became of it.

        Returns:
            Devices that are still marked.
        """
        by_shard: dict[str, list[str]] = {}
        with self._store.statements("read marked") as conn:
            for device_id, shard in moves.marked(conn):
                by_shard.setdefault(shard, []).append(device_id)
        waiting = 0
        for shard, ids in by_shard.items():
            if directory.find(shard) is None:
                # Whoever took it out of the directory has given up what it held.
                with self._store.transaction("unmark moves") as conn:
                    moves.unmark(conn, ids, shard)
                continue
            for at in range(0, len(ids), adoption.MOST_DEVICES):
                together = ids[at : at + adoption.MOST_DEVICES]
                if shard not in ready or not self._send(directory, shard, together):
                    ready.discard(shard)
                    waiting += len(together)
        return waiting

    def _count(self, directory: Directory) -> int:
        left = sum(len(ids) for page in self._pages(directory) for ids in page.values())
        self._note(directory, left)
        return left

    def _pages(self, directory: Directory) -> Iterator[dict[str, list[str]]]:
        """Devices that belong elsewhere, by shard, as long as the directory holds."""
        last = ""
        while not self._looking.stopping:
            with self._store.statements("page moves") as conn:
                if stored.version(conn) != directory.version:
                    return
                found = moves.after(conn, last, _PAGE)
            if not found:
                return
            last = found[-1]
            page: dict[str, list[str]] = {}
            for device_id in found:
                shard = self._directories.elsewhere(directory, device_id)
                if shard is not None:
                    page.setdefault(shard, []).append(device_id)
            yield page

    def _ready(self, directory: Directory, shard: str) -> bool:
        """Whether a shard answers and holds this directory; else nothing is marked for it."""
        entry = directory.find(shard)
        if entry is None:
            return False
        try:
            answer = asked(
                self._peers.shard(entry.target).GetDirectory,
                pb.GetDirectoryRequest(),
                _PROBE_SECONDS,
            )
        except OmegaError as error:
            self._complain(f"shard {shard} does not answer: {error}")
            return False
        return answer.directory.version >= directory.version

    def _send(self, directory: Directory, shard: str, device_ids: Sequence[str]) -> bool:
        """Sends devices that are marked; False when the shard is to be left alone for a while."""
        entry = directory.find(shard)
        if entry is None:
            return False
        now = self._clock.now()
        with self._store.transaction("read moving") as conn:
            devices = moves.read(conn, device_ids, now)
        refused: set[str] = set()
        try:
            for request in _requests(devices):
                request.from_shard = self._directories.shard
                request.directory_version = directory.version
                stub = self._peers.shard(entry.target)
                refused.update(asked(stub.AdoptDevices, request, LONGEST_SECONDS).refused)
        except OmegaError as error:
            self._complain(f"shard {shard} took no devices: {error}")
            return False
        with self._store.transaction("finish moves") as conn:
            moves.finish(conn, [d for d in devices if d.device_id not in refused], shard, now)
            moves.unmark(conn, refused, shard)
        if refused:
            self._complain(f"shard {shard} refused {len(refused)} devices")
        return not refused

    def _note(self, directory: Directory, left: int) -> None:
        with self._store.transaction("count moves") as conn:
            moves.count(conn, directory.version, left)

    def _complain(self, complaint: str) -> None:
        """Says why, once."""
        if complaint != self._complaint:
            _log.warning("moving devices: %s", complaint)
            self._complaint = complaint


def _requests(devices: Sequence[MovingDevice]) -> Iterator[pb.AdoptDevicesRequest]:
    """Devices in messages that fit; a device with very many pushes or tokens goes in several."""
    request = pb.AdoptDevicesRequest()
    room = _MOST_BYTES
    for device in devices:
        message = request.devices.add()
        message.CopyFrom(adoption.device_message(device))
        room -= message.ByteSize()
        pieces: list[pb.MovedPush | pb.MovedTokens] = [
            *map(adoption.push_message, device.pushes),
            *map(adoption.tokens_message, device.tokens),
        ]
        for piece in pieces:
            room -= piece.ByteSize() + 8
            if room < 0:
                yield request
                request = pb.AdoptDevicesRequest()
                room = _MOST_BYTES
                message = request.devices.add()
                message.CopyFrom(adoption.device_message(device))
            if isinstance(piece, pb.MovedPush):
                message.pushes.append(piece)
            else:
                message.tokens.append(piece)
    if request.devices:
        yield request
