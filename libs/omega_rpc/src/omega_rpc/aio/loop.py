"""The one event loop of a process, on a thread of its own.

gRPC's asyncio stack wakes every loop of a process for every event, so there is one, whatever the
number of servers. The main thread stays free to wait for signals.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_LAST_SECONDS = 2.0
_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def event_loop() -> asyncio.AbstractEventLoop:
    """The loop; begun at the first call, ended with the process."""
    global _loop  # noqa: PLW0603 - one a process is the point
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_loop.run_forever, name="event-loop", daemon=True)
            thread.start()
            atexit.register(_end, _loop, thread)
        return _loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine on the loop and waits for its result; never call it on the loop itself."""
    return asyncio.run_coroutine_threadsafe(coroutine, event_loop()).result()


async def _cancel() -> None:
    """Ends what a server left behind, so that its last words are not lost."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_LAST_SECONDS)


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    asyncio.run_coroutine_threadsafe(_cancel(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
