"""Running an app over HTTP, until interrupted or alongside a test.

This module only deals with sockets and threads; responses belong in `app`.
"""

import contextlib
import gc
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp

_SETTINGS: Final[dict[str, Any]] = {
    "date_header": False,  # a Hub sets its own
    "server_header": False,
    "log_config": None,
    "log_level": "error",
    "access_log": False,
    "lifespan": "off",
    "ws": "none",
    "proxy_headers": False,
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
        settings: of `uvicorn.Config`, where they differ from a Hub's.

    Raises:
        OSError: if it cannot listen on the address.
    """
    # a page creates thousands of short-lived objects, and garbage collection took a fifth of its time
    gc.set_threshold(50_000)
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    with socket.create_server((host, port), family=family) as listener, contextlib.suppress(KeyboardInterrupt):
        url = f"http://{f'[{host}]' if is_v6 else host}:{listener.getsockname()[1]}"
        _Server(app, lambda: on_ready(url), **settings).run(sockets=[listener])


@contextlib.contextmanager
def running(app: ASGIApp, **settings: Any) -> Iterator[str]:
    """Serve on a free local port while the block runs; yields the base URL. `settings` are as in `serve`."""
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
