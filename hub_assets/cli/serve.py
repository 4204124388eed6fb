"""`hub-assets serve`: a published week over HTTP. Answering requests belongs in `hub_assets.report.serve`."""

import os
import webbrowser
from datetime import date, timedelta
from pathlib import Path
from threading import Thread

import click

from hub_assets.cli.options import HOME, DayType, home_of
from hub_assets.cli.printing import console
from hub_assets.errors import UserError


@click.command("serve")
@HOME
@click.option("--week", type=DayType(), help="Week to serve, as any date in it. Default: the newest with a report.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8800, show_default=True, help="Port; 0 picks one.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Additional host name under which browsers may reach the server. Can be repeated.",
)
@click.option("--open", "is_opened", is_flag=True, help="Open the report in the browser.")
def serve_command(
    home: Path | None, week: date | None, host: str, port: int, allowed_hosts: tuple[str, ...], is_opened: bool
) -> None:
    """Serve a published week until interrupted: its report, with search and explorers over all repositories.

    Only this machine can reach the server, unless --host says otherwise. It is read-only and has no passwords. The
    endpoints for programs are listed at /api.html.

    \b
    Examples:
      hub-assets serve --open
      hub-assets serve --host 0.0.0.0 --allowed-host observatory.example.org
    """
    # pyarrow reads this when it is first imported; its own allocator kept 0.17 GiB after reading 3.5 million models
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    from hub_assets.local_hub.server import serve
    from hub_assets.report.serve.app import MOST_CONNECTIONS, build_app, prepare
    from hub_assets.report.serve.published import Indexes, Published, Unanswered

    where = home_of(home)
    if not where.warehouse.exists():
        raise UserError(f"{where.warehouse} does not exist; take a snapshot first: hub-assets snapshot")
    monday = week - timedelta(days=week.weekday()) if week else None
    published = Published(where.warehouse, where.report, Indexes(where.search), monday)
    try:
        reader = published.reader()
    except Unanswered as error:
        raise UserError(str(error)) from error
    reader.cursor.close()
    if not (where.report / str(reader.week)).is_dir():
        console.print(f"The week of {reader.week} has no report yet; write it with: hub-assets report", style="yellow")

    def announce(url: str) -> None:
        console.print(f"The week of {reader.week} is served at {url}")
        if is_opened:
            webbrowser.open(url)

    preparing = Thread(target=prepare, args=[published])
    preparing.start()
    try:
        serve(
            build_app(published, hosts=[host, *allowed_hosts]),
            host,
            port,
            announce,
            date_header=True,
            limit_concurrency=MOST_CONNECTIONS,
        )
    except OSError as error:
        raise UserError(f"cannot listen on {host}:{port} ({error.strerror}); choose another --port") from error
    finally:
        published.close()
        preparing.join()
