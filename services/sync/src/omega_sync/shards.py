"""One shard as the gateway sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from omega_sync.batches import Batches
from omega_sync.bodies import Source
from omega_sync.heads import Heads, ShutOut
from omega_sync.upstream import Constellation


class Shard:
    """A constellation, what waits for it, and the newest versions that it holds.

    Args:
        name: in the directory; empty = where the gateway calls first.
        target: of its constellation.
        constellation: calls it.
        batches: makes pushes durable there.
        heads: the newest versions there.
    """

    def __init__(
        self,
        name: str,
        target: str,
        constellation: Constellation,
        batches: Batches,
        heads: Heads,
    ) -> None:
        self.name = name
        self.target = target
        self.constellation = constellation
        self.batches = batches
        self.heads = heads

    @property
    def source(self) -> Source:
        """Where bodies come from."""
        return Source(self.constellation.body, self.heads.current)

    async def start(self) -> None:
        """Opens it."""
        await self.constellation.start()
        await self.heads.start()
        await self.batches.start()

    async def stop(self, grace: float) -> None:
        """Ends it after what is under way."""
        await self.batches.stop(grace)
        with suppress(asyncio.CancelledError):
            await self.heads.stop(grace)
        await self.constellation.stop(grace)


Open = Callable[[str, str, ShutOut], Shard]
"""Makes the shard of a name and a target, which is not started yet."""
