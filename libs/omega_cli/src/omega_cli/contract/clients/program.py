"""A client that is a program of its own, in whatever language; docs/contracts.md has the protocol.

Requests and answers are lines of words. A word that holds bytes is ":" and their base64; a list is
such words joined by ",", or "-" where it is empty.
"""

from __future__ import annotations

import shlex
import subprocess
import threading
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

from omega_cli.contract.clients.orders import CannotError, Client, Ended, Order, Target
from omega_core.errors import OmegaError, invalid

_PATIENCE = 10.0
"""Seconds that it has to end after its input has ended."""
_LATEST = 180.0
"""Seconds that it has for an answer, more than any call is given; then it is ended."""


class ProgramClient(Client):
    """Has a program make the calls.

    Args:
        command: that starts it, as a shell takes it.

    Raises:
        OmegaError: INVALID_FIELD `--client`, when it cannot be started.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._lines: dict[Target, str] = {}
        try:
            self._program = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except (OSError, ValueError, IndexError) as error:
            raise invalid("--client", f"a program that can be started: {command}") from error

    def call(self, order: Order) -> Ended:
        """As Client.

        Raises:
            CannotError: the program has no way to.
            OmegaError: INVALID_FIELD `--client`, when the program does not keep to its protocol.
        """
        line = self._line(order.target)
        words = (
            "call",
            line,
            order.path,
            "".join("m" if many else "1" for many in order.streams),
            "-" if order.deadline is None else str(round(1_000 * order.deadline)),
            str(order.take),
            str(int(order.hold)),
            str(int(order.as_is)),
            str(round(1_000 * order.patience)),
            _list(text.encode() for pair in order.metadata for text in pair),
            _list(order.messages),
        )
        kind, *said = self._ask(*words)
        if kind != "ended":
            raise self._odd(kind)
        try:
            code, details, raw, read = said
            return Ended(
                int(code),
                None if details == "?" else b"".join(_items(details)),
                _items(raw),
                _items(read),
            )
        except (ValueError, Base64Error) as error:
            raise self._odd(" ".join(said)) from error

    def release(self) -> None:
        """As Client."""
        self._ask("release")

    def close(self) -> None:
        """Ends the program."""
        for pipe in (self._program.stdin, self._program.stdout):
            with suppress(OSError):  # it has ended before
                _pipe(pipe).close()
        try:
            self._program.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._program.kill()
            self._program.wait()

    def _line(self, target: Target) -> str:
        """Number of the connection to a target; it is opened where there is none."""
        if target not in self._lines:
            number = str(len(self._lines))
            trust = filter(None, (target.authorities, *(target.identity or ())))
            self._ask("open", number, _list([target.address.encode()]), _list(trust))
            self._lines[target] = number
        return self._lines[target]

    def _ask(self, *words: str) -> list[str]:
        """Words of the answer to a line.

        Raises:
            CannotError: the program says so.
        """
        watch = threading.Timer(_LATEST, self._program.kill)
        watch.start()
        try:
            _pipe(self._program.stdin).write((" ".join(words) + "\n").encode())
            _pipe(self._program.stdin).flush()
            answer = _pipe(self._program.stdout).readline().decode()
        except (OSError, ValueError) as error:
            raise self._odd(str(error)) from error
        finally:
            watch.cancel()
        kind, _, rest = answer.rstrip("\n").partition(" ")
        if kind == "cannot":
            raise CannotError(rest)
        if kind not in {"ok", "ended"}:
            raise self._odd(answer)
        return [kind, *rest.split()]

    def _odd(self, said: str) -> OmegaError:
        return invalid("--client", f"a program that keeps to the protocol: {said[:200]!r}")


def _pipe(found: IO[bytes] | None) -> IO[bytes]:
    assert found is not None  # noqa: S101 - Popen was asked for pipes
    return found


def _list(items: Iterable[bytes]) -> str:
    return ",".join(":" + b64encode(item).decode() for item in items) or "-"


def _items(word: str) -> tuple[bytes, ...]:
    if word == "-":
        return ()
    return tuple(b64decode(item.removeprefix(":"), validate=True) for item in word.split(","))
