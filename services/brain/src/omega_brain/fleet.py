"""The fleet's door as this TV sees it: the calls, by a way that works, as who this TV is."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain import endpoint
from omega_brain.config import BrainConfig
from omega_brain.endpoint import Endpoint
from omega_brain.enrolment import Enrolment
from omega_brain.stores import Stores
from omega_brain.transports import Transport, Transports, order
from omega_client import ClientTls, Credential, ServiceError, SyncCalls, SyncClient
from omega_core.clock import Clock
from omega_core.errors import ErrorCode
from omega_persistence import pushed
from omega_persistence.identity import Identity

_log = logging.getLogger(__name__)
T = TypeVar("T")


class Fleet:
    """Makes this TV's calls. One exchange at a time; close() may come from any thread.

    Args:
        config: where the fleet is.
        stores: keeps who this TV is.
        clock: wall time.

    Raises:
        OmegaError: INVALID_FIELD for a setting whose file cannot be read.
    """

    def __init__(self, config: BrainConfig, stores: Stores, clock: Clock) -> None:
        self._config = config
        self._stores = stores
        self._enrolment = Enrolment(config, stores, clock, self._register)
        self._ways: Transports[SyncCalls] = Transports(_opened(config), stores.sync, clock)
        self._mutual: tuple[tuple[bytes, ...], SyncClient] | None = None
        self._identity: Identity | None = None

    @property
    def transport(self) -> str:
        """How the fleet was reached last; empty = not since the start."""
        return str(self._ways.last or "")

    def begin(self) -> None:
        """Reads who this TV is, and registers or renews where that is due; after erase_old().

        Raises:
            ServiceError: there is no identity and the fleet gave none.
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE; INVALID_FIELD claim_file.
        """
        self._identity = self._enrolment.current()

    def erase_old(self) -> None:
        """Begins an exchange: asks the fleet to forget what this TV was before, until it has.

        Raises:
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE.
        """
        erasures = self._stores.erasures
        self._ways.begin()
        for waiting in erasures.pending():
            identity = waiting.identity
            try:
                self._erase(identity)
            except ServiceError as error:
                # Nothing else waits for it: the exchange goes on, the next one asks again.
                _log.warning("an old identity is not erased yet: %s", error)
                erasures.failed(identity.device_id)
            else:
                erasures.done(identity.device_id)

    def exchange(self, request: pb.SyncRequest) -> pb.SyncResponse:
        """Push and pull. A TV that the fleet does not take for who it is registers again, once.

        Raises:
            ServiceError: the fleet refuses or is not reached.
            OmegaError: STORAGE_FULL, STORAGE_UNAVAILABLE: nothing was sent.
        """
        try:
            return self._exchange(request)
        except ServiceError as error:
            if error.reason == ErrorCode.WRONG_SHARD:
                _log.warning("this TV belongs to another shard; beginning anew here")
                self._identity = self._enrolment.begin_anew()
                request = _from_nothing(request)
            elif error.reason == ErrorCode.UNAUTHENTICATED and error.field != "dpop":
                _log.warning("the fleet does not take the credentials; registering again")
                self._identity = self._enrolment.register()
            else:
                # A proof is refused for a wrong clock, which no registration puts right.
                raise
        return self._exchange(request)

    def pull(self, request: pb.PullPatternsRequest) -> pb.PullPatternsResponse:
        """News, or a further page of them. As exchange()."""
        return self._ways.call(
            lambda client, by: self._shown(
                client, by, lambda c, p: c.pull_patterns(request, credential=p)
            )
        )

    def reporting_keys(self) -> pb.GetReportingKeysResponse:
        """Keys of reports of pairs. As exchange()."""
        return self._ways.call(
            lambda client, by: self._shown(
                client, by, lambda c, p: c.get_reporting_keys(credential=p)
            )
        )

    def issue_tokens(self, request: pb.IssueTokensRequest) -> pb.IssueTokensResponse:
        """Tokens of reports of pairs. As exchange()."""
        return self._ways.call(
            lambda client, by: self._shown(
                client, by, lambda c, p: c.issue_tokens(request, credential=p)
            )
        )

    def get_resource(
        self,
        kind: resource_pb2.ResourceKind.ValueType,
        version: int,
        offset: int = 0,
        *,
        base: tuple[int, bytes] = (0, b""),
    ) -> Iterator[resource_pb2.ResourceChunk]:
        """Chunks of a body. As SyncClient's."""
        return self._ways.call(
            lambda client, by: self._shown(
                client,
                by,
                lambda c, p: c.get_resource(kind, version, offset, credential=p, base=base),
            )
        )

    def close(self) -> None:
        """Ends the calls under way."""
        self._ways.close()
        if self._mutual:
            self._mutual[1].close()

    def _exchange(self, request: pb.SyncRequest) -> pb.SyncResponse:
        if request.sketches:
            # From here on a database that does not know of this push is one that lost noise.
            pushed.tell(self._stores.database, self._who)
        return self._ways.call(
            lambda client, by: self._shown(
                client, by, lambda c, shown: c.sync(request, credential=shown)
            )
        )

    def _register(
        self, request: pb.RegisterDeviceRequest, credential: Credential | None
    ) -> pb.RegisterDeviceResponse:
        return self._ways.call(
            lambda client, _: client.register_device(request, credential=credential)
        )

    def _erase(self, identity: Identity) -> None:
        """Erases an identity by its key; where its token has ended it gets another one first."""

        def erase(shown: Identity) -> None:
            prover = self._enrolment.prover(shown)
            self._ways.call(lambda client, _: client.erase_device(credential=prover))

        if identity.device_key:
            try:
                return erase(identity)
            except ServiceError as error:
                if error.reason != ErrorCode.UNAUTHENTICATED or error.field == "dpop":
                    raise
        return erase(self._enrolment.renewed(identity))

    def _shown(
        self, client: SyncCalls, by: Transport, use: Callable[[SyncCalls, Credential | None], T]
    ) -> T:
        """A call with what shows who this TV is: its certificate, or token and proof."""
        mutual = self._mutual_client() if by is Transport.GRPC else None
        if mutual is not None:
            return use(mutual, None)
        return use(client, self._enrolment.prover(self._who))

    def _mutual_client(self) -> SyncClient | None:
        """The channel that shows the present certificate; None = there is none."""
        found = endpoint.parse(self._config.constellation_mtls_url, "constellation_mtls_url")
        held = self._stores.meta.credentials()
        if found is None or held is None or not held.certificates:
            return None
        if self._mutual is None or self._mutual[0] != held.certificates:
            if self._mutual:
                self._mutual[1].close()
            chain = "".join(map(ssl.DER_cert_to_PEM_cert, held.certificates))
            tls = ClientTls(
                self._config.constellation_tls_ca,
                identity=(self._who.device_key.encode(), chain.encode()),
            )
            self._mutual = (held.certificates, SyncClient(found.target, tls=tls))
        return self._mutual[1]

    @property
    def _who(self) -> Identity:
        if self._identity is None:
            raise RuntimeError("an exchange begins with begin()")
        return self._identity


def _opened(config: BrainConfig) -> list[tuple[Transport, Callable[[], SyncCalls]]]:
    """What opens each transport that the settings name and give an address for."""
    grpc_at = endpoint.parse(config.constellation_url)
    http_at = endpoint.parse(config.constellation_http_url, "constellation_http_url")
    tls = ClientTls(config.constellation_tls_ca)
    opens: dict[Transport, Callable[[], SyncCalls]] = {}
    if grpc_at:
        opens[Transport.GRPC] = lambda: SyncClient(grpc_at.target, tls=tls if grpc_at.tls else None)
    if http_at:
        opens[Transport.H3] = lambda: _over_http(http_at, "3", tls)
        opens[Transport.HTTP1] = lambda: _over_http(http_at, "1.1", tls)
    if http_at and not http_at.tls:
        del opens[Transport.H3]  # QUIC is TLS.
    return [(each, opens[each]) for each in order(config.transports) if each in opens]


def _over_http(at: Endpoint, version: Literal["1.1", "3"], tls: ClientTls) -> SyncCalls:
    # Loaded at the first need: a TV that reaches the fleet by gRPC does without.
    from omega_client.connect import SyncConnectClient  # noqa: PLC0415 - as said

    scheme = "https" if at.tls else "http"
    return SyncConnectClient(f"{scheme}://{at.target}", version=version, tls=tls)


def _from_nothing(request: pb.SyncRequest) -> pb.SyncRequest:
    """The same push by a TV that holds nothing of this shard."""
    fresh = pb.SyncRequest()
    fresh.CopyFrom(request)
    fresh.state_version = 0
    return fresh
