"""What an image's name says: [REGISTRY[:PORT]/][FOLDER/]NAME[:TAG][@DIGEST]."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class ImageName:
    """A name in its parts."""

    place: str
    """Registry and folders, with the slash behind them; empty = none."""
    name: str
    """The last part, by which an image is known in whatever registry."""
    tag: str = ""
    """Empty = none."""
    digest: str = ""
    """Such as sha256:...; empty = none."""

    @classmethod
    def read(cls, text: str) -> Self:
        """A name as manifests write it; whether there is such an image is not looked at."""
        before, _, digest = text.partition("@")
        folder, slash, last = before.rpartition("/")
        name, _, tag = last.partition(":")
        return cls(folder + slash, name, tag, digest)

    @property
    def repository(self) -> str:
        """Without tag and digest."""
        return self.place + self.name

    def __str__(self) -> str:
        tag, digest = self.tag and f":{self.tag}", self.digest and f"@{self.digest}"
        return f"{self.repository}{tag}{digest}"
