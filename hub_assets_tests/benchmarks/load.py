"""Load on a server: a few connections that ask one thing after the other, from a core of their own.

Plain sockets, so that no client library is what is measured. What is asked belongs to the entries.
"""

import asyncio
import os
import re
import time
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from hub_assets_tests.benchmarks.processes import Clock

_LENGTH: Final = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_LARGEST: Final = 2**26
"""Bytes of an answer that are read ahead; less would slow the server down."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    head: bytes
    body: bytes


Walk = Generator[str, Answer, None]
"""What one connection asks: yields a path, is sent the answer, yields the next path."""


@dataclass
class Load:
    """What a load was answered: the number of answers, and those that were not a list of something, by status."""

    answers: int = 0
    bad: Counter[int] = field(default_factory=Counter)

    def note(self, answer: Answer) -> None:
        """Count an answer."""
        self.answers += 1
        if answer.status != 200 or not answer.body.startswith(b"[{"):
            self.bad[answer.status] += 1


def burst(clock: Clock, url: str, walks: Sequence[Walk], seconds: float, core: int) -> Load:
    """Ask for some seconds, each walk on a connection of its own; several may be the same walk.

    Args:
        clock: times it.
        url: the server's address.
        walks: what to ask.
        seconds: how long; the answers awaited by then still count.
        core: where this process stays, to leave the others to the server.
    """
    os.sched_setaffinity(0, {core})
    return asyncio.run(_burst(clock, url, walks, seconds))


async def _burst(clock: Clock, url: str, walks: Sequence[Walk], seconds: float) -> Load:
    load = Load()
    host = urlsplit(url)
    streams = [await asyncio.open_connection(host.hostname, host.port, limit=_LARGEST) for _ in walks]

    async def follow(walk: Walk, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = next(walk)
        while time.perf_counter() < ends_at:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: {host.netloc}\r\n\r\n".encode())
            load.note(answer := await _read_answer(reader))
            path = walk.send(answer)

    with clock:
        ends_at = time.perf_counter() + seconds
        await asyncio.gather(*(follow(walk, *stream) for walk, stream in zip(walks, streams, strict=True)))
    for _, writer in streams:
        writer.close()
    return load


async def _read_answer(reader: asyncio.StreamReader) -> Answer:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    assert length, f"an answer without a length: {head!r}"
    return Answer(int(head.split(maxsplit=2)[1]), head, await reader.readexactly(int(length[1])))
