"""The same clients for asyncio: calls are awaited, streams iterated with `async for`.

Make a client on the loop that uses it.
"""

from __future__ import annotations

from omega.common.v1 import resource_pb2
from omega_client.admin import AdminMethods
from omega_client.aio.base import ServiceClient
from omega_client.aio.watch import Watch
from omega_client.brain import BrainMethods
from omega_client.constellation import ConstellationMethods
from omega_client.federation import FederationMethods
from omega_client.methods import Credential
from omega_client.randomness import RandomnessMethods
from omega_client.relay import GatewayMethods, RelayMethods
from omega_client.resources import Body
from omega_client.sync import SyncMethods

__all__ = [
    "AdminClient",
    "BrainClient",
    "ConstellationClient",
    "FederationClient",
    "GatewayClient",
    "RandomnessClient",
    "RelayClient",
    "ServiceClient",
    "SyncClient",
    "Watch",
]


class AdminClient(AdminMethods, ServiceClient):
    """What operators do to a shard, from an event loop."""


class BrainClient(BrainMethods, ServiceClient):
    """The brain on a TV, from an event loop."""


class ConstellationClient(ConstellationMethods, ServiceClient):
    """The owner of a shard, from an event loop."""


class FederationClient(FederationMethods, ServiceClient):
    """A federation worker, from an event loop."""


class GatewayClient(GatewayMethods, ServiceClient):
    """The gateway behind a relay, from an event loop."""


class RandomnessClient(RandomnessMethods, ServiceClient):
    """A randomness server, from an event loop."""


class RelayClient(RelayMethods, ServiceClient):
    """A relay, from an event loop."""


class SyncClient(SyncMethods, ServiceClient):
    """The fleet's door for TVs, from an event loop."""

    async def download(
        self,
        info: resource_pb2.ResourceInfo,
        *,
        credential: Credential | None = None,
        into: bytearray | None = None,
    ) -> bytes:
        """As omega_client.SyncClient.download."""
        body = Body(info, into)
        if not body.complete:
            wanted = (info.kind, info.version, body.offset)
            async with self.get_resource(*wanted, credential=credential) as chunks:
                async for chunk in chunks:
                    body.add(chunk)
        return body.whole()
