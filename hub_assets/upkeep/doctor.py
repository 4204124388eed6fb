"""The doctor: examines a Hub, this machine and a home.

The checks belong in `hub_examination` and `machine`; saving the last result belongs in `findings`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from hub_assets.hub.http.client import HubClient
from hub_assets.upkeep.findings import Examination, Finding
from hub_assets.upkeep.hub_examination import HubExamination
from hub_assets.upkeep.machine import examine_machine


def examine(client: HubClient, root: Path, report: Callable[[Finding], None] = lambda _: None) -> Examination:
    """Examine a Hub and a home, and return all findings. Writes nothing.

    Args:
        client: a client of the Hub.
        root: the home's folder, which may not exist yet.
        report: receives each finding as it is made.
    """
    findings: list[Finding] = []

    def add(finding: Finding) -> None:
        findings.append(finding)
        report(finding)

    hub = HubExamination(client)
    for finding in hub.run():
        add(finding)
    for finding in examine_machine(root, client.endpoint, hub.population, hub.now):
        add(finding)
    return Examination(client.endpoint, datetime.now(UTC), version("hub-assets"), tuple(findings))
