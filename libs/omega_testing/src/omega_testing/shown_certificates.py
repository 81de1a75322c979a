"""A constellation that notes which certificate each caller shows."""

from __future__ import annotations

import threading

import grpc

from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import constellation_service_pb2_grpc as pb_grpc
from omega.constellation.v1 import directory_pb2
from omega_rpc import peers
from omega_rpc.config import ServerConfig
from omega_rpc.server import Binding, Server
from omega_testing.certificates import Certificates


class Noting(pb_grpc.ConstellationServiceServicer):
    """Answers with nothing."""

    def __init__(self) -> None:
        self.shown: list[bytes] = []
        """Certificate of each caller, DER."""
        self.held = threading.Event()
        """Set when a call of GetGlobalState is there."""
        self.go_on = threading.Event()
        """Lets it end."""

    def GetHeads(  # noqa: N802 - name of the contract
        self, _request: pb.GetHeadsRequest, context: grpc.ServicerContext
    ) -> pb.GetHeadsResponse:
        """At once."""
        self.shown.append(peers.certificate(context.auth_context()))
        return pb.GetHeadsResponse()

    def GetDirectory(  # noqa: N802 - name of the contract
        self, _request: directory_pb2.GetDirectoryRequest, context: grpc.ServicerContext
    ) -> directory_pb2.GetDirectoryResponse:
        """At once."""
        self.shown.append(peers.certificate(context.auth_context()))
        return directory_pb2.GetDirectoryResponse()

    def GetGlobalState(  # noqa: N802 - name of the contract
        self, _request: pb.GetGlobalStateRequest, _context: grpc.ServicerContext
    ) -> pb.GetGlobalStateResponse:
        """When told to."""
        self.held.set()
        self.go_on.wait(20)
        return pb.GetGlobalStateResponse(state_version=7)


def noting() -> Noting:
    """One that answers every other method with UNIMPLEMENTED."""
    return Noting()  # type: ignore[abstract]  # the generated class answers them


def noting_server(servicer: Noting, files: Certificates) -> Server:
    """A server that asks for certificates; not started."""
    config = ServerConfig(
        "127.0.0.1:0",
        tls_certificate=files.server_certificate,
        tls_key=files.server_key,
        tls_client_ca=files.ca,
        grace_seconds=0,
    )
    add = pb_grpc.add_ConstellationServiceServicer_to_server
    return Server(config, [Binding("omega.constellation.v1.ConstellationService", add, servicer)])
