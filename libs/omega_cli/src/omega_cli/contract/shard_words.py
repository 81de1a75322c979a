"""What rows say to a constellation: messages that are sound, with the names of one run."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from omega.common.v1 import release_pb2, resource_pb2
from omega.constellation.v1 import constellation_service_pb2 as pb
from omega.constellation.v1 import directory_pb2
from omega_cli.contract.brain_words import title
from omega_cli.contract.shard_bounds import UNIT, entry
from omega_cli.contract.sync_bounds import ELEMENT, HELD

NOBODY = "tv-" + "0" * 32
"""A device that there is not."""
ABSENT = 2**62
"""A version that nothing has."""
_NOW = Timestamp(seconds=1_700_000_000)


def _id() -> str:
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Words:
    """Messages of one run."""

    request_id: str = field(default_factory=_id)
    """Of the device's registration, and of every push."""
    other_id: str = field(default_factory=_id)
    """Of no registration."""

    @property
    def device_id(self) -> str:
        """The device that rows register."""
        return "tv-" + self.request_id.replace("-", "")

    def registration(self, **more: object) -> pb.RegisterDeviceRequest:
        """The device's registration."""
        fields = {
            "request_id": self.request_id,
            "platform": "contract",
            "key_sha256": b"x" * 32,
            "device_id": self.device_id,
            **more,
        }
        return pb.RegisterDeviceRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def push(self, device_id: str) -> pb.DevicePush:
        """One device's push of a sketch."""
        return pb.DevicePush(
            device_id=device_id,
            request_id=self.request_id,
            model_version="contract",
            sketches=bytes(48),
            classes=bytes(1),
        )

    def pushes(self) -> pb.IngestPatternsRequest:
        """A push with a report of a device that there is not: nothing is stored."""
        made = self.push(NOBODY)
        made.report.CopyFrom(
            release_pb2.ReleaseReport(period=20_000, held=[HELD], epsilon_hundredths=100)
        )
        return pb.IngestPatternsRequest(pushes=[made])

    def contents(self, count: int = 1, **more: object) -> pb.UpsertContentsRequest:
        """Titles with vectors, of an encoder that no fleet has."""
        fields = {
            "contents": [
                pb.EmbeddedContent(content=title(f"contract:{i}"), embedding=UNIT)
                for i in range(count)
            ],
            "model_version": "contract",
            **more,
        }
        return pb.UpsertContentsRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def adoption(self) -> directory_pb2.AdoptDevicesRequest:
        """A device that comes by a directory which no shard holds: it is not taken."""
        push = directory_pb2.MovedPush(
            request_id=self.request_id,
            model_version="contract",
            sketches=bytes(48),
            classes=bytes(1),
            received_at=_NOW,
        )
        device = directory_pb2.MovedDevice(
            device_id=self.device_id,
            request_id=self.request_id,
            registered_at=_NOW,
            pushes=[push],
            certificates=[directory_pb2.MovedCertificate(serial=b"x", expires_at=_NOW)],
            tokens=[
                directory_pb2.MovedTokens(
                    request_id=self.request_id, epoch=1, tokens=1, blinded_sha256=bytes(32)
                )
            ],
        )
        return directory_pb2.AdoptDevicesRequest(
            from_shard="contract", directory_version=ABSENT, devices=[device]
        )

    def tokens(self, **more: object) -> pb.IssueTokensRequest:
        """A token of an epoch that closed long ago, for nobody: none is given."""
        fields = {
            "device_id": NOBODY,
            "request_id": self.request_id,
            "epoch": 1,
            "blinded": [ELEMENT],
            **more,
        }
        return pb.IssueTokensRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def body(self, **more: object) -> pb.GetResourceRequest:
        """A question for a body that is not kept."""
        fields = {"kind": resource_pb2.RESOURCE_KIND_CATALOGUE, "version": ABSENT, **more}
        return pb.GetResourceRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def claims(self) -> pb.CreateClaimsRequest:
        """One claim that ends in a minute."""
        return pb.CreateClaimsRequest(count=1, valid_for=Duration(seconds=60))

    def directory(self) -> directory_pb2.PublishDirectoryRequest:
        """A directory that does not name the shard which is asked: it is not held."""
        made = directory_pb2.Directory(version=1, home=entry().shard, shards=[entry()])
        return directory_pb2.PublishDirectoryRequest(directory=made)
