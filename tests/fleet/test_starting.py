"""What starts at the beginning of a `with` block does so as a whole or not at all."""

from __future__ import annotations

import pytest

from omega_core.closing import Starting


class Parts(Starting):
    """Starts parts by name; the one that is called "bad" fails."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self._names = names
        self.said: list[str] = []

    def _start(self) -> None:
        for name in self._names:
            if name == "bad":
                raise RuntimeError(name)
            self.said.append(f"+{name}")
            self._stack.callback(self.said.append, f"-{name}")


def test_what_was_started_ends_in_the_reverse_order_and_once() -> None:
    with Parts("a", "b") as parts:
        assert parts.said == ["+a", "+b"]
        parts.close()
    assert parts.said == ["+a", "+b", "-b", "-a"]


def test_what_fails_to_start_ends_what_was_started_before() -> None:
    parts = Parts("a", "bad", "b")
    with pytest.raises(RuntimeError, match="bad"), parts:
        pytest.fail("the block was entered")
    assert parts.said == ["+a", "-a"]


def test_it_can_be_started_again() -> None:
    parts = Parts("a")
    for _ in range(2):
        with parts:
            pass
    assert parts.said == ["+a", "-a"] * 2
