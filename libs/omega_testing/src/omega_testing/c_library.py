"""libomega_tv, called from Python by its binary interface."""

from __future__ import annotations

import ctypes as c
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from omega_core.closing import Closing
from omega_testing import c_types as t

_INIT = (c.c_char_p, c.c_char_p)
_OUT = (c.c_char_p, c.c_int)
S = TypeVar("S", bound=c.Structure)


@dataclass(eq=False)
class CallError(Exception):
    """A function returned another code than OMEGA_OK."""

    code: int
    """Of omega_code."""
    grpc: int
    """The gRPC status; 0 where there is none."""
    text: str
    """What the library said."""
    needed: tuple[int, int] = (0, 0)
    """Titles and bytes of text that a list needs."""


class Json:
    """The ten functions; of one process there is one."""

    def __init__(self, library: Path) -> None:
        self.c = c.CDLL(str(library))
        for name, arguments in {
            "omega_init": _INIT,
            "omega_recommend": (c.c_char_p, *_OUT),
            "omega_observe": (c.c_char_p,),
            "omega_get_stats": _OUT,
        }.items():
            getattr(self.c, name).argtypes = arguments
        self.c.omega_get_last_error.restype = c.c_char_p
        self.c.omega_version.restype = c.c_char_p

    def last_error(self) -> str:
        """Of this thread; empty = none."""
        return (self.c.omega_get_last_error() or b"").decode("utf-8")

    def recommend(self, context: str | None, size: int = 65_536) -> tuple[int, str]:
        """Code and text of omega_recommend() with a buffer of `size` bytes."""
        out = c.create_string_buffer(b"?", size)
        code = self.c.omega_recommend(None if context is None else context.encode(), out, size)
        return code, out.value.decode("utf-8")

    def stats(self, size: int = 512) -> tuple[int, str]:
        """Code and text of omega_get_stats()."""
        out = c.create_string_buffer(b"?", size)
        return self.c.omega_get_stats(out, size), out.value.decode("utf-8")

    def observe(self, event: str) -> int:
        """Code of omega_observe()."""
        return int(self.c.omega_observe(event.encode()))


@dataclass(frozen=True)
class Shown:
    """A list as omega_client_recommend() gave it."""

    titles: list[tuple[str, str, str]]
    """Id, title and reason of each."""
    raw: t.List
    """All the rest."""
    grpc: int
    """gRPC status behind it."""


class Client(Closing):
    """A handle of the typed API; a context manager. Its methods raise CallError.

    Args:
        library: the shared library.
        target: of the brain.
        max_calls: as in omega_options.
        fallback: id, title and reason of each title of the fallback list.
    """

    def __init__(
        self,
        library: Path,
        target: str,
        *,
        max_calls: int = 0,
        fallback: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        self.c = c.CDLL(str(library))
        self._fallback = (t.Title * len(fallback))(
            *(t.Title(*(text.encode() for text in row)) for row in fallback)
        )
        options = t.Options(target.encode(), max_calls, self._fallback, len(fallback))
        self._handle = c.c_void_p()
        code = self.c.omega_client_open(c.byref(options), c.byref(self._handle))
        if code:
            raise CallError(code, 0, "")

    def close(self) -> None:
        """Frees the handle. May be called twice."""
        self.c.omega_client_close(self._handle)
        self._handle = c.c_void_p()

    def recommend(
        self, *, timeout_ms: int = 0, titles: int = 100, text: int = 1_000_000, **fields: Any
    ) -> Shown:
        """A list, into room for `titles` titles and `text` bytes."""
        rows = (t.Title * titles)()
        room = c.create_string_buffer(text)
        into = t.List(
            titles=rows, titles_size=titles, text=c.cast(room, c.c_void_p), text_size=text
        )
        request = t.ListRequest(**fields)
        status = t.Status()
        code = self.c.omega_client_recommend(
            self._handle, timeout_ms, c.byref(request), c.byref(into), c.byref(status)
        )
        if code:
            failure = _failure(code, status)
            failure.needed = into.titles_count, into.text_count
            raise failure
        shown = [
            (row.content_id.decode(), row.title.decode(), row.reason.decode())
            for row in rows[: into.titles_count]
        ]
        return Shown(shown, into, status.grpc)

    def observe(self, *, timeout_ms: int = 0, **fields: Any) -> t.Observed:
        """Tells of a viewing."""
        return self._call("observe", timeout_ms, c.byref(t.Event(**fields)), into=t.Observed())

    def upsert(self, contents: Sequence[t.Content], *, timeout_ms: int = 0) -> t.Upserted:
        """Stores titles."""
        rows = (t.Content * len(contents))(*contents)
        return self._call("upsert", timeout_ms, rows, c.c_size_t(len(rows)), into=t.Upserted())

    def sync(self, *, timeout_ms: int = 0) -> t.Synced:
        """One exchange."""
        return self._call("sync", timeout_ms, into=t.Synced())

    def stats(self, *, timeout_ms: int = 0) -> t.Stats:
        """Figures."""
        return self._call("stats", timeout_ms, into=t.Stats())

    def clear(self, request_id: str | None = None, *, timeout_ms: int = 0) -> t.Cleared:
        """Erases the household."""
        name = c.c_char_p(request_id.encode() if request_id else None)
        return self._call("clear", timeout_ms, name, into=t.Cleared())

    def _call(self, name: str, timeout_ms: int, *arguments: Any, into: S) -> S:
        status = t.Status()
        function = getattr(self.c, f"omega_client_{name}")
        code = function(self._handle, timeout_ms, *arguments, c.byref(into), c.byref(status))
        if code:
            raise _failure(code, status)
        return into


def strings(*texts: str) -> Any:
    """An array of C strings."""
    return (c.c_char_p * len(texts))(*(text.encode() for text in texts))


def _failure(code: int, status: t.Status) -> CallError:
    if code != status.code:
        raise AssertionError(f"returned {code}, but the status says {status.code}")
    return CallError(code, status.grpc, status.text.decode("utf-8"))
