"""One exchange with the fleet: push what is due, pull the news, fetch new resources."""

from __future__ import annotations

import logging
import threading
import uuid
from dataclasses import dataclass

from omega.common.v1 import resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_brain import facts
from omega_brain.brain import Brain
from omega_brain.outbox import Outbox
from omega_client import ClientTls, ServiceError, SyncClient
from omega_core import limits
from omega_core.errors import ErrorCode, OmegaError, invalid
from omega_delta import decode_catalogue, decode_state_delta
from omega_persistence.meta import Identity
from omega_persistence.patterns import StoredPattern
from omega_persistence.resources import ResourceKey
from omega_persistence.sketches import Push
from omega_rpc.config import is_loopback

_log = logging.getLogger(__name__)
CATALOGUE = resource_pb2.RESOURCE_KIND_CATALOGUE
FACTORS = resource_pb2.RESOURCE_KIND_FACTORS


@dataclass(frozen=True)
class SyncOutcome:
    """What one exchange moved."""

    pushed_sketches: int
    """Acknowledged in this exchange."""
    pulled_patterns: int
    """New, changed and removed ones."""
    pushed_bytes: int
    """Serialised request."""
    pulled_bytes: int
    """Serialised response."""
    resource_bytes: int
    """Bodies fetched."""
    retry_after_seconds: float
    """When the server wants to see this TV again."""


class Syncer:
    """Talks to the sync service for one brain; one exchange at a time.

    Raises:
        OmegaError: INVALID_FIELD sync_tls_ca when the target is another machine and TLS is not set.
    """

    def __init__(self, brain: Brain) -> None:
        config = brain.config
        self._brain = brain
        self._stores = brain.stores
        self._outbox = Outbox(brain)
        self._lock = threading.Lock()
        self._client: SyncClient | None = None
        if config.sync_target:
            host = config.sync_target.rpartition(":")[0].strip("[]")
            if config.sync_tls_ca is None and not is_loopback(host):
                raise invalid("sync_tls_ca", "set when sync_target is another machine")
            tls = ClientTls(ca=config.sync_tls_ca) if config.sync_tls_ca else None
            self._client = SyncClient(config.sync_target, tls=tls)

    def sync(self) -> SyncOutcome:
        """One exchange. What fails is tried again next time; nothing is lost.

        Raises:
            OmegaError: SYNC_NOT_CONFIGURED; SYNC_UNAVAILABLE (no answer, or the server refused);
                CORRUPT_RESOURCE; STORAGE_FULL; STORAGE_UNAVAILABLE.
        """
        if self._client is None:
            raise OmegaError(ErrorCode.SYNC_NOT_CONFIGURED)
        with self._lock:
            try:
                outcome = self._exchange(self._client)
            except (ServiceError, OmegaError) as failure:
                error = _as_omega_error(failure)
                self._stores.meta.sync_failed(error.public_text)
                if error is failure:
                    raise
                raise error from failure
            self._stores.meta.sync_succeeded(self._brain.clock.now())
            return outcome

    def close(self) -> None:
        """Closes the channel."""
        if self._client:
            self._client.close()

    def _exchange(self, client: SyncClient) -> SyncOutcome:
        push = self._outbox.next_push()
        request = self._request(push)
        identity = self._stores.meta.identity() or self._register(client)
        try:
            answer = client.sync(request, token=identity.auth_token)
        except ServiceError as error:
            if error.reason != ErrorCode.UNAUTHENTICATED:
                raise
            _log.warning("the fleet no longer knows this TV; registering again")
            self._stores.meta.set_identity(None)
            identity = self._register(client)
            answer = client.sync(request, token=identity.auth_token)
        pushed = self._stores.sketches.acknowledge(push.request_id) if push else 0
        pulled = self._apply_delta(answer)
        self._stores.meta.add_traffic(pushed=request.ByteSize(), pulled=answer.ByteSize())
        fetched = sum(
            self._fetch(client, info, identity)
            for info in sorted(answer.resources, key=lambda info: info.kind)
        )
        if pulled or fetched:
            self._brain.reload_model()
        return SyncOutcome(
            pushed_sketches=pushed,
            pulled_patterns=pulled,
            pushed_bytes=request.ByteSize(),
            pulled_bytes=answer.ByteSize(),
            resource_bytes=fetched,
            retry_after_seconds=answer.retry_after.ToTimedelta().total_seconds(),
        )

    def _request(self, push: Push | None) -> pb.SyncRequest:
        held = [resource_pb2.HeldResource(kind=CATALOGUE, version=self._catalogue_version())]
        held += [
            resource_pb2.HeldResource(kind=FACTORS, version=key.version)
            for key in self._stores.resources.held()
            if key.kind == FACTORS
        ]
        request = pb.SyncRequest(
            request_id=push.request_id if push else str(uuid.uuid4()),
            model_version=push.model_version if push else self._brain.model_version,
            sketches=push.sketches if push else b"",
            classes=push.classes if push else b"",
            state_version=self._stores.patterns.version(),
            held=[entry for entry in held if entry.version],
        )
        if request.ByteSize() > limits.MAX_SYNC_REQUEST:
            raise OmegaError(ErrorCode.INTERNAL, detail=f"a request of {request.ByteSize()} bytes")
        return request

    def _register(self, client: SyncClient) -> Identity:
        """Asks for an identity; the request id is durable first, so a lost answer costs nothing."""
        config = self._brain.config
        key = config.enrolment_key_file
        answer = client.register_device(
            pb.RegisterDeviceRequest(
                request_id=self._stores.meta.register_request_id(),
                platform=config.platform,
                enrolment_key=key.read_text("utf-8").strip() if key else "",
            )
        )
        identity = Identity(answer.device_id, answer.auth_token)
        self._stores.meta.set_identity(identity)
        return identity

    def _apply_delta(self, answer: pb.SyncResponse) -> int:
        """Takes up the news; a delta that does not fit what is held asks for everything anew."""
        if not answer.delta:
            return 0
        if answer.compression != resource_pb2.COMPRESSION_ZSTD:
            raise invalid("compression", "COMPRESSION_ZSTD")
        delta = decode_state_delta(answer.delta)
        patterns = self._stores.patterns
        try:
            patterns.apply_delta(
                base_version=delta.base_version,
                version=delta.version,
                patterns=[
                    StoredPattern(
                        pattern_id=p.pattern_id,
                        embedding=p.embedding,
                        success_rate=p.success_rate,
                        device_count_floor=p.device_count_floor,
                        weight=p.weight,
                    )
                    for p in delta.patterns
                ],
                removed_ids=delta.removed_pattern_ids,
                model_version=delta.model_version,
            )
        except OmegaError as error:
            if error.code not in {ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH}:
                raise
            _log.warning("the collective state starts afresh: %s", error)
            patterns.clear()
            return 0
        return len(delta.patterns) + len(delta.removed_pattern_ids)

    def _fetch(
        self, client: SyncClient, info: resource_pb2.ResourceInfo, identity: Identity
    ) -> int:
        """Downloads a body, going on where an earlier attempt stopped; returns bytes moved."""
        resources = self._stores.resources
        key = ResourceKey(info.kind, info.version, info.size_bytes, info.sha256, info.model_version)
        begun = received = resources.received(key)
        if received < info.size_bytes:
            chunks = client.get_resource(
                info.kind, info.version, received, token=identity.auth_token
            )
            for chunk in chunks:
                received = resources.append(key, received, chunk.data)
        self._stores.meta.add_traffic(resources=received - begun)
        stored = resources.complete(key)
        if info.kind == CATALOGUE:
            self._brain.apply_catalogue(decode_catalogue(stored.body))
            # Its titles are in their own table now; the body would stand there twice.
            resources.remove(CATALOGUE)
        return received - begun

    def _catalogue_version(self) -> int:
        return facts.catalogue_version(self._stores.meta)


def _as_omega_error(failure: ServiceError | OmegaError) -> OmegaError:
    """What the caller of SyncNow sees: never another service's error as if it were its own."""
    if isinstance(failure, ServiceError):
        return OmegaError(ErrorCode.SYNC_UNAVAILABLE, detail=str(failure))
    if failure.code in {ErrorCode.INVALID_FIELD, ErrorCode.ENCODER_MISMATCH}:
        return OmegaError(ErrorCode.CORRUPT_RESOURCE, detail=str(failure))
    return failure
