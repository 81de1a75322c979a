"""What rows say to a brain: messages that are sound, with the names of one run."""

from __future__ import annotations

from dataclasses import dataclass

from omega.brain.v1 import brain_service_pb2 as pb
from omega.common.v1 import content_pb2
from omega_cli.contract.brain_bounds import PROVIDER, TITLE

TITLES = (TITLE, "contract:2", "contract:3")
"""Titles that every run stores."""
NOBODY = "contract-nobody"
"""A profile that there is not."""
UNKNOWN = "contract:none"
"""A title that there is not."""


@dataclass(frozen=True)
class Words:
    """Messages of one run."""

    run: str
    """1 to 16 characters of [a-z0-9] that no other run has."""

    @property
    def profile(self) -> str:
        """The profile that everything is watched in."""
        return f"contract-{self.run}"

    def list(self, **more: object) -> pb.GetRecommendationsRequest:
        """A list."""
        fields = {"limit": 3, **more}
        return pb.GetRecommendationsRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def watch(self, **more: object) -> pb.WatchRecommendationsRequest:
        """A list that is watched."""
        return pb.WatchRecommendationsRequest(list=self.list(**more))

    def event(self, number: int | str = 0, **more: object) -> pb.ObserveEventRequest:
        """A viewing of the first title in the run's profile; each number is an event of its own."""
        fields = {
            "event_id": f"contract-{self.run}-{number}",
            "content_id": TITLE,
            "watch_percentage": 0.5,
            "profile_id": self.profile,
            **more,
        }
        return pb.ObserveEventRequest(**fields)  # type: ignore[arg-type]  # a table of fields

    def put(self, number: int | None = None) -> pb.PutProfileRequest:
        """The run's profile, or another of its profiles."""
        name = self.profile if number is None else f"{self.profile}-{number}"
        return pb.PutProfileRequest(profile=pb.Profile(profile_id=name, name="Contract"))


def title(content_id: str = TITLE, **more: object) -> content_pb2.Content:
    """A title."""
    fields = {
        "content_id": content_id,
        "title": f"Contract {content_id}",
        "kind": content_pb2.CONTENT_KIND_MOVIE,
        "genres": ["Drama"],
        "year": 2_000,
        "providers": [PROVIDER],
        **more,
    }
    return content_pb2.Content(**fields)  # type: ignore[arg-type]  # a table of fields


def titles(*ids: str) -> pb.UpsertContentsRequest:
    """Titles to store; without ids those of every run."""
    return pb.UpsertContentsRequest(contents=[title(each) for each in ids or TITLES])
