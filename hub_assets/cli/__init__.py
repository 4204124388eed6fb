"""The `hub-assets` command. It parses options and prints results; the assets and the other packages do the work.

Command modules import Dagster and everything that depends on it inside their functions: Dagster takes a second to
import, and `--help` should not wait for it.
"""

import click

from hub_assets.cli.backfill import backfill_command
from hub_assets.cli.backup import backup_command, restore_command, verify_command
from hub_assets.cli.claims import claims_command
from hub_assets.cli.demo import demo_command
from hub_assets.cli.dev import dev_command
from hub_assets.cli.doctor import doctor_command
from hub_assets.cli.forget import forget_command
from hub_assets.cli.guard import GuardedGroup
from hub_assets.cli.identities import identities_group
from hub_assets.cli.local_hub import local_hub_command
from hub_assets.cli.rebuild import rebuild_command
from hub_assets.cli.release import release_command, withhold_command
from hub_assets.cli.report import report_command
from hub_assets.cli.search import search_command
from hub_assets.cli.serve import serve_command
from hub_assets.cli.snapshot import plan_command, snapshot_command
from hub_assets.cli.status import status_command
from hub_assets.cli.upgrade import upgrade_command


@click.group(cls=GuardedGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="hub-assets")
def main() -> None:
    """An observatory of the Hugging Face Hub: weekly snapshots, activity, networks and statistics.

    Exit codes: 0 success, 1 a run or the Hub failed, 2 a usage error.
    """


for command in (
    demo_command,
    snapshot_command,
    plan_command,
    doctor_command,
    report_command,
    claims_command,
    search_command,
    serve_command,
    backfill_command,
    dev_command,
    local_hub_command,
    identities_group,
    release_command,
    withhold_command,
    status_command,
    rebuild_command,
    backup_command,
    restore_command,
    verify_command,
    forget_command,
    upgrade_command,
):
    main.add_command(command)
