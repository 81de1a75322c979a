"""A line between two network namespaces, in user space: it loses packets and takes its time.

    python -m omega_testing.tun_link NAMESPACE ADDRESS NAMESPACE ADDRESS [delay_ms=N] [loss=P]

Needs root and /dev/net/tun. A settings line on the standard input, such as `loss=1`, holds from
then on; its end ends the line. The kernel's own netem would do, where it is built in.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

_TUNSETIFF = 0x400454CA
_IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
_CLONE_NEWNET = 0x40000000
_DEVICE = "omega0"
_PACKET = 65_536
_MTU = 1_400


@dataclass
class Settings:
    """How the line treats packets."""

    delay_ms: float = 0.0
    """Time that each packet takes."""
    loss: float = 0.0
    """Share of packets that never arrive, 0 to 1; 1 = the line is cut."""

    def apply(self, words: list[str]) -> None:
        """Takes `name=value` words."""
        for word in words:
            name, _, value = word.partition("=")
            if name not in {"delay_ms", "loss"}:
                raise ValueError(f"no such setting: {name}")
            setattr(self, name, float(value))


@dataclass(order=True)
class _Packet:
    due: float
    number: int
    target: int = field(compare=False)
    data: bytes = field(compare=False)


def main(arguments: list[str]) -> int:
    """Carries packets until the standard input ends."""
    near, near_address, far, far_address, *rest = arguments
    settings = Settings()
    settings.apply(rest)
    ends = {}
    ends[_device(near, near_address)] = _device(far, far_address)
    ends |= {there: here for here, there in ends.items()}
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    _carry(ends, settings)
    return 0


def _carry(ends: dict[int, int], settings: Settings) -> None:
    waiting: list[_Packet] = []
    number = 0
    while True:
        timeout = max(0.0, waiting[0].due - time.monotonic()) if waiting else None
        ready, _, _ = select.select([*ends, 0], [], [], timeout)
        now = time.monotonic()
        for source in ready:
            if source == 0:
                line = os.read(0, 4_096)
                if not line:
                    return
                settings.apply(line.decode().split())
                continue
            data = os.read(source, _PACKET)
            if random.random() >= settings.loss:  # noqa: S311 - a line's luck is no secret
                number += 1
                due = now + settings.delay_ms / 1e3
                heapq.heappush(waiting, _Packet(due, number, ends[source], data))
        while waiting and waiting[0].due <= now:
            packet = heapq.heappop(waiting)
            if settings.loss < 1:
                os.write(packet.target, packet.data)


def _device(namespace: str, address: str) -> int:
    """Descriptor of a tunnel device inside a namespace, with its address and up."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(Path("/var/run/netns") / namespace, os.O_RDONLY)
    try:
        if libc.setns(there, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        device = os.open("/dev/net/tun", os.O_RDWR)
        request = struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN_WITHOUT_HEADER)
        fcntl.ioctl(device, _TUNSETIFF, request)
    finally:
        libc.setns(here, _CLONE_NEWNET)
        os.close(there)
        os.close(here)
    for command in (
        ["addr", "add", address, "dev", _DEVICE],
        ["link", "set", _DEVICE, "mtu", str(_MTU), "up"],
    ):
        subprocess.run(["ip", "-n", namespace, *command], check=True)  # noqa: S607 - from the path
    return device


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
