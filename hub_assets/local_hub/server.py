"""Serving an app over real HTTP, in this thread until interrupted or in another while something else is done."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


def serve(app: ASGIApp, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        app: what answers.
        host: address to listen on.
        port: port to listen on; 0 for a free one.
        on_ready: is told the URL once it can be asked.

    Raises:
        OSError: if the port cannot be had.
    """
    with _listening(host, port) as listener:
        _Server(app, lambda: on_ready(_url(listener))).run([listener])


@contextmanager
def running(app: ASGIApp) -> Iterator[str]:
    """Serve on a free port of this machine, in a thread, and give the URL."""
    ready = threading.Event()
    with _listening("127.0.0.1", 0) as listener:
        server = _Server(app, ready.set)
        thread = threading.Thread(target=server.run, args=([listener],), name="local-hub", daemon=True)
        thread.start()
        try:
            if not ready.wait(30):
                raise TimeoutError("the local Hub did not start within 30 s")
            yield _url(listener)
        finally:
            server.should_exit = True
            server.force_exit = True
            thread.join(10)


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, on_ready: Callable[[], None]) -> None:
        # the app dates its answers itself: it serves weeks that are not ours
        super().__init__(
            uvicorn.Config(
                app, date_header=False, server_header=False, log_level="critical", access_log=False, lifespan="off"
            )
        )
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    listener = socket.create_server((host, port), backlog=256)
    try:
        yield listener
    finally:
        listener.close()


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"
