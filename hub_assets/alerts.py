"""Sends alerts to the log, a webhook or an email address. Deciding when to alert belongs in `sensors`.

HUB_ASSETS_ALERTS names the targets, separated by spaces: `log`, an `https://` webhook that takes Slack's JSON
(`{"text": ...}`), or `mailto:` with an address. HUB_ASSETS_SMTP is the mail server, such as
`smtps://user:password@mail.example.org:465`; the default is `smtp://localhost:25`. Nothing is sent by default.
"""

import logging
import os
import smtplib
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import httpx2

logger = logging.getLogger(__name__)

SECONDS: Final = 20.0
"""Time limit for each target. The sensor tick that sends the alerts must end within a minute."""
LONGEST: Final = 2000
"""Maximum characters per alert. Slack truncates at 4,000, and an error may quote a whole page of the Hub."""


@dataclass(frozen=True)
class Alert:
    """An alert: one sentence about what happened, and what to do or where to look."""

    kind: Literal["run_failed", "week_incomplete", "week_late"]
    headline: str
    details: str

    @property
    def text(self) -> str:
        """The alert without control characters."""
        lines = (f"hub_assets: {_printable(self.headline)}", _printable(self.details))
        return "\n".join(lines)[:LONGEST]


def configured() -> list[str]:
    """Return the configured alert targets."""
    return (os.environ.get("HUB_ASSETS_ALERTS") or "").split()


def send(alert: Alert) -> None:
    """Send an alert to all targets. A failed target is logged without its address; the others still get the alert."""
    for target in configured():
        scheme = target.partition(":")[0].lower()
        try:
            if scheme == "log":
                logger.error("%s", alert.text)
            elif scheme in ("http", "https"):
                _post(target, alert)
            elif scheme == "mailto":
                _mail(target.partition(":")[2], alert)
            else:
                logger.error("HUB_ASSETS_ALERTS: a target must be log, https://... or mailto:..., not %s:", scheme[:20])
        except (httpx2.HTTPError, httpx2.InvalidURL, smtplib.SMTPException, OSError, ValueError) as error:
            # a webhook's address is a credential, and some errors quote it
            logger.error("An alert (%s) was not sent by %s: %s", alert.kind, scheme, type(error).__name__)


def _post(url: str, alert: Alert) -> None:
    text = alert.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    httpx2.post(url, json={"text": text}, timeout=SECONDS).raise_for_status()


def _mail(to: str, alert: Alert) -> None:
    server = urlsplit(os.environ.get("HUB_ASSETS_SMTP") or "smtp://localhost:25")
    message = EmailMessage()
    message["Subject"] = alert.text.partition("\n")[0][:200]
    message["From"] = f"hub_assets@{server.hostname}"
    message["To"] = to
    message.set_content(alert.text)
    is_tls = server.scheme == "smtps"
    connect = smtplib.SMTP_SSL if is_tls else smtplib.SMTP
    with connect(server.hostname or "localhost", server.port or (465 if is_tls else 25), timeout=SECONDS) as smtp:
        if server.username:
            if not is_tls:
                smtp.starttls()
            smtp.login(unquote(server.username), unquote(server.password or ""))
        smtp.send_message(message)


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
