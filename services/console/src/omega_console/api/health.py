"""Whether the console serves, what it stands in front of, and who asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from omega.constellation.v1 import admin_pb2
from omega_console.api.routes import needs
from omega_console.imports import MEDIA_TYPES, Imports
from omega_console.keys import SigningKeys
from omega_console.signin import Operator, Role
from omega_console.upstream import Upstream
from omega_core.errors import ErrorCode, OmegaError

_Viewer = Annotated[Operator, Depends(needs(Role.VIEWER))]
_Role = Literal["viewer", "operator", "admin"]
_KEPT_SECONDS = 1.0


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class State(_Answer):
    """Whether the console serves."""

    status: Literal["live", "ready"] = Field(description="What was asked.")


class Component(_Answer):
    """A part that the console needs."""

    name: Literal["constellation", "keys", "encoder"] = Field(description="Which one.")
    status: Literal["healthy", "degraded", "unhealthy"] = Field(description="How it is.")
    details: str = Field(description="Why, for a person.")


class Health(_Answer):
    """How the parts are that the console needs."""

    status: Literal["healthy", "degraded", "unhealthy"] = Field(description="The worst of them.")
    components: list[Component] = Field(description="One by one.")
    timestamp: datetime = Field(description="When they were asked.")


class Uploads(_Answer):
    """What POST content takes."""

    encoder: str = Field(description="Encoder of the vectors; empty = there is no upload.")
    largest_bytes: int = Field(description="Of a body.")
    media_types: list[str] = Field(description="What it may be.")


class Info(_Answer):
    """What answers, and to whom."""

    name: str = Field(description="Name of the service.")
    version: str = Field(description="Its release.")
    home: str = Field(description="Home shard of the fleet.")
    directory_version: int = Field(description="Directory of shards that is held; 0 = none.")
    shards: int = Field(description="Shards of the fleet.")
    total_devices: int = Field(description="Devices of all shards that answered.")
    active_devices: int = Field(description="Of them, those that synced in the last 24 hours.")
    subject: str = Field(description="Who asks, as the token says.")
    role: _Role = Field(description="What they may do.")
    token_expires_at: datetime = Field(description="When the token ends.")
    uploads: Uploads = Field(description="What POST content takes.")


class Readiness:
    """Whether the console can serve: asked at most once a second, by any number of callers."""

    def __init__(
        self, ask: Callable[[], bool], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asked_at = -_KEPT_SECONDS
        self._ready = False
        self.draining = False
        """True: it says no, whatever it was told."""

    def __call__(self) -> bool:
        """Whether it can."""
        with self._lock:
            if self._seconds() - self._asked_at >= _KEPT_SECONDS:
                self._ready = self._ask()
                self._asked_at = self._seconds()
            return self._ready and not self.draining


def router(
    upstream: Upstream, keys: SigningKeys, ready: Readiness, imports: Imports, upload_bytes: int
) -> APIRouter:
    """GET health/live, health/ready, health and info."""
    made = APIRouter()

    @made.get(
        "/health/live", operation_id="GetLive", summary="The process answers", tags=["health"]
    )
    def live() -> State:
        return State(status="live")

    @made.get(
        "/health/ready",
        operation_id="GetReady",
        summary="The constellation answers, and a key of operators is known",
        tags=["health"],
    )
    def is_ready() -> State:
        if not ready():
            raise OmegaError(ErrorCode.UPSTREAM_UNAVAILABLE)
        return State(status="ready")

    @made.get(
        "/health",
        operation_id="GetHealth",
        summary="How each part is",
        tags=["health"],
        openapi_extra={"x-omega-role": Role.VIEWER.word},
    )
    def health(_: _Viewer) -> Health:
        serving, known = upstream.serving(), keys.known()
        parts = [
            Component(
                name="constellation",
                status="healthy" if serving else "unhealthy",
                details="it serves" if serving else "it does not answer, or is not ready",
            ),
            Component(
                name="keys",
                status="healthy" if known else "unhealthy",
                details="a key of operators is known" if known else "none was read yet",
            ),
            Component(
                name="encoder",
                status="healthy" if imports.model_version else "degraded",
                details=imports.model_version or "none: titles cannot be uploaded here",
            ),
        ]
        well = serving and known
        return Health(
            status="healthy" if well else "unhealthy", components=parts, timestamp=datetime.now(UTC)
        )

    @made.get(
        "/info",
        operation_id="GetInfo",
        summary="What answers, and to whom",
        tags=["health"],
        openapi_extra={"x-omega-role": Role.VIEWER.word},
    )
    def info(caller: _Viewer) -> Info:
        listed = upstream.call("ListShards", admin_pb2.ListShardsRequest(), caller.subject)
        return Info(
            name="omega-console",
            version=version("omega-console"),
            home=listed.home,
            directory_version=listed.directory_version,
            shards=len(listed.shards),
            total_devices=sum(shard.total_devices for shard in listed.shards),
            active_devices=sum(shard.active_devices for shard in listed.shards),
            subject=caller.subject,
            role=cast("_Role", caller.role.word),
            token_expires_at=datetime.fromtimestamp(caller.expires_at, UTC),
            uploads=Uploads(
                encoder=imports.model_version,
                largest_bytes=upload_bytes,
                media_types=list(MEDIA_TYPES) if imports.model_version else [],
            ),
        )

    return made
