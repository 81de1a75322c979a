"""A client for `omega contract --client` that cannot call RunRound, and misreads GetRound."""

from __future__ import annotations

import sys
from base64 import b64decode, b64encode

from omega_cli.contract.clients.orders import Identity, Order, Target
from omega_cli.contract.clients.python import PythonClient


def items(word: str) -> list[bytes]:
    return [] if word == "-" else [b64decode(item[1:]) for item in word.split(",")]


def listed(found: tuple[bytes, ...]) -> str:
    return ",".join(f":{b64encode(item).decode()}" for item in found) or "-"


def order(target: Target, words: list[str]) -> Order:
    path, streams, deadline, take, hold, as_is, patience, metadata, messages = words
    texts = [item.decode() for item in items(metadata)]
    return Order(
        target,
        path,
        (streams[0] == "m", streams[1] == "m"),
        tuple(items(messages)),
        as_is == "1",
        None if deadline == "-" else int(deadline) / 1_000,
        tuple(zip(texts[::2], texts[1::2], strict=True)),
        int(take),
        hold == "1",
        int(patience) / 1_000,
    )


def answer(client: PythonClient, made: Order) -> str:
    if made.path.endswith("/RunRound"):
        return "cannot it will not"
    ended = client.call(made)
    read = ended.read
    if made.path.endswith("/GetRound"):
        # The answer without a field.
        read = tuple(b"" for _ in read)
    details = (ended.details or b"",)
    return f"ended {ended.code} {listed(details)} {listed(ended.raw)} {listed(read)}"


def main() -> None:
    targets: dict[str, Target] = {}
    with PythonClient() as client:
        for line in sys.stdin:
            verb, *words = line.split()
            said = "ok"
            if verb == "release":
                client.release()
            elif verb == "open":
                number, target, trust = words
                [address], pems = items(target), items(trust)
                identity = Identity(*pems[1:]) if pems[1:] else None
                targets[number] = Target(address.decode(), pems[0] if pems else None, identity)
            else:
                said = answer(client, order(targets[words[0]], words[1:]))
            print(said, flush=True)  # noqa: T201 - its protocol


main()
