"""Python clients of the Omega TV services."""

from omega_client.admin import AdminClient
from omega_client.brain import BrainClient
from omega_client.constellation import ConstellationClient
from omega_client.errors import ServiceError
from omega_client.federation import FederationClient
from omega_client.sync import Credential, SyncCalls, SyncClient
from omega_client.watch import Watch
from omega_rpc.tls import ClientTls

__all__ = [
    "AdminClient",
    "BrainClient",
    "ClientTls",
    "ConstellationClient",
    "Credential",
    "FederationClient",
    "ServiceError",
    "SyncCalls",
    "SyncClient",
    "Watch",
]
