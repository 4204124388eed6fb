"""Puts load on a server: a few connections send one request after another, from a separate core.

It uses plain sockets, because the time of a client library would count as well. The requests belong in `entries/`.
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
"""Read buffer in bytes; a smaller one would slow the server down."""


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int
    head: bytes
    body: bytes


Walk = Generator[str, Answer, None]
"""The requests of a connection: yields a path, receives the response, yields the next path."""


@dataclass
class Load:
    """The number of responses, and of bad ones per status: anything but a nonempty list is bad."""

    answers: int = 0
    bad: Counter[int] = field(default_factory=Counter)

    def note(self, answer: Answer) -> None:
        """Count a response."""
        self.answers += 1
        if answer.status != 200 or not answer.body.startswith(b"[{"):
            self.bad[answer.status] += 1


def burst(clock: Clock, url: str, walks: Sequence[Walk], seconds: float, core: int) -> Load:
    """Send requests for some seconds, each walk on its own connection; connections may share a walk.

    Args:
        clock: times the load.
        url: the server's address.
        walks: the requests.
        seconds: how long to send requests; responses to the last ones still count.
        core: the core this process is pinned to, which leaves the others to the server.
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
    assert length, f"the response has no Content-Length header: {head!r}"
    return Answer(int(head.split(maxsplit=2)[1]), head, await reader.readexactly(int(length[1])))
