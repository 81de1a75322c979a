"""Client channels: one a target and process, kept open; each call on them is spanned and timed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import grpc

from omega_core import limits
from omega_rpc.tls import ClientTls, client_credentials
from omega_rpc.tracing import INFRASTRUCTURE, Called

_RETRY_POLICY = {
    "maxAttempts": 3,
    "initialBackoff": "0.2s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}

# grpc's own pauses between dials are 1 second at first and 2 minutes at most: a server would be
# back long before. On this machine a dial costs nothing, and the longest pause is shorter than what
# the retries of a call wait: a server that has come back is found by the call that looks for it.
_LONGEST_REDIAL_MS = 5_000
_LOCAL_REDIAL_MS = (100, 300)
_LOCAL = ("unix:", "127.0.0.1:", "localhost:", "[::1]:")
_PING_MS, _PONG_MS = 20_000, 10_000


def connect(
    target: str,
    tls: ClientTls | grpc.ChannelCredentials | None = None,
    *,
    retries: bool = True,
    single: Sequence[str] = (),
    pings: bool = False,
) -> grpc.Channel:
    """Opens a channel to HOST:PORT or unix:/path. Nothing is dialled before the first call.

    Args:
        target: the address.
        tls: how to trust the server, or credentials that were made of it; None = no TLS.
        retries: send a call again, twice at most, that the server did not take (UNAVAILABLE).
            Nearly every method of the contracts is idempotent: by request id, event id or nature.
        single: methods, as "package.Service/Method", that are never sent again.
        pings: while a call is under way ask each 20 seconds whether the other end is still there,
            and fail it 10 seconds later; for lines that go silent, and servers of this project.
    """
    given = options(target, retries=retries, single=single, pings=pings)
    credentials = credentials_of(tls)
    if credentials is None:
        bare = grpc.insecure_channel(target, options=given)
    else:
        bare = grpc.secure_channel(target, credentials, options=given)
    return grpc.intercept_channel(bare, _TRACED)


def credentials_of(
    tls: ClientTls | grpc.ChannelCredentials | None,
) -> grpc.ChannelCredentials | None:
    """Credentials in gRPC's form; None = no TLS."""
    return client_credentials(tls) if isinstance(tls, ClientTls) else tls


def options(
    target: str, *, retries: bool = True, single: Sequence[str] = (), pings: bool = False
) -> list[tuple[str, str | int]]:
    """Arguments of a channel to `target`, in gRPC's form; the rest as in connect."""
    found: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", limits.MAX_MESSAGE),
        ("grpc.enable_retries", int(retries)),
    ]
    if target.startswith(_LOCAL):
        first, longest = _LOCAL_REDIAL_MS
        found.append(("grpc.initial_reconnect_backoff_ms", first))
        found.append(("grpc.max_reconnect_backoff_ms", longest))
    else:
        found.append(("grpc.max_reconnect_backoff_ms", _LONGEST_REDIAL_MS))
    if retries:
        found.append(("grpc.service_config", json.dumps(_service_config(single))))
    if pings:
        found += [
            ("grpc.keepalive_time_ms", _PING_MS),
            ("grpc.keepalive_timeout_ms", _PONG_MS),
            ("grpc.http2.max_pings_without_data", 0),
        ]
    if target.startswith("unix:"):
        # An encoded path is no valid authority for other gRPC stacks.
        found.append(("grpc.default_authority", "localhost"))
    return found


def _service_config(single: Sequence[str]) -> dict[str, object]:
    """How methods are repeated, in gRPC's form: the more exact name wins."""
    apart = [dict(zip(("service", "method"), name.split("/"), strict=True)) for name in single]
    return {
        "methodConfig": [
            {"name": [{}], "retryPolicy": _RETRY_POLICY},
            *([{"name": apart}] if apart else []),
        ]
    }


class _Traced(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
    grpc.StreamStreamClientInterceptor,
):
    """Spans and times each call, and tells the server of the trace."""

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """A request, an answer."""
        return _traced(continuation, client_call_details, request)

    def intercept_unary_stream(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """A request, many answers."""
        return _traced(continuation, client_call_details, request)

    def intercept_stream_unary(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many requests, an answer."""
        return _traced(continuation, client_call_details, request_iterator)

    def intercept_stream_stream(
        self, continuation: Any, client_call_details: Any, request_iterator: Any
    ) -> Any:
        """Many of both."""
        return _traced(continuation, client_call_details, request_iterator)


def _traced(continuation: Callable[[Any, Any], Any], details: Any, request: Any) -> Any:
    """The call, which ends when it is done, whoever reads its answers."""
    if details.method.startswith(INFRASTRUCTURE):
        return continuation(details, request)
    called = Called(details.method)
    if fields := called.fields():
        details = details._replace(metadata=(*(details.metadata or ()), *fields.items()))
    call = continuation(details, request)
    call.add_done_callback(lambda done: called.end(done.code().name))
    return call


_TRACED = _Traced()
