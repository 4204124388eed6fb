"""Building marts from raw tables, compared with pandas."""

import json
from collections.abc import Iterator
from pathlib import Path

from hub_assets_tests.benchmarks.entries.listing import listed
from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

Numbers = dict[str, float | None]


@benchmark("marts", order=50)
def marts(stage: Stage) -> Iterator[Measurement]:
    """Materialize everything downstream of a week's raw tables, and compute the same statistics with pandas."""
    raw = stage.once(listed).result
    ours = measure(materialize, raw.home)
    peer = measure(describe_by_pandas, raw.home)
    answers = compare(ours.result, peer.result)
    yield ours.measurement("marts", raw.rows, peers=[peer.peer("pandas")], answers=answers, grows=True)


def materialize(clock: Clock, home: Path) -> Numbers:
    """Run everything downstream of the raw tables in Dagster; return the activity summary and the license shares."""
    import dagster as dg

    from hub_assets.definitions import build_defs
    from hub_assets.home import Home
    from hub_assets.resources import HomeResource, HubResource
    from hub_assets.warehouse.database import connect

    # nothing listens on this port, because nothing downstream may call the Hub
    hub = HubResource(endpoint="http://127.0.0.1:9", use_token=False)
    job = build_defs(hub=hub, home=HomeResource(root=str(home))).resolve_job_def("rebuild_weeks")
    with dg.instance_for_test() as instance, clock:
        job.execute_in_process(
            instance=instance,
            partition_key=str(WEEK),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    with connect(Home(home).warehouse, read_only=True) as warehouse:
        week = f"snapshot_date = date '{WEEK}'"
        summary = warehouse.sql(f"from mart__activity_summary where {week}").to_arrow_table().to_pylist()
        shares = warehouse.sql(f"from stats__license_shares where {week}").to_arrow_table().to_pylist()
    figures = ("n", "mean", "std", "min", "p25", "p50", "p75", "max", "share_zero")
    return {
        f"{row['repo_type']} {row['variable']} {figure}": row[figure]
        for row in summary
        if row["variable"] in VARIABLES
        for figure in figures
    } | {
        f"{row['repo_type']} {row['license']} {figure}": row[figure]
        for row in shares
        for figure in ("n", "share_of_repos", "share_of_licensed")
    }


VARIABLES = ("n_likes", "n_downloads", "n_usage_spaces")
"""Variables that only require listings."""


def describe_by_pandas(clock: Clock, home: Path) -> Numbers:
    """Read and describe the raw tables the way an analyst would in a notebook."""
    import pandas as pd

    from hub_assets.home import Home

    def read(repo_type: str, *columns: str) -> pd.DataFrame:
        files = Home(home).lake.files(f"raw_hub__{repo_type}s", WEEK)
        return pd.concat([pd.read_parquet(file, columns=["_id", "id", "likes", "tags", *columns]) for file in files])

    with clock:
        frames = {
            "model": read("model", "downloads"),
            "dataset": read("dataset", "downloads"),
            "space": read("space", "models", "cardData"),
        }
        uses = frames["space"][["_id", "models"]].explode("models").drop_duplicates()
        counts = uses["models"].value_counts()
        frames["model"]["usage"] = frames["model"]["id"].map(counts).fillna(0)
        repos = pd.concat(frames, names=["repo_type"]).reset_index(level="repo_type").set_index("_id")
        variables = {"n_likes": "likes", "n_downloads": "downloads", "n_usage_spaces": "usage"}
        found: Numbers = {}
        for variable, column in variables.items():
            amounts = repos.dropna(subset=column).groupby("repo_type")[column]
            described = amounts.describe().rename(columns={"count": "n", "25%": "p25", "50%": "p50", "75%": "p75"})
            described["share_zero"] = amounts.agg(lambda values: (values == 0).mean())
            found |= {
                f"{repo_type} {variable} {figure}": value
                for repo_type, figures in described.to_dict("index").items()
                for figure, value in figures.items()
            }
        tags = repos.set_index("repo_type", append=True)["tags"].explode().dropna()
        tags = tags[tags.str.startswith("license:")].str[8:].str.lower()
        # a Space's license is in its card, not in a tag
        cards = frames["space"].dropna(subset="cardData").set_index("_id")["cardData"]
        of_cards = cards.map(lambda card: json.loads(card).get("license")).explode().dropna().str.lower()
        of_cards = pd.concat({"space": of_cards}, names=["repo_type"]).swaplevel().rename("tags")
        licenses = pd.concat([tags, of_cards]).reset_index().drop_duplicates()
        n_repos = repos["repo_type"].value_counts()
        n_licensed = licenses.drop_duplicates(["repo_type", "_id"])["repo_type"].value_counts()
        shares = licenses.groupby(["repo_type", "tags"]).size()
        for (repo_type, license_id), n in shares.items():
            found[f"{repo_type} {license_id} n"] = n
            found[f"{repo_type} {license_id} share_of_repos"] = n / n_repos[repo_type]
            found[f"{repo_type} {license_id} share_of_licensed"] = n / n_licensed[repo_type]
        for repo_type in frames:
            none = n_repos[repo_type] - n_licensed.get(repo_type, 0)
            found[f"{repo_type} none n"] = none
            found[f"{repo_type} none share_of_repos"] = none / n_repos[repo_type]
            found[f"{repo_type} none share_of_licensed"] = None
    return {name: None if value is None else float(value) for name, value in found.items()}
