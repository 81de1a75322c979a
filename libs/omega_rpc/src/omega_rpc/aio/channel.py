"""Client channels on an event loop."""

from __future__ import annotations

import grpc

from omega_rpc.channel import options


def connect(
    target: str, credentials: grpc.ChannelCredentials | None, *, retries: bool = True
) -> grpc.aio.Channel:
    """Opens a channel to HOST:PORT or unix:/path; call it on the loop that uses it.

    Args:
        target: the address.
        credentials: of omega_rpc.tls.client_credentials; None = no TLS.
        retries: as omega_rpc.channel.connect.
    """
    given = options(target, retries=retries)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=given)
    return grpc.aio.secure_channel(target, credentials, options=given)
