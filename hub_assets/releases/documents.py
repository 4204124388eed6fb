"""The files that describe a release: card, datasheet, weeks, Croissant and Frictionless descriptions.

They contain only facts computed from the release itself, such as coverage, licenses and removals. They never contain
text from the Hub; the names of columns and tables are ours.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import yaml

from hub_assets.releases.folder import ODBL, Week
from hub_assets.releases.tables import LISTINGS

WEEKS: Final = "weeks.json"
DOCUMENTS: Final = ("README.md", "DATASHEET.md", WEEKS, "croissant.json", "datapackage.json")
_SIZES: Final = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"))
_LICENSES: Final = {
    "apache-2.0": ("Apache License 2.0", "https://www.apache.org/licenses/LICENSE-2.0"),
    ODBL: ("Open Data Commons Open Database License 1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
}
_ATTRIBUTIONS: Final = {
    "hub-stats": "cfahlgren1/hub-stats (Apache-2.0)",
    "weekly-snapshots": "hfmlsoc/hub_weekly_snapshots (ODbL)",
}


def write_documents(folder: Path, weeks: Iterable[Week], repo_id: str, titles: Mapping[str, str]) -> None:
    """Write all descriptions of a release.

    Args:
        folder: the release's folder.
        weeks: all released weeks; only the newest is described in detail.
        repo_id: the data set on the Hub.
        titles: a description of each table, by table.
    """
    ordered = sorted(weeks, key=lambda week: week.week)
    texts = {
        "README.md": _card(ordered, repo_id, titles),
        "DATASHEET.md": _datasheet(ordered, repo_id),
        WEEKS: _json({"weeks": [week.to_json() for week in ordered]}),
        "croissant.json": _json(_croissant(ordered, repo_id, titles)),
        "datapackage.json": _json(_datapackage(ordered, repo_id, titles)),
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def weeks_of(text: str) -> list[Week]:
    """Read `weeks.json`.

    Raises:
        ValueError: if the text does not have the form that `write_documents` writes.
    """
    try:
        return [Week.of_json(entry) for entry in json.loads(text)["weeks"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a list of weeks: {error!r}") from error


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _license(weeks: list[Week]) -> str:
    """Return the license of the whole data set."""
    return ODBL if any(week.license == ODBL for week in weeks) else weeks[-1].license


def _rows(week: Week) -> int:
    return sum(week.files[f"{name}.parquet"].rows for name in LISTINGS)


def _card(weeks: list[Week], repo_id: str, titles: Mapping[str, str]) -> str:
    newest = weeks[-1]
    size = next((name for limit, name in _SIZES if _rows(newest) < limit), "10M<n<100M")
    front: dict[str, Any] = {
        "license": _license(weeks),
        "pretty_name": "Hugging Face Hub, week by week",
        "tags": ["hub-assets", "hub-stats", "croissant"],
        "size_categories": [size],
        "configs": [
            {"config_name": "latest", "default": True, "data_files": "models.parquet"},
            *({"config_name": name, "data_files": f"{name}/week=*/*.parquet"} for name in newest.columns),
        ],
    }
    name, link = _LICENSES[front["license"]]
    tables = "\n".join(
        f"| `{table}` | {_table_rows(newest, table):,} | {_one_line(titles.get(table, ''))} |"
        for table in newest.columns
    )
    return f"""---
{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---

# Hugging Face Hub, week by week

Listings of all public models, datasets and Spaces on the Hugging Face Hub, and statistics computed from them by
[hub-assets](https://pypi.org/project/hub-assets/). Each release adds one week and is tagged with the week's Monday
(`week-YYYY-MM-DD`).

{len(weeks):,} weeks, {weeks[0].week} to {newest.week}{_gaps(weeks)}.

`models.parquet`, `datasets.parquet` and `spaces.parquet` contain the newest week with the columns of hub-stats, so that
you can reuse a hub-stats query by changing only the address:

```sql
select id, downloads from 'hf://datasets/{repo_id}/models.parquet' order by downloads desc limit 10
```

All weeks of a table: `hf://datasets/{repo_id}/models/week=*/models.parquet`.

## Tables in the week of {newest.week}

| table | rows | content |
| --- | ---: | --- |
{tables}

Columns whose data is not collected are present but null: {_uncollected(newest)}. Counters that were not
observed are null, never 0.

## Can the counters be trusted?

{_quality(newest)}

`core__week_quality` contains every rule's verdict on every week, `core__repo_anomalies` lists anomalies of individual
repositories, and `mart__weekly_flows` contains both reported and corrected downloads.

## What was removed

{_removals(newest)}

Only selected fields of cards are included. Text that looks like a secret, an e-mail address or an attack is replaced by
`[removed: kind]`. Tables about individual developers are not released.

## License and attribution

{name} ({link}). {_attribution(weeks)}

`DATASHEET.md` explains how the data was collected, `weeks.json` lists each week's files and sources, and
`croissant.json` and `datapackage.json` are machine-readable descriptions.
"""


def _table_rows(week: Week, table: str) -> int:
    return week.files[f"{table}/week={week.week}/{table}.parquet"].rows


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _gaps(weeks: list[Week]) -> str:
    days = [date.fromisoformat(week.week) for week in weeks]
    missing = (days[-1] - days[0]).days // 7 + 1 - len(days)
    return f"; {missing:,} weeks in this period are missing" if missing else ""


def _uncollected(week: Week) -> str:
    names = {
        column["name"]
        for table in LISTINGS
        for column in week.columns[table]
        if column["description"].startswith("Not collected")
    }
    return ", ".join(f"`{name}`" for name in sorted(names))


def _quality(week: Week) -> str:
    if not week.suspicions:
        return "No rule casts doubt on this week."
    lines = [
        f"| {row['repo_type']} | {row['rule']} | {row['severity']} | {row['evidence']} |" for row in week.suspicions
    ]
    return "\n".join(["| type | rule | severity | evidence |", "| --- | --- | --- | --- |", *lines])


def _removals(week: Week) -> str:
    if not week.removed:
        return "Nothing was removed from this week."
    lines = [f"| {kind.replace('_', ' ')} | {n:,} |" for kind, n in week.removed.items()]
    return "\n".join(["| what | count |", "| --- | ---: |", *lines])


def _attribution(weeks: list[Week]) -> str:
    sources = {source["source"] for week in weeks for source in week.sources.values()}
    archives = [text for name, text in _ATTRIBUTIONS.items() if any(name in source for source in sources)]
    whence = f" Some weeks come from {' and '.join(archives)}." if archives else ""
    return f"The data comes from the Hub's public API.{whence} Each repository described here has its own license."


def _datasheet(weeks: list[Week], repo_id: str) -> str:
    newest = weeks[-1]
    sources = "\n".join(
        f"| {week.week} | {table} | {source['source']} | {source.get('revision', '')} | {source['license']} |"
        for week in weeks
        for table, source in week.sources.items()
    )
    return f"""# Datasheet for {repo_id}

The questions follow Gebru et al., "Datasheets for Datasets" (2021).

## Motivation
Research on open-source AI needs the Hub's past, but the Hub shows only its current state. This data set preserves a
snapshot of that state every week.

## Composition
One row per week and public repository ({_rows(newest):,} rows in the week of {newest.week}), and tables computed from
these rows. Every repository that the Hub lists is included, except those that the publisher withholds. Counts that the
Hub does not show are null. `core__week_quality` states whether each week's counters are plausible.

## Collection
Listings come from the Hub's public API, page by page, or from a public archive:

| week | table | source | revision | license |
| --- | --- | --- | --- | --- |
{sources}

## Cleaning
Impossible values are null. Only selected fields of cards are kept. Secrets, e-mail addresses and attacks in text are
replaced by `[removed: kind]`; the data set card says how many. Corrected counters are in separate columns; raw counts
are kept.

## People
Repository ids contain the names of accounts, as the Hub shows them. A release contains neither the authors of commits
and discussions nor networks of individual developers.

## Uses
Studying trends, concentration, lineage and use of models and datasets. Downloads are requests as the Hub counts them,
not users; the Hub's definition for datasets changed in September 2024. Do not use the data to single out people.

## Distribution and maintenance
Each week is released in one commit with its own tag, and is never edited. If a repository is withheld later, only later
releases leave it out. To request a removal, start a discussion on the data set's page.
"""


def _types(column: str) -> tuple[str | None, str]:
    """Return the Croissant and Frictionless types for an Arrow type; None if Croissant has no such scalar type."""
    if column.startswith("timestamp"):
        return "sc:DateTime", "datetime"
    if column.startswith("date"):
        return "sc:Date", "date"
    if column.startswith(("list", "large_list")):
        return "sc:Text", "array"
    if column.startswith(("struct", "map")):
        return None, "object"
    if column.startswith(("int", "uint", "decimal")):
        return "sc:Integer", "integer"
    if column in ("double", "float", "halffloat"):
        return "sc:Float", "number"
    return ("sc:Boolean", "boolean") if column == "bool" else ("sc:Text", "string")


def _identifier(table: str, column: str) -> str:
    return f"{table}/{column}"


def _croissant(weeks: list[Week], repo_id: str, titles: Mapping[str, str]) -> dict[str, Any]:
    newest = weeks[-1]
    paths = {table: f"{table}/week={newest.week}/{table}.parquet" for table in newest.columns}
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": repo_id.replace("/", "_"),
        "description": "Weekly listings of the Hugging Face Hub and statistics computed from them.",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "license": _LICENSES[_license(weeks)][1],
        "url": f"https://huggingface.co/datasets/{repo_id}",
        "version": f"{newest.week.replace('-', '.')}",
        "datePublished": newest.week,
        "citeAs": f"{repo_id}, week of {newest.week}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": path,
                "name": path,
                "contentUrl": path,
                "contentSize": f"{newest.files[path].bytes} B",
                "encodingFormat": "application/x-parquet",
                "sha256": newest.files[path].sha256,
            }
            for path in paths.values()
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": table,
                "name": table,
                "description": _one_line(titles.get(table, "")),
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": _identifier(table, column["name"]),
                        "name": _identifier(table, column["name"]),
                        "description": column["description"],
                        "dataType": _types(column["type"])[0],
                        "source": {"fileObject": {"@id": path}, "extract": {"column": column["name"]}},
                        **({"repeated": True} if column["type"].startswith("list") else {}),
                    }
                    for column in newest.columns[table]
                    if _types(column["type"])[0]
                ],
            }
            for table, path in paths.items()
        ],
    }


def _datapackage(weeks: list[Week], repo_id: str, titles: Mapping[str, str]) -> dict[str, Any]:
    newest = weeks[-1]
    title, link = _LICENSES[_license(weeks)]
    resources = []
    for table, columns in newest.columns.items():
        path = f"{table}/week={newest.week}/{table}.parquet"
        file = newest.files[path]
        resources.append(
            {
                "name": table.replace("_", "-"),
                "description": _one_line(titles.get(table, "")),
                "path": path,
                "format": "parquet",
                "mediatype": "application/x-parquet",
                "bytes": file.bytes,
                "hash": f"sha256:{file.sha256}",
                "schema": {
                    "fields": [
                        {
                            "name": column["name"],
                            "type": _types(column["type"])[1],
                            "description": column["description"],
                        }
                        for column in columns
                    ]
                },
            }
        )
    return {
        "name": repo_id.replace("/", "-").lower(),
        "title": "Hugging Face Hub, week by week",
        "homepage": f"https://huggingface.co/datasets/{repo_id}",
        "version": newest.week,
        "licenses": [{"name": "ODbL-1.0" if _license(weeks) == ODBL else "Apache-2.0", "title": title, "path": link}],
        "resources": resources,
    }


_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
"""The JSON-LD context of Croissant 1.0."""
