"""Runs an app over HTTP: in the foreground until interrupted, in a thread of this process, or in a process of its own.

This module only deals with sockets, threads and processes; responses belong in `app`.
"""

import contextlib
import gc
import multiprocessing
import os
import socket
import threading
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

_SETTINGS: Final[dict[str, Any]] = {
    "date_header": False,  # the app sets its own
    "server_header": False,
    "log_config": None,
    "log_level": "error",
    "access_log": False,
    "lifespan": "off",
    "ws": "none",
    "proxy_headers": False,
    "timeout_keep_alive": 60,  # with the default of 5 s, all connections close if the machine pauses briefly
    "timeout_graceful_shutdown": 1,
}


class _Server(uvicorn.Server):
    """A server that reports when it is ready."""

    def __init__(self, app: ASGIApp, on_ready: Callable[[], None], **settings: Any) -> None:
        super().__init__(uvicorn.Config(app, **(_SETTINGS | settings)))
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def serve(app: ASGIApp, host: str, port: int, on_ready: Callable[[str], None], **settings: Any) -> None:
    """Serve until interrupted (Ctrl-C or SIGTERM).

    Args:
        app: the app to serve.
        host: the address to listen on.
        port: the port, or 0 for a free one.
        on_ready: called with the base URL once the server is ready.
        settings: options of `uvicorn.Config` that override the defaults here.

    Raises:
        OSError: if it cannot listen on the address.
    """
    # a page creates thousands of short-lived objects, and garbage collection took a fifth of the time
    gc.set_threshold(50_000)
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener, contextlib.suppress(KeyboardInterrupt):
        url = f"http://{f'[{host}]' if is_v6 else host}:{listener.getsockname()[1]}"
        _Server(app, lambda: on_ready(url), **settings).run(sockets=[listener])


@contextlib.contextmanager
def running(app: ASGIApp, **settings: Any) -> Iterator[str]:
    """Serve on a free local port while the block runs, and yield the base URL. `settings` are as in `serve`."""
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = _Server(app, ready.set, **settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="local_hub", daemon=True)
        thread.start()
        try:
            if not ready.wait(timeout=10):
                raise RuntimeError("the local Hub did not start within 10 s")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def running_apart(make_app: Callable[[], ASGIApp]) -> Iterator[str]:
    """Serve from another process while the block runs, and yield the base URL.

    Server and client can then use separate cores.

    Args:
        make_app: called in the other process; it must be picklable.

    Raises:
        EOFError: if the app cannot be built; the other process prints the reason.
    """
    # a fork would copy the locks that this process's threads hold
    context = multiprocessing.get_context("spawn")
    ready, ready_there = context.Pipe(duplex=False)
    process = context.Process(target=_serve_apart, args=(make_app, ready_there), name="local_hub", daemon=True)
    process.start()
    ready_there.close()
    try:
        yield ready.recv()
    finally:
        process.terminate()
        process.join()


def _serve_apart(make_app: Callable[[], ASGIApp], ready: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(make_app(), "127.0.0.1", 0, ready.send)


def _end_with_parent() -> None:
    """End this process when its parent is gone, even if the parent was killed."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)
