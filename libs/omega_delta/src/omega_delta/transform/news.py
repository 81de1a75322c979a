"""News of the fleet in one stream: a step between two coded states, trends, and new titles."""

from __future__ import annotations

from dataclasses import dataclass

from omega_core.errors import invalid
from omega_delta.state import Trends, check_trends
from omega_delta.transform import layout
from omega_delta.transform.codebook import Codebook
from omega_delta.transform.message import PackedNews, crc32, finish, parse
from omega_delta.transform.patterns import read_patterns, write_patterns
from omega_delta.transform.quantise import project, quantise
from omega_delta.transform.rans import Reader, Writer
from omega_delta.transform.search import last
from omega_delta.transform.state import CodedState, check_state
from omega_delta.transform.titles import (
    NewTitles,
    check_titles,
    read_titles,
    read_trends,
    write_titles,
    write_trends,
)

FINEST, COARSEST = 64, 39
"""Steps of titles: beyond them nothing is gained, or titles are no longer told apart."""


@dataclass(frozen=True, eq=False)
class News:
    """What a payload says."""

    state: CodedState
    """State that it leads to."""
    trends: Trends | None
    """All that hold, by ascending ordinals, scores in 64ths; None = there are none."""
    titles: NewTitles | None
    """New titles; None = there are none."""


def encode_news(
    codebook: Codebook,
    state: CodedState,
    base: CodedState | None,
    trends: Trends | None,
    titles: NewTitles | None,
    budget: int,
) -> bytes:
    """A serialised omega.sync.v1.PackedNews of at most `budget` bytes.

    Titles get the finest step that fits. Where not even the coarsest does, they are left out from
    the oldest on, that is from the lowest ordinal.

    Args:
        codebook: that of the state.
        state: what it leads to.
        base: what the reader holds; None = nothing. A base under another codebook or step counts
            as none.
        trends: what goes along.
        titles: likewise, of the catalogue of the trends.
        budget: most bytes.

    Raises:
        OmegaError: INVALID_FIELD that names the field at fault, "budget" when state and trends
            alone exceed it.
    """
    _check(codebook, state, base, trends, titles)
    message, writer = _step(codebook, state, base)
    if trends is not None:
        message.trends = len(trends.titles)
        message.catalogue_version = trends.catalogue_version
        write_trends(writer, codebook, trends)
    plain = finish(message, writer, state)
    if len(plain) > budget:
        raise invalid("budget", f"at least {len(plain):,} bytes for this state")
    if titles is None or not len(titles.ordinals):
        return plain
    message.catalogue_version = titles.catalogue_version
    return _with_titles(codebook, state, message, writer, titles, budget) or plain


def decode_news(data: bytes, codebook: Codebook, base: CodedState | None) -> News:
    """What a payload says to a reader that holds `base`.

    Args:
        data: from encode_news.
        codebook: that the payload was made with.
        base: what the reader holds; None = nothing.

    Raises:
        OmegaError: INVALID_FIELD that names the field when anything is not as docs/codec.md
            states, the payload starts from another state, or the checksum differs.
    """
    message = parse(data, codebook)
    held = base if message.base_version else None
    if message.base_version:
        if base is None or base.version != message.base_version:
            raise invalid("base_version", "that of the state that the reader holds")
        if base.codebook_id != codebook.id or base.step != message.step:
            raise invalid("step", "that of the state that the reader holds")
    reader = Reader(message.payload)
    state = read_patterns(reader, codebook, held, message.version, message.step, message.patterns)
    trends = read_trends(reader, codebook, message.trends, message.catalogue_version)
    titles = read_titles(
        reader, codebook, message.contents, message.content_step, message.catalogue_version
    )
    reader.end()
    if crc32(message, state) != message.crc32:
        raise invalid("crc32", "that of the news and of the state that they lead to")
    return News(state, trends, titles)


def pack_state(state: CodedState, codebook: Codebook) -> bytes:
    """A state in the form in which it is stored: news that lead to it from nothing.

    Raises:
        OmegaError: INVALID_FIELD that names what is out of bounds.
    """
    return encode_news(codebook, state, None, None, None, 2 * layout.MAX_PAYLOAD)


def unpack_state(data: bytes, codebook: Codebook) -> CodedState:
    """The state of pack_state's bytes.

    Raises:
        OmegaError: INVALID_FIELD that names what is out of bounds.
    """
    return decode_news(data, codebook, None).state


def _step(book: Codebook, state: CodedState, base: CodedState | None) -> tuple[PackedNews, Writer]:
    """The step from the base, or from nothing where that is shorter or the only one."""
    message = PackedNews(codebook_id=book.id, version=state.version, step=state.step)
    writer = Writer()
    message.patterns = write_patterns(writer, book, state, None)
    if base is None or base.codebook_id != book.id or base.step != state.step:
        return message, writer
    change = Writer()
    count = write_patterns(change, book, state, base)
    if count > layout.MAX_PATTERNS or change.estimate() > writer.estimate():
        return message, writer
    message.base_version, message.patterns = base.version, count
    return message, change


def _with_titles(
    book: Codebook,
    state: CodedState,
    message: PackedNews,
    writer: Writer,
    titles: NewTitles,
    budget: int,
) -> bytes | None:
    """The message with as many titles, as fine, as fit; None when there is room for none."""
    targets = project(book, titles.embeddings) - book.start_of(layout.TITLE)
    count = len(targets)

    def made(step: int, first: int) -> bytes | None:
        levels = quantise(book, targets[first:], layout.TITLE, step)[0]
        whole = Writer()
        whole.append(writer)
        write_titles(whole, book, titles.ordinals[first:], levels, step)
        if whole.estimate() > min(budget, layout.MAX_PAYLOAD):
            return None
        found = PackedNews()
        found.CopyFrom(message)
        found.contents, found.content_step = len(levels), step
        data = finish(found, whole, state)
        return data if len(data) <= budget else None

    return last(COARSEST, FINEST, lambda step: made(step, 0)) or last(
        1, count - 1, lambda kept: made(COARSEST, count - kept)
    )


def _check(
    book: Codebook,
    state: CodedState,
    base: CodedState | None,
    trends: Trends | None,
    titles: NewTitles | None,
) -> None:
    check_state(book, state)
    if base is not None and base.version >= state.version:
        raise invalid("base", "of an earlier version than the state")
    if trends is not None:
        check_trends(trends)
    if titles is not None:
        check_titles(titles)
        if trends is not None and trends.catalogue_version != titles.catalogue_version:
            raise invalid("titles.catalogue_version", "that of the trends")
