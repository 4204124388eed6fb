"""Alerts reach a webhook and a mail server; nothing is sent by default, and no address reaches the log."""

import json
import logging
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from hub_assets.alerts import Alert, send

ALERT = Alert("run_failed", "raw_hub__models: <b>no</b> & \x1b[31m", "Run 1234")


def test_webhook_gets_escaped_slack_json(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *values: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HUB_ASSETS_ALERTS", f"http://127.0.0.1:{server.server_port}/secret")
        send(ALERT)
        server.shutdown()
    assert bodies == [{"text": "hub_assets: raw_hub__models: &lt;b&gt;no&lt;/b&gt; &amp;  [31m\nRun 1234"}]


def test_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = []

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 ready\r\n")
            is_data = False
            for line in self.rfile:
                lines.append(line.decode().strip())
                if is_data:
                    is_data = line != b".\r\n"
                    if is_data:
                        continue
                if line.upper().startswith(b"DATA"):
                    is_data = True
                    self.wfile.write(b"354 go on\r\n")
                else:
                    self.wfile.write(b"250 ok\r\n")
                if line.upper().startswith(b"QUIT"):
                    return

    with socketserver.TCPServer(("127.0.0.1", 0), Smtp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HUB_ASSETS_ALERTS", "mailto:ops@example.org")
        monkeypatch.setenv("HUB_ASSETS_SMTP", f"smtp://127.0.0.1:{server.server_address[1]}")
        send(ALERT)
        server.shutdown()
    assert "To: ops@example.org" in lines
    assert any(line.startswith("Subject: hub_assets: raw_hub__models: <b>no</b> &") for line in lines)


def test_failing_target_is_logged_without_its_address(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HUB_ASSETS_ALERTS", "http://127.0.0.1:9/secret ftp://secret log")
    with caplog.at_level(logging.ERROR):
        send(ALERT)
    assert len(caplog.records) == 3
    assert "secret" not in caplog.text
    caplog.clear()
    monkeypatch.delenv("HUB_ASSETS_ALERTS")
    send(ALERT)
    assert not caplog.records
