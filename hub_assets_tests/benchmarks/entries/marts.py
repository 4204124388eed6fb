"""Building marts from raw tables, compared with pandas."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hub_assets_tests.benchmarks.entries.listing import listed, listings_only
from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import Aim, Measurement, compare
from hub_assets_tests.benchmarks.stage import WEEK, Stage, benchmark

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

MARTS: Final = ("mart__activity_summary", "stats__license_shares")
VARIABLES: Final = ("n_likes", "n_downloads", "n_usage_spaces")
"""Variables that only require listings."""
TABLES: Final = {
    "base models": "int_hub__base_models where true",
    "uses": "int_hub__space_models where is_resolved",
}
TIMES, PLUS_SECONDS = 5, 10
"""A checked run in Dagster may take five times as long as pandas needs for the figures alone, plus 10 s."""
SAME_TABLES: Final = "pandas, same tables"
FIGURES_ONLY: Final = "pandas, figures only"
WHY_FIGURES: Final = "it reads only the columns that the figures need, and builds no tables"

Numbers = dict[str, float | None]


@benchmark("marts", order=50)
def marts(stage: Stage) -> Iterator[Measurement]:
    """Build the activity summary and license shares with SQL alone, in Dagster with checks, and with pandas.

    Also measures materializing everything downstream of the listings, which has no counterpart in pandas.
    """
    raw = stage.once(listed).result
    by_pandas, figures_by_pandas = measure(build_by_pandas, raw.home), measure(describe_by_pandas, raw.home)
    alone = measure(build_alone, raw.home)
    checked = measure(materialize, listings_only(raw.home, "checked"), True)
    everything = measure(materialize, listings_only(raw.home, "everything"), False)
    figures = {name: value for name, value in everything.result.items() if name not in TABLES}
    only = figures_by_pandas.peer(FIGURES_ONLY, WHY_FIGURES)
    yield alone.measurement(
        "marts: SQL alone",
        raw.rows,
        peers=[by_pandas.peer(SAME_TABLES, "it does not plan queries, which takes us 0.25 s at any size"), only],
        aims=[alone.ahead_of(by_pandas, 1.5)],
        answers=compare(alone.result, by_pandas.result),
        grows=True,
    )
    most = TIMES * figures_by_pandas.seconds + PLUS_SECONDS
    yield checked.measurement(
        "marts: in Dagster, checked",
        raw.rows,
        peers=[by_pandas.peer(SAME_TABLES, "it stores, checks and records nothing"), only],
        aims=[Aim("seconds", checked.seconds, most, "s", is_for_every_scale=True)],
        answers=compare(checked.result, by_pandas.result),
        grows=True,
    )
    yield everything.measurement(
        "everything after the listing", raw.rows, answers=compare(figures, figures_by_pandas.result), grows=True
    )


def build_alone(clock: Clock, home: Path) -> Numbers:
    """Build the marts by SQL in memory, without Dagster or checks; pandas stores nothing either."""
    import duckdb

    from hub_assets.home import Home
    from hub_assets.resources import project
    from hub_assets.warehouse.database import prepare, replace_week
    from hub_assets_tests.warehouse.building import models_for

    lake, sql = Home(home).lake, project()
    files = {source.name: lake.files_of_all_weeks(source.name) for source in sql.sources if not source.is_stored}
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        with clock:
            prepare(connection, sql, files)
            for model in models_for(sql, *MARTS):
                replace_week(connection, model.name, WEEK, model.render(WEEK))
        return read(connection)


def materialize(clock: Clock, home: Path, only_marts: bool) -> Numbers:
    """Run the marts, or everything downstream of the raw tables, in Dagster."""
    import dagster as dg

    from hub_assets.definitions import build_defs
    from hub_assets.home import Home
    from hub_assets.resources import HomeResource, HubResource, project
    from hub_assets.warehouse.database import connect
    from hub_assets_tests.warehouse.building import models_for

    # nothing listens on this port, because nothing downstream may call the Hub
    hub = HubResource(endpoint="http://127.0.0.1:9", use_token=False)
    job = build_defs(hub=hub, home=HomeResource(root=str(home))).resolve_job_def("rebuild_weeks")
    selected = [dg.AssetKey(model.name) for model in models_for(project(), *MARTS)] if only_marts else None
    with dg.instance_for_test() as instance, clock:
        job.execute_in_process(
            instance=instance,
            partition_key=str(WEEK),
            asset_selection=selected,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    with connect(Home(home).build, read_only=True) as connection:
        return read(connection)


def read(connection: "duckdb.DuckDBPyConnection") -> Numbers:
    """Return the activity summary, the license shares, and the sizes of two tables that both sides build."""
    week = f"snapshot_date = date '{WEEK}'"
    summary = connection.sql(f"from mart__activity_summary where {week}").to_arrow_table().to_pylist()
    shares = connection.sql(f"from stats__license_shares where {week}").to_arrow_table().to_pylist()
    figures = ("n", "mean", "std", "min", "p25", "p50", "p75", "max", "share_zero")
    found = {
        f"{row['repo_type']} {row['variable']} {figure}": row[figure]
        for row in summary
        if row["variable"] in VARIABLES
        for figure in figures
    }
    found |= {
        f"{row['repo_type']} {row['license']} {figure}": row[figure]
        for row in shares
        for figure in ("n", "share_of_repos", "share_of_licensed")
    }
    for name, rows in TABLES.items():
        ((found[name],),) = connection.execute(f"select count(*) from {rows} and {week}").fetchall()
    return found


def build_by_pandas(clock: Clock, home: Path) -> Numbers:
    """Use pandas to build the tables that the marts derive from listings, and compute the same figures in memory."""
    import pandas as pd

    from hub_assets.resources import project

    of_seed = {seed.name: seed.path for seed in project().seeds}
    common = ("createdAt", "lastModified", "sha", "disabled")
    with clock:
        frames = {
            "model": _read(home, "model", *common, "gated", "downloads", "safetensors"),
            "dataset": _read(home, "dataset", *common, "gated", "downloads"),
            "space": _read(home, "space", *common, "models", "cardData"),
        }
        models, spaces = frames["model"], frames["space"]
        bases = _base_models(models)
        ids = models.groupby("id")["_id"].min()
        of_spelling = models.groupby(models["id"].str.lower())["_id"].min()
        uses = spaces[["_id", "models"]].explode("models").dropna().drop_duplicates()
        named = pd.concat([uses["models"], bases.loc[bases["base"] != "(no id)", "base"]]).drop_duplicates()
        resolved = pd.Series(named.map(ids).fillna(named.str.lower().map(of_spelling)).to_numpy(), index=named)
        uses["model_key"] = uses["models"].map(resolved)
        n_spaces = uses.dropna().groupby("model_key")["_id"].nunique()
        models["usage"] = models["_id"].map(n_spaces).fillna(0)
        models["n_parameters"] = models.pop("safetensors").str["total"]
        repos = pd.concat(frames, names=["repo_type"]).reset_index(level="repo_type")
        repos["namespace"] = repos["id"].where(repos["id"].str.contains("/")).str.split("/", n=1).str[0]
        repos["age_days"] = (pd.Timestamp(WEEK) - repos["createdAt"].dt.normalize()).dt.days
        repos["is_gated"] = repos.pop("gated").fillna("false") != "false"
        licenses = _licenses(repos, spaces)
        aliases = pd.read_csv(of_seed["license_aliases"], keep_default_na=False).set_index("alias")["license"]
        groups = pd.read_csv(of_seed["license_groups"]).set_index("license")["license_group"]
        licenses["license"] = licenses["license"].map(aliases).fillna(licenses["license"])
        licenses = licenses[licenses["license"] != ""].drop_duplicates()
        lists = licenses.groupby(["repo_type", "_id"])["license"].agg(list).rename("licenses")
        repos = repos.merge(lists, how="left", left_on=["repo_type", "_id"], right_index=True)
        repos["license"] = repos["licenses"].str[0]
        repos["license_group"] = repos["license"].map(groups).where(repos["license"].isna(), "other")
        found = _described(repos, licenses)
    return found | {"base models": len(bases), "uses": int(uses["model_key"].notna().sum())}


def describe_by_pandas(clock: Clock, home: Path) -> Numbers:
    """Read only what the figures need, and describe it the way an analyst would in a notebook."""
    import pandas as pd

    with clock:
        frames = {
            "model": _read(home, "model", "downloads"),
            "dataset": _read(home, "dataset", "downloads"),
            "space": _read(home, "space", "models", "cardData"),
        }
        uses = frames["space"][["_id", "models"]].explode("models").drop_duplicates()
        frames["model"]["usage"] = frames["model"]["id"].map(uses["models"].value_counts()).fillna(0)
        repos = pd.concat(frames, names=["repo_type"]).reset_index(level="repo_type")
        return _described(repos, _licenses(repos, frames["space"]).drop_duplicates())


def _read(home: Path, repo_type: str, *columns: str) -> "pd.DataFrame":
    import pandas as pd

    from hub_assets.home import Home

    files = Home(home).lake.files(f"raw_hub__{repo_type}s", WEEK)
    return pd.concat([pd.read_parquet(file, columns=["_id", "id", "likes", "tags", *columns]) for file in files])


def _base_models(models: "pd.DataFrame") -> "pd.DataFrame":
    """Parse base models from tags, by the rules of `int_hub__base_models`."""
    import pandas as pd

    tags = models[["_id", "tags"]].explode("tags").dropna()
    tags = tags[tags["tags"].str.startswith("base_model:")]
    named = tags["tags"].str[11:].str.strip()
    parts = named.str.extract(r"^([a-z_]+):((?:[^/]|/[^/]|$).*)$")
    base = parts[1].fillna(named).str.strip()
    host = r"(?i)^(?:hf://|(?:[a-z+]+://)?(?:[^/@]*@)?(?:www\.)?(?:huggingface\.co|hf\.co)(?::[0-9]+)?[:/]+)(?:(?:api/)?models/)?"
    pages = r"(?:@.*|/(?:tree|blob|blame|raw|resolve|commit|commits|discussions)(?:/.*)?)$"
    for pattern in (host, r"[?#].*$", pages, r"(?:\.git)?[/\s]*$"):
        base = base.str.replace(pattern, "", regex=True)
    is_id = base.str.fullmatch(r"\w[\w.-]*(?:/\w[\w.-]*)?") & ~base.str.match(
        "(?:datasets|spaces|collections|papers|docs|blog)/"
    )
    bases = pd.DataFrame({"_id": tags["_id"], "relation": parts[0], "base": base.where(is_id, "(no id)")})
    bases["spelling"] = bases["base"].str.lower()
    related = bases.dropna(subset="relation").drop_duplicates(["_id", "spelling", "relation"])
    others = bases[bases["relation"].isna()].merge(
        related[["_id", "spelling"]].drop_duplicates(), how="left", indicator=True
    )
    others = others[others.pop("_merge") == "left_only"].drop_duplicates(["_id", "spelling"])
    return pd.concat([related, others])


def _licenses(repos: "pd.DataFrame", spaces: "pd.DataFrame") -> "pd.DataFrame":
    """Return a row per license that a repository names, with duplicates.

    For a Space without license tags, the licenses in its card count, if there are any.
    """
    import pandas as pd

    tags = repos[["repo_type", "_id", "tags"]].explode("tags").dropna()
    tags = tags[tags["tags"].str.startswith("license:")]
    of_tags = tags.assign(license=tags["tags"].str[8:])
    untagged = spaces[~spaces["_id"].isin(of_tags.loc[of_tags["repo_type"] == "space", "_id"])]
    cards = untagged.dropna(subset="cardData").set_index("_id")["cardData"]
    of_cards = (
        cards.map(lambda card: json.loads(card).get("license")).explode().dropna().rename("license").reset_index()
    )
    both = pd.concat([of_tags, of_cards.assign(repo_type="space")])[["repo_type", "_id", "license"]]
    return both.assign(license=both["license"].str.strip().str.lower())


def _described(repos: "pd.DataFrame", licenses: "pd.DataFrame") -> Numbers:
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
    n_repos = repos["repo_type"].value_counts()
    n_licensed = licenses.drop_duplicates(["repo_type", "_id"])["repo_type"].value_counts()
    for (repo_type, license_id), n in licenses.groupby(["repo_type", "license"]).size().items():
        found[f"{repo_type} {license_id} n"] = n
        found[f"{repo_type} {license_id} share_of_repos"] = n / n_repos[repo_type]
        found[f"{repo_type} {license_id} share_of_licensed"] = n / n_licensed[repo_type]
    for repo_type in n_repos.index:
        none = n_repos[repo_type] - n_licensed.get(repo_type, 0)
        found[f"{repo_type} none n"] = none
        found[f"{repo_type} none share_of_repos"] = none / n_repos[repo_type]
        found[f"{repo_type} none share_of_licensed"] = None
    return {name: None if value is None else float(value) for name, value in found.items()}
