"""The findings of a doctor's examination, and the file in the home that holds the last result.

Examining belongs in `hub_examination` and `machine`; printing belongs in the command.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

from hub_assets.lake.parts import write_beside

Status = Literal["ok", "unchecked", "warning", "failure"]
FILE: Final = "doctor.json"
"""File name in the home."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        name: what was checked, in a few words; unique within an examination.
        status: `failure` if a snapshot would fail, `warning` if it would lose or misread data, `unchecked` if the Hub
            had no suitable data for the check.
        found: the observation.
        meaning: the consequence for a snapshot; empty if there is no problem.
        remedy: what to do; empty if there is nothing to do.
    """

    name: str
    status: Status
    found: str
    meaning: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Examination:
    """All findings about a Hub and a home, with the Hub's address, the time (UTC) and the version of hub_assets."""

    endpoint: str
    examined_at: datetime
    version: str
    findings: tuple[Finding, ...]

    @property
    def failures(self) -> list[Finding]:
        """Findings that would make a snapshot fail."""
        return [finding for finding in self.findings if finding.status == "failure"]

    @property
    def warnings(self) -> list[Finding]:
        """Findings about data that a snapshot would lose or misread."""
        return [finding for finding in self.findings if finding.status == "warning"]


def save(root: Path, examination: Examination) -> None:
    """Save an examination as a home's last result."""
    content = asdict(examination) | {"examined_at": examination.examined_at.astimezone(UTC).isoformat()}
    write_beside(root / FILE, lambda beside: beside.write_text(json.dumps(content, indent=1), encoding="utf-8"))


def last_examination(root: Path) -> Examination | None:
    """Return a home's last result, or None if there is none or it cannot be read."""
    try:
        content: dict[str, Any] = json.loads((root / FILE).read_text(encoding="utf-8"))
        findings = tuple(Finding(**finding) for finding in content.pop("findings"))
        examined_at = datetime.fromisoformat(content.pop("examined_at"))
        return Examination(**content, examined_at=examined_at, findings=findings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def sentence(findings: Iterable[Finding], most: int = 3) -> str:
    """Return one sentence with the name and observation of each finding, or of the first few."""
    named: Sequence[Finding] = list(findings)
    rest = f"; and {len(named) - most} more" if len(named) > most else ""
    return "; ".join(f"{finding.name}: {finding.found}" for finding in named[:most]) + rest
