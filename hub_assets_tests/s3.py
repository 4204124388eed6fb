"""moto's S3 server on loopback, which can be slow, fail and drop connections."""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.request import Request, urlopen
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

BUCKET: Final = "lakes"
ADDRESS: Final = f"s3://{BUCKET}/lake"
SLOW_SECONDS: Final = 0.3
Fault = Literal["slow", "503", "501", "403", "dropped before", "dropped after"]
"""`dropped after`: the server does what it was asked for, but its answer is lost."""
REASONS: Final = {"503": "Slow Down", "501": "Not Implemented", "403": "Forbidden"}


@dataclass
class Server:
    """A WSGI application that passes requests on to moto; `fault` chooses what goes wrong with a request."""

    moto: Any
    url: str = ""
    fault: Callable[[str, str], Fault | None] = lambda _, __: None
    requests: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append((method, path))
        fault = self.fault(method, path)
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        elif fault in REASONS:
            start(f"{fault} {REASONS[fault]}", [("Content-Length", "0")])
            return [b""]
        elif fault == "dropped before":
            return drop(environ)
        answer: Iterable[bytes] = self.moto(environ, start)
        if fault == "dropped after":
            for _ in answer:
                pass
            return drop(environ)
        return answer


def drop(environ: WSGIEnvironment) -> Iterable[bytes]:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    return [b""]


@contextmanager
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Serve an empty bucket `BUCKET`, and set the variables with which clients find it."""
    # seconds, which the processes that only share this module need not spend
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    server = Server(DomainDispatcherApplication(create_backend_app))
    listening = make_server("127.0.0.1", 0, server, threaded=True)
    server.url = f"http://127.0.0.1:{listening.port}"
    thread = threading.Thread(target=listening.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        # moto keeps its buckets in this process
        for method, path in (("POST", "moto-api/reset"), ("PUT", BUCKET)):
            urlopen(Request(f"{server.url}/{path}", method=method)).close()
        yield server
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()
