"""What rows say to the fleet: messages that are sound, with the names of one run."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from omega.common.v1 import release_pb2, resource_pb2
from omega.sync.v1 import sync_service_pb2 as pb
from omega_cli.contract.sync_bounds import ELEMENT, HELD
from omega_rpc.device_keys import DeviceKey

SKETCH = 48
"""Bytes of one."""
ABSENT = 2**62
"""A version that no resource has."""


@dataclass(frozen=True)
class Words:
    """Messages of one run."""

    enrolment_key: str = ""
    """The operator's, where one is asked for."""
    key: DeviceKey = field(default_factory=DeviceKey.generate)
    """Of the device whose registration is tried."""
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    """Of its registration, and of every push."""

    def registration(self, **more: object) -> pb.RegisterDeviceRequest:
        """The registration that rows repeat."""
        fields = {
            "request_id": self.request_id,
            "platform": "contract",
            "enrolment_key": self.enrolment_key,
            **more,
        }
        return pb.RegisterDeviceRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def exchange(self, count: int = 0, **more: object) -> pb.SyncRequest:
        """An exchange of so many sketches, of a TV that reads the simpler codec."""
        fields = {
            "request_id": self.request_id,
            "model_version": "contract",
            "sketches": bytes(SKETCH * count),
            "classes": bytes(count),
            "codec": resource_pb2.CODEC_U8_ZSTD,
            **more,
        }
        return pb.SyncRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def reporting(self) -> pb.SyncRequest:
        """An exchange with a report."""
        report = release_pb2.ReleaseReport(period=20_000, held=[HELD], epsilon_hundredths=100)
        return self.exchange(report=report)

    def push(self, count: int = 1, **more: object) -> pb.PushPatternsRequest:
        """A push of so many sketches."""
        fields = {
            "request_id": self.request_id,
            "model_version": "contract",
            "sketches": bytes(SKETCH * count),
            "classes": bytes(count),
            **more,
        }
        return pb.PushPatternsRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def tokens(self, **more: object) -> pb.IssueTokensRequest:
        """A question for a token of an epoch that closed long ago: none is given."""
        fields = {"request_id": self.request_id, "epoch": 1, "blinded": [ELEMENT], **more}
        return pb.IssueTokensRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def streaming(self, count: int = 0, **more: object) -> pb.StreamSyncRequest:
        """An exchange of so many sketches on a stream."""
        return pb.StreamSyncRequest(exchange=self.exchange(count, **more))

    def streamed(self, *exchanges: pb.SyncRequest) -> tuple[pb.StreamSyncRequest, ...]:
        """Exchanges on a stream; without any, one."""
        return tuple(
            pb.StreamSyncRequest(exchange=each) for each in exchanges or (self.exchange(),)
        )


def pull(**more: object) -> pb.PullPatternsRequest:
    """A pull of a TV that holds nothing."""
    fields = {"codec": resource_pb2.CODEC_U8_ZSTD, **more}
    return pb.PullPatternsRequest(**fields)  # type: ignore[arg-type]  # a table of fields


def body(**more: object) -> pb.GetResourceRequest:
    """A question for a body that is not kept."""
    fields = {"kind": resource_pb2.RESOURCE_KIND_CATALOGUE, "version": ABSENT, **more}
    return pb.GetResourceRequest(**fields)  # type: ignore[arg-type]  # a table of fields
