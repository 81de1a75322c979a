"""Client of the fleet's door for TVs by the Connect protocol, where gRPC is blocked.

Needs the extra `connect`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from typing import Final, Literal, TypeVar

from connectrpc.code import Code
from connectrpc.errors import ConnectError
from google.protobuf import any_pb2
from pyqwest import HTTPVersion, SyncHTTPTransport
from pyqwest import SyncClient as HttpClient

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega.sync.v1.sync_service_connect import SyncServiceClientSync
from omega_client.base import LONGEST, with_request_id
from omega_client.errors import ServiceError, unpacked
from omega_client.methods import Credential
from omega_client.resources import checked_chunks, download
from omega_client.sync import BODY_SECONDS, EXCHANGE_SECONDS, SERVICE, resource_request
from omega_core import limits, validate
from omega_core.closing import Closing
from omega_core.errors import invalid
from omega_rpc import call as calls
from omega_rpc.tls import ClientTls, authorities
from omega_rpc.tracing import OK, Called

A = TypeVar("A")
Version = Literal["1.1", "2", "3"]
_VERSIONS: Final = {"1.1": HTTPVersion.HTTP1, "2": HTTPVersion.HTTP2, "3": HTTPVersion.HTTP3}
_CONNECT_SECONDS = 10.0


class SyncConnectClient(Closing):
    """omega.sync.v1.SyncService over HTTP; a context manager. Every method raises ServiceError.

    The methods of SyncClient but stream_sync, which HTTP/1.1 cannot carry, without repeating a call
    by itself. Safe to share between threads.

    Args:
        url: https://HOST:PORT, or http://HOST:PORT without TLS.
        version: of HTTP; 3 is QUIC, and needs https.
        timeout: deadline of every call in seconds, in place of each method's own; at most a day.
        tls: how to trust the server; the platform's authorities without it. A certificate of the
            client is not shown: over HTTP a device proves itself by its credential.

    Raises:
        OmegaError: INVALID_FIELD when an argument is out of bounds or the TLS file unreadable.
    """

    def __init__(
        self,
        url: str,
        *,
        version: Version = "2",
        timeout: float | None = None,
        tls: ClientTls | None = None,
    ) -> None:
        if timeout is not None:
            validate.number("timeout", timeout, 0.001, LONGEST)
        if not url.startswith(("https://", "http://")):
            raise invalid("url", "https://HOST:PORT or http://HOST:PORT")
        if version == "3" and not url.startswith("https://"):
            raise invalid("url", "https://HOST:PORT for HTTP/3")
        self._timeout = timeout
        ca = authorities("tls_ca", tls.ca) if tls is not None else None
        transport = SyncHTTPTransport(
            tls_ca_cert=ca,
            tls_include_system_certs=ca is None,
            http_version=_VERSIONS[version],
            connect_timeout=_CONNECT_SECONDS,
            # What compresses well is compressed already; nothing here unpacks what a server claims.
            enable_gzip=False,
            enable_brotli=False,
            enable_zstd=False,
            follow_redirects=False,
            enable_otel=False,
        )
        self._transport = transport
        self._stub = SyncServiceClientSync(
            url.rstrip("/"),
            accept_compression=(),
            send_compression=None,
            read_max_bytes=limits.MAX_MESSAGE,
            http_client=HttpClient(transport),
        )

    def close(self) -> None:
        """Closes the connections. May be called twice."""
        self._transport.close()

    def register_device(
        self, request: pb.RegisterDeviceRequest, *, credential: Credential | None = None
    ) -> pb.RegisterDeviceResponse:
        """An identity and its token; the credential proves the key."""
        return self._call(self._stub.register_device, "RegisterDevice", request, credential)

    def sync(
        self, request: pb.SyncRequest, *, credential: Credential | None = None
    ) -> pb.SyncResponse:
        """Push and pull; the push is durable when this returns."""
        return self._call(self._stub.sync, "Sync", request, credential)

    def push_patterns(
        self, request: pb.PushPatternsRequest, *, credential: Credential | None = None
    ) -> pb.PushPatternsResponse:
        """The push alone; durable when this returns."""
        return self._call(self._stub.push_patterns, "PushPatterns", request, credential)

    def pull_patterns(
        self, request: pb.PullPatternsRequest, *, credential: Credential | None = None
    ) -> pb.PullPatternsResponse:
        """The pull alone, or a further page of one."""
        return self._call(self._stub.pull_patterns, "PullPatterns", request, credential)

    def erase_device(self, *, credential: Credential | None = None) -> pb.EraseDeviceResponse:
        """Erases the calling device, for good; an erased one again without a complaint."""
        request = pb.EraseDeviceRequest()
        return self._call(self._stub.erase_device, "EraseDevice", request, credential)

    def get_reporting_keys(
        self, *, credential: Credential | None = None
    ) -> pb.GetReportingKeysResponse:
        """What reports of pairs are made with; to be compared with what the relay says."""
        request = pb.GetReportingKeysRequest()
        return self._call(self._stub.get_reporting_keys, "GetReportingKeys", request, credential)

    def issue_tokens(
        self, request: pb.IssueTokensRequest, *, credential: Credential | None = None
    ) -> pb.IssueTokensResponse:
        """Tokens of such reports, still blinded; the same request again counts once."""
        return self._call(self._stub.issue_tokens, "IssueTokens", request, credential)

    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        credential: Credential | None = None,
        base: tuple[int, bytes] = (0, b""),
    ) -> Iterator[resource_pb2.ResourceChunk]:
        """As SyncClient.get_resource."""
        request = resource_request(kind, version, offset, base)

        def answers() -> Generator[pb.GetResourceResponse, None, None]:
            with _called("GetResource") as called:
                try:
                    yield from self._stub.get_resource(
                        request,
                        headers=_fields("GetResource", credential, called),
                        timeout_ms=self._milliseconds(BODY_SECONDS),
                    )
                except ConnectError as error:
                    raise _failed(error, called) from error
                called.outcome = OK

        return checked_chunks(answers(), request)

    def download(
        self,
        info: resource_pb2.ResourceInfo,
        *,
        credential: Credential | None = None,
        into: bytearray | None = None,
    ) -> bytes:
        """As SyncClient.download."""
        return download(
            lambda offset: self.get_resource(
                info.kind, info.version, offset, credential=credential
            ),
            info,
            into,
        )

    def _call(
        self, method: Callable[..., A], name: str, request: object, credential: Credential | None
    ) -> A:
        with _called(name) as called:
            try:
                answer = method(
                    request,
                    headers=_fields(name, credential, called),
                    timeout_ms=self._milliseconds(EXCHANGE_SECONDS),
                )
            except ConnectError as error:
                raise _failed(error, called) from error
            called.outcome = OK
            return answer

    def _milliseconds(self, seconds: float) -> int:
        """For a call, never past the deadline of the call being served here."""
        left = calls.remaining(seconds if self._timeout is None else self._timeout)
        return max(1, round(1_000 * left))


def service_error(error: ConnectError) -> ServiceError:
    """The ServiceError of what the Connect client raised."""
    info, retry = unpacked(
        any_pb2.Any(type_url=f"type.googleapis.com/{detail.type_name}", value=detail.message_bytes)
        for detail in error.details
    )
    status = "CANCELLED" if error.code is Code.CANCELED else error.code.value.upper()
    return ServiceError(
        status,
        reason=info.reason,
        field=info.metadata.get("field", ""),
        bound=info.metadata.get("bound", ""),
        message=error.message,
        request_id=info.metadata.get("request_id", ""),
        retry_after=max(0.0, retry.retry_delay.ToMilliseconds() / 1_000),
    )


def _called(name: str) -> Called:
    return Called(SERVICE + name, "connect")


def _failed(error: ConnectError, called: Called) -> ServiceError:
    found = service_error(error)
    called.outcome = found.status
    return found


def _fields(name: str, credential: Credential | None, called: Called) -> dict[str, str]:
    shown = credential.metadata(SERVICE + name) if credential else ()
    return {key: str(value) for key, value in with_request_id(shown)} | called.fields()
