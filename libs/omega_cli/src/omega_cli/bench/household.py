"""A brain of a household with years of history: filled once, started as often as it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from google.protobuf.timestamp_pb2 import Timestamp

from omega.brain.v1 import brain_service_pb2 as pb
from omega_cli.bench import day
from omega_client import BrainClient
from omega_core.content import Content
from omega_delta import content_to_proto
from omega_testing.processes import ServiceProcess

_BATCH = 250
_WATCHED = 5
"""A title in so many has been watched, so that most are left to recommend."""
_YEARS = 3


class Household:
    """The storage directory of a brain.

    Args:
        directory: where it lies.
        contents: its catalogue.
        encoder: "minilm" or "lexical".
        cache_dir: where the model is; None = its default place.
    """

    def __init__(
        self, directory: Path, contents: Sequence[Content], encoder: str, cache_dir: Path | None
    ) -> None:
        self.contents = contents
        """Its catalogue."""
        self._environ: Mapping[str, str] = {
            "OMEGA_BRAIN_STORAGE_PATH": str(directory),
            "OMEGA_BRAIN_LISTEN": "127.0.0.1:0",
            "OMEGA_BRAIN_ENCODER": encoder,
            **({"OMEGA_BRAIN_CACHE_DIR": str(cache_dir)} if cache_dir else {}),
        }

    def started(self) -> ServiceProcess:
        """A brain on that directory, serving.

        No time limit cuts its answers short: what is measured is the whole pipeline.
        """
        return ServiceProcess(["omega-brain"], self._environ)

    def fill(self, events: int) -> None:
        """Stores the titles and so many viewings, then stops in order."""
        with self.started() as process:
            with BrainClient(process.address, timeout=3_600) as client:
                for start in range(0, len(self.contents), _BATCH):
                    batch = [content_to_proto(c) for c in self.contents[start : start + _BATCH]]
                    client.upsert_contents(pb.UpsertContentsRequest(contents=batch))
                done = client.observe_events(self._history(events))
            code = process.terminate()
        if done.recorded != events or code:
            raise RuntimeError(f"{done.recorded} of {events} viewings, exit code {code}: {done}")

    def start_seconds(self) -> float:
        """Time from the start of a process to SERVING."""
        begun = time.perf_counter()
        with self.started() as process:
            took = time.perf_counter() - begun
            process.terminate()
        return took

    def _history(self, events: int) -> Iterator[pb.ObserveEventRequest]:
        watched = self.contents[::_WATCHED]
        now = datetime.now(UTC)
        for i in range(events):
            at = Timestamp()
            at.FromDatetime(now - timedelta(days=365 * _YEARS) * (1 - i / events))
            yield pb.ObserveEventRequest(
                event_id=f"history-{i}",
                content_id=watched[i * 7 % len(watched)].content_id,
                watch_percentage=(0.95, 0.8, 0.3)[i % 3],
                occurred_at=at,
                context=day.context(i),
            )
