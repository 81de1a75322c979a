"""How tasks of an event loop wait: so long and no longer, and whose end a cancellation is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from omega_core.errors import ErrorCode, OmegaError


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Ends what the block waits for after so many seconds; at once where they are not above 0.

    Raises:
        OmegaError: DEADLINE_EXCEEDED.
    """
    try:
        async with asyncio.timeout(max(seconds, 0)):
            yield
    except TimeoutError:
        raise OmegaError(ErrorCode.DEADLINE_EXCEEDED) from None


def cancelled_itself() -> bool:
    """Whether somebody wants the running task to end; call it where CancelledError came.

    It also comes out of what a task waits for - a call whose channel was closed, a task that serves
    several waiters - and then says nothing about the waiting task. To let it pass would answer the
    task's own caller with CANCELLED, which means that the caller hung up.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
