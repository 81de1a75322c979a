"""Python clients of the Omega TV services, for threads; omega_client.aio has those for asyncio."""

from omega_client.admin import AdminClient
from omega_client.brain import BrainClient
from omega_client.constellation import ConstellationClient
from omega_client.errors import ServiceError
from omega_client.federation import FederationClient
from omega_client.methods import Credential
from omega_client.randomness import RandomnessClient
from omega_client.relay import GatewayClient, RelayClient
from omega_client.sync import SyncCalls, SyncClient
from omega_client.watch import Watch
from omega_rpc.tls import ClientTls

__all__ = [
    "AdminClient",
    "BrainClient",
    "ClientTls",
    "ConstellationClient",
    "Credential",
    "FederationClient",
    "GatewayClient",
    "RandomnessClient",
    "RelayClient",
    "ServiceError",
    "SyncCalls",
    "SyncClient",
    "Watch",
]
