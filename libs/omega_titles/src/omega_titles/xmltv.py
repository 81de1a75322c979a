"""Guides in XMLTV (https://github.com/XMLTV/xmltv, xmltv.dtd): programmes become titles.

A guide tells what is on when, so a title stands there as often as it is on. Programmes of one name
become one title: of a series whatever the episode, of a film where the year is the same.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.sax import SAXException, SAXParseException
from xml.sax.handler import ContentHandler, feature_external_ges, feature_external_pes
from xml.sax.xmlreader import AttributesImpl

from defusedxml.common import DefusedXmlException
from defusedxml.expatreader import DefusedExpatParser

from omega_core import limits
from omega_core.content import Content, ContentKind, check_content
from omega_core.errors import OmegaError, invalid
from omega_titles.ages import minimum_age
from omega_titles.rows import Collector, TitleFile

MAX_PIECE = 1_048_576
"""Longest tag or comment in bytes."""
MAX_TEXT = 65_536
"""Longest text of an element in characters."""
MAX_PARTS = 1_000
"""Most elements of a programme."""
FILMS = frozenset({"movie", "movies", "film", "films", "feature film", "film/movie"})
"""Categories, in lower case, that say what a title is; they are no genres."""
SERIES = frozenset({"series", "tvshow", "tv show", "episode", "soap", "sitcom", "miniseries"})
"""The same of a series."""
LIVE = frozenset({"live", "sports event", "sports", "sport", "news"})
"""The same of what is told as it happens; these are genres, too."""

_CHUNK = 65_536
_READ = frozenset(
    {"title", "sub-title", "desc", "category", "date", "country", "episode-num", "value"}
)


def read(stream: BinaryIO) -> TitleFile:
    """The titles of a guide, in the order in which they are first on.

    Raises:
        OmegaError: INVALID_FIELD `file` when it is no XMLTV: broken XML, entities that it declares,
            another root, a piece longer than MAX_PIECE.
        OSError: it cannot be read.
    """
    parser = DefusedExpatParser(forbid_entities=True, forbid_external=False)
    # A guide names its DTD, which nobody fetches.
    parser.setFeature(feature_external_ges, False)  # noqa: FBT003 - as SAX has it
    parser.setFeature(feature_external_pes, False)  # noqa: FBT003 - the standard's own call
    guide = _Guide(parser)
    parser.setContentHandler(guide)
    taken = 0
    try:
        while chunk := stream.read(_CHUNK):
            parser.feed(chunk)
            taken += len(chunk)
            if taken - max(0, parser._parser.CurrentByteIndex) > MAX_PIECE + _CHUNK:  # noqa: SLF001 - no public way to it
                raise invalid("file", f"XML in pieces of at most {MAX_PIECE:,} bytes")
        parser.close()
    except DefusedXmlException as error:
        raise invalid("file", "XML that declares no entities") from error
    except SAXParseException as error:
        text = f"well-formed XML; line {error.getLineNumber()}: {error.getMessage()}"
        raise invalid("file", text) from error
    except (SAXException, ValueError) as error:
        raise invalid("file", f"well-formed XML ({error})") from error
    if not taken:
        raise invalid("file", "well-formed XML; it is empty")
    return guide.file()


@dataclass
class _Programme:
    """What a programme says of itself."""

    line: int
    texts: dict[str, list[str]] = field(default_factory=dict)
    fault: OmegaError | None = None
    parts: int = 0

    def first(self, element: str) -> str:
        return next(iter(self.all(element)), "")

    def all(self, element: str) -> list[str]:
        return [text for text in self.texts.get(element, ()) if text]


class _Guide(ContentHandler):
    """Hears the elements of a guide."""

    def __init__(self, parser: DefusedExpatParser) -> None:
        super().__init__()
        self._parser = parser
        self._path: list[str] = []
        self._programme: _Programme | None = None
        self._text: list[str] = []
        self._length = 0
        self._seen: dict[str, tuple[int, Content]] = {}
        self._found = Collector()

    def file(self) -> TitleFile:
        """Its titles."""
        for line, content in self._seen.values():
            with self._found.row(line):
                self._found.add(line, content)
        return self._found.file()

    def startElement(self, name: str, _attrs: AttributesImpl) -> None:  # noqa: N802 - of SAX
        """Begins an element."""
        if not self._path and name != "tv":
            raise invalid("file", "XMLTV, whose root is tv")
        if len(self._path) == 1 and name == "programme":
            self._programme = _Programme(int(self._parser.getLineNumber()))
        if self._programme:
            self._programme.parts += 1
        self._path.append(name)
        self._text, self._length = [], 0

    def characters(self, content: str) -> None:
        """Takes text."""
        if self._programme and self._path[-1] in _READ:
            self._length += len(content)
            if self._length <= MAX_TEXT:
                self._text.append(content)
            elif not self._programme.fault:
                at = f"{self._programme.line}.{self._path[-1]}"
                self._programme.fault = invalid(at, f"at most {MAX_TEXT:,} characters")

    def endElement(self, name: str) -> None:  # noqa: N802 - of SAX
        """Ends an element."""
        self._path.pop()
        programme = self._programme
        if programme is None:
            return
        if name == "programme" and len(self._path) == 1:
            self._programme = None
            with self._found.row(programme.line):
                self._take(programme)
        elif name in _READ and programme.parts <= MAX_PARTS:
            # A guide is laid out in lines, and so are its texts.
            text = " ".join("".join(self._text).split())
            kind = "rating" if name == "value" and self._path[-1] == "rating" else name
            programme.texts.setdefault(kind, []).append(text)

    def _take(self, programme: _Programme) -> None:
        if programme.fault:
            raise programme.fault
        if programme.parts > MAX_PARTS:
            raise invalid(f"{programme.line}", f"of at most {MAX_PARTS:,} elements")
        content = _content(programme)
        line, known = self._seen.get(content.content_id, (programme.line, None))
        self._seen[content.content_id] = (line, _merged(known, content) if known else content)


def _content(programme: _Programme) -> Content:
    at = str(programme.line)
    categories = programme.all("category")
    kind = _kind({each.casefold() for each in categories}, programme)
    title = programme.first("title")
    year = _year(f"{at}.date", programme.first("date")) if kind is ContentKind.MOVIE else 0
    words = FILMS | SERIES
    genres = [each for each in categories if each.casefold() not in words]
    content = Content(
        content_id=_id(kind, title, year),
        title=title,
        kind=kind,
        genres=_distinct(genres),
        year=year,
        country=programme.first("country"),
        # Of a series it would be that of one episode, another one each day.
        description="" if kind is ContentKind.SERIES else _shortened(programme.first("desc")),
        minimum_age=minimum_age(programme.all("rating")),
    )
    return check_content(content, at)


def _kind(categories: set[str], programme: _Programme) -> ContentKind:
    if categories & FILMS:
        return ContentKind.MOVIE
    if categories & SERIES or programme.first("episode-num") or programme.first("sub-title"):
        return ContentKind.SERIES
    return ContentKind.LIVE if categories & LIVE else ContentKind.MOVIE


def _year(name: str, date: str) -> int:
    """The first four digits of a date, which may go on to the second."""
    if not date:
        return 0
    digits = date[:4]
    if not (len(digits) == 4 and digits.isascii() and digits.isdigit()):  # noqa: PLR2004 - digits of a year
        raise invalid(name, "a date that begins with a year of four digits")
    return int(digits)


def _id(kind: ContentKind, title: str, year: int) -> str:
    """The same for the same title in each guide: guides have no ids of titles."""
    name = unicodedata.normalize("NFKC", title).casefold()
    key = f"{kind.name}\0{name}\0{year}"
    return f"xmltv:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def _merged(known: Content, again: Content) -> Content:
    """A title with what a further programme adds to it."""
    changed: Mapping[str, object] = {
        "genres": _distinct([*known.genres, *again.genres]),
        "country": known.country or again.country,
        "description": known.description or again.description,
        "minimum_age": max(
            (age for age in (known.minimum_age, again.minimum_age) if age is not None), default=None
        ),
    }
    return Content(**{**vars(known), **changed})


def _distinct(genres: list[str]) -> tuple[str, ...]:
    """The first spelling of each, as many as a title may have."""
    by_name = {each.casefold(): each for each in reversed(genres)}
    ordered = dict.fromkeys(by_name[each.casefold()] for each in genres)
    return tuple(ordered)[: limits.MAX_GENRES]


def _shortened(text: str) -> str:
    """A description within the bound of a title, cut between words."""
    if len(text) <= limits.MAX_DESCRIPTION:
        return text
    return text[: limits.MAX_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
