"""The shards behind the gateway: each device's calls go to the one that has it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega_core.directory import Directory
from omega_core.errors import ErrorCode, OmegaError
from omega_rpc import directories
from omega_rpc.call import Principal
from omega_sync.heads import ShutOut
from omega_sync.routes import Routes
from omega_sync.shards import Open, Shard

_log = logging.getLogger(__name__)
_Outcome = pb.PushOutcome
_NOT_HERE = frozenset({_Outcome.PUSH_OUTCOME_UNKNOWN_DEVICE, _Outcome.PUSH_OUTCOME_MOVED_DEVICE})
_MOVING_SECONDS = 1.0
_CLOSING_SECONDS = 10.0


class Pushed(NamedTuple):
    """What became of a push, and where."""

    result: pb.PushResult
    shard: Shard


class Fleet:
    """Keeps the directory, and a channel, batches and heads a shard; a part of the server.

    Where there is no directory, all devices are at the shard that the gateway calls first. What is
    known of the directory is kept while nobody answers.

    Args:
        contact: the shard to call first, whichever of the fleet it is.
        open_shard: makes others.
        shut_out: who was revoked, at whatever shard.
        region: whose shards take the devices that call here; empty = all.
        refresh_seconds: least time between two questions for the directory.
    """

    def __init__(
        self,
        contact: Shard,
        open_shard: Open,
        shut_out: ShutOut,
        region: str = "",
        refresh_seconds: float = 1.0,
    ) -> None:
        self._contact = contact
        self._open = open_shard
        self._shut_out = shut_out
        self._routes = Routes(region)
        self._refresh_seconds = refresh_seconds
        self._shards: dict[str, Shard] = {}
        self._listeners: list[Callable[[], None]] = []
        self._refreshing: asyncio.Task[None] | None = None
        self._refreshed_at = -refresh_seconds
        self._closing: set[asyncio.Task[None]] = set()
        self._watch(contact)

    @property
    def alone(self) -> bool:
        """Whether there is one shard only, as far as is known."""
        return not self._shards

    @property
    def directory(self) -> Directory:
        """The directory that is followed; version 0 = none."""
        return self._routes.directory

    def on_change(self, listener: Callable[[], None]) -> None:
        """Calls `listener` on the loop when some shard has a newer state or a new revocation."""
        self._listeners.append(listener)

    def check(self, principal: Principal) -> None:
        """Refuses a device that was shut out.

        Raises:
            OmegaError: REVOKED.
        """
        self._shut_out.check(principal)

    def of(self, device_id: str) -> Shard:
        """The shard that a device is likely at.

        Raises:
            OmegaError: UPSTREAM_UNAVAILABLE when the directory has none for it.
        """
        if not self._shards:
            return self._contact
        return self._named(self._routes.first(device_id))

    def owner(self, device_id: str) -> Shard:
        """The shard that a device belongs to.

        Raises:
            OmegaError: UPSTREAM_UNAVAILABLE when none takes it.
        """
        return self._named(self._routes.owner(device_id)) if self._shards else self._contact

    @property
    def home(self) -> Shard:
        """The shard that holds what is one for the fleet."""
        return self._shards.get(self.directory.home, self._contact)

    def region(self) -> list[Shard]:
        """The shards of the gateway's region."""
        return [self._shards[name] for name in self._routes.names()]

    def places(self, device_id: str) -> Iterator[Shard]:
        """Where a device may be, the likeliest first."""
        if not self._shards:
            yield self._contact
            return
        for name in self._routes.order(device_id):
            if (shard := self._shards.get(name)) is not None:
                yield shard

    def newest_state(self) -> int:
        """The newest collective state that any shard holds; 0 = none."""
        shards = self._shards.values() or [self._contact]
        return max(s.heads.newest.state_version if s.heads.newest else 0 for s in shards)

    async def ready(self) -> None:
        """Waits until it is known whether there is a directory, as at the start.

        Raises:
            OmegaError: what the shard that is called first raises; UPSTREAM_UNAVAILABLE when it
                has a directory and does not give it.
        """
        if self._shards:
            return
        newest = self._contact.heads.newest or await self._contact.heads.current()
        if newest.directory_version and not self._shards:
            if self._refreshing is None or self._refreshing.done():
                self._refreshing = asyncio.create_task(self._ask_for_directory(self._contact))
            await asyncio.shield(self._refreshing)
            if not self._shards:
                raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="no directory of shards")

    async def push(self, push: pb.DevicePush, seconds: float) -> Pushed:
        """What became of a push, once it is durable; UNKNOWN_DEVICE when no shard knows the device.

        Raises:
            OmegaError: DEVICE_MOVING when it is on its way between two shards; what the shard that
                has it raises.
        """
        if not self._shards:
            await self.ready()
        until = time.monotonic() + seconds
        found = await self._search(push, until)
        if found.result.outcome in _NOT_HERE and (
            await self.refresh() or found.result.outcome == _Outcome.PUSH_OUTCOME_MOVED_DEVICE
        ):
            # By another directory, or one that went on while it was looked for.
            found = await self._search(push, until)
        if found.result.outcome == _Outcome.PUSH_OUTCOME_MOVED_DEVICE:
            raise OmegaError(
                ErrorCode.DEVICE_MOVING, detail=push.device_id, retry_after=_MOVING_SECONDS
            )
        return found

    async def _search(self, push: pb.DevicePush, until: float) -> Pushed:
        """The answer of the first shard that has the device; else whether it has moved."""
        found: Pushed | None = None
        for shard in self.places(push.device_id):
            result = await shard.batches.push(push, until - time.monotonic())
            if result.outcome not in _NOT_HERE:
                self._routes.note(push.device_id, shard.name)
                return Pushed(result, shard)
            if found is None or result.outcome == _Outcome.PUSH_OUTCOME_MOVED_DEVICE:
                found = Pushed(result, shard)
        if found is None:
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE, detail="no shard for the device")
        return found

    async def refresh(self) -> bool:
        """Asks for the directory, once for all who want it; whether another one is followed now.

        Right after the last time, nothing is asked.
        """
        before = self.directory.version
        if not before:
            return False
        if self._refreshing is None or self._refreshing.done():
            now = time.monotonic()
            if now - self._refreshed_at < self._refresh_seconds:
                return False
            self._refreshed_at = now
            self._refreshing = asyncio.create_task(self._ask_for_directory(self._contact))
        await asyncio.shield(self._refreshing)
        return self.directory.version != before

    async def serving(self) -> bool:
        """Whether any shard says that it serves."""
        shards = [self._contact, *(s for s in self._shards.values() if s is not self._contact)]
        asked = [asyncio.create_task(shard.constellation.serving()) for shard in shards]
        try:
            for each in asyncio.as_completed(asked):
                if await each:
                    return True
        finally:
            for task in asked:
                task.cancel()
        return False

    async def start(self) -> Mapping[str, str]:
        """Opens the first shard; others follow with the directory."""
        await self._contact.start()
        return {}

    async def drain(self) -> None:
        """Goes on: running calls still need it."""

    async def stop(self, grace: float) -> None:
        """Ends them all."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        shards = {self._contact, *self._shards.values()}
        await asyncio.gather(*(shard.stop(grace) for shard in shards), *self._closing)

    def _named(self, name: str) -> Shard:
        shard = self._shards.get(name)
        if shard is None:
            raise OmegaError(
                ErrorCode.UPSTREAM_UNAVAILABLE,
                detail=f"directory {self.directory.version} has no shard for the device",
            )
        return shard

    def _watch(self, shard: Shard) -> None:
        shard.heads.on_change(self._changed)
        shard.heads.on_answer(lambda answer: self._heard(shard, answer))

    def _changed(self) -> None:
        for listener in self._listeners:
            listener()

    def _heard(self, shard: Shard, answer: pb.GetHeadsResponse) -> None:
        """Any shard may be the first to tell of another directory."""
        if answer.directory_version > self.directory.version and (
            self._refreshing is None or self._refreshing.done()
        ):
            self._refreshing = asyncio.create_task(self._ask_for_directory(shard))

    async def _ask_for_directory(self, shard: Shard) -> None:
        try:
            found = directories.from_proto(await shard.constellation.directory())
            if found.version > self.directory.version:
                await self._follow(found)
        except OmegaError as error:
            _log.warning("the directory of shards is not known: %s", error)

    async def _follow(self, directory: Directory) -> None:
        """Opens what is new, goes over to it, and closes what is no more."""
        shards: dict[str, Shard] = {}
        for entry in directory.shards:
            known = self._shards.get(entry.shard)
            if known is None or known.target != entry.target:
                known = self._open(entry.shard, entry.target, self._shut_out)
                self._watch(known)
                await known.start()
            shards[entry.shard] = known
        gone = [shard for name, shard in self._shards.items() if shards.get(name) is not shard]
        self._shards = shards
        self._routes.use(directory)
        _log.info("directory %d: %d shards", directory.version, len(shards))
        for shard in gone:
            task = asyncio.create_task(shard.stop(_CLOSING_SECONDS))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
