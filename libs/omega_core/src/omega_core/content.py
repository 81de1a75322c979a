"""Titles as the domain knows them. Wire forms live in omega_proto."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from omega_core import limits, validate
from omega_core.errors import invalid


class ContentKind(IntEnum):
    """What a title is; values as in omega.common.v1.ContentKind."""

    MOVIE = 1
    SERIES = 2
    LIVE = 3


class Availability(IntEnum):
    """How a provider offers a title; values as in omega.common.v1.Availability."""

    FLATRATE = 1
    RENT = 2
    BUY = 3
    FREE = 4


YEARS = (1870, 2200)
"""First and last year of release that a title may carry."""


@dataclass(frozen=True)
class Provider:
    """One place where a title can be watched."""

    provider_id: str
    """1 to 64 characters of [A-Za-z0-9._:-]."""
    name: str
    """1 to 128 characters."""
    availability: Availability
    """How it is offered."""


@dataclass(frozen=True)
class Content:
    """A title of the catalogue."""

    content_id: str
    """1 to 128 characters of [A-Za-z0-9._:-]."""
    title: str
    """1 to 300 characters."""
    kind: ContentKind
    """What it is."""
    genres: tuple[str, ...] = ()
    """At most 16, each 1 to 64 characters."""
    year: int = 0
    """1870 to 2200, or 0 when unknown."""
    country: str = ""
    """At most 64 characters."""
    description: str = ""
    """At most 2,000 characters."""
    providers: tuple[Provider, ...] = ()
    """At most 32."""
    minimum_age: int | None = None
    """Age in years that it is rated for, 0 to 21; None = not rated."""


def embedding_text(content: Content) -> str:
    """The text that stands for a title: title and year, genres, description.

    One form for every encoder. The year is there because households like what belongs to a time.
    """
    parts = [f"{content.title} ({content.year})" if content.year else content.title]
    if content.genres:
        parts.append("Genres: " + ", ".join(content.genres))
    if content.description:
        parts.append(content.description)
    return ". ".join(p.rstrip(".") for p in parts) + "."


def check_content(content: Content, name: str = "content") -> Content:
    """Holds a title to its bounds. `name` is the field it came in, such as "contents[3]".

    Raises:
        OmegaError: INVALID_FIELD.
    """
    validate.identifier(f"{name}.content_id", content.content_id, limits.MAX_ID)
    validate.text(f"{name}.title", content.title, limits.MAX_TITLE, 1)
    validate.count(f"{name}.genres", content.genres, limits.MAX_GENRES)
    for i, genre in enumerate(content.genres):
        validate.text(f"{name}.genres[{i}]", genre, 64, 1)
    if content.year and not YEARS[0] <= content.year <= YEARS[1]:
        raise invalid(f"{name}.year", f"0 or between {YEARS[0]} and {YEARS[1]}")
    if content.minimum_age is not None:
        validate.integer(f"{name}.minimum_age", content.minimum_age, 0, limits.MAX_AGE)
    validate.text(f"{name}.country", content.country, 64)
    validate.text(f"{name}.description", content.description, limits.MAX_DESCRIPTION)
    validate.count(f"{name}.providers", content.providers, limits.MAX_PROVIDERS)
    for i, provider in enumerate(content.providers):
        at = f"{name}.providers[{i}]"
        validate.identifier(f"{at}.provider_id", provider.provider_id, limits.MAX_SHORT_ID)
        validate.text(f"{at}.name", provider.name, 128, 1)
    return content
