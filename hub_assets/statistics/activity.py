"""Tables of the study's statistics on repository activity: the choice of variables, groups and statistics.

The other modules define the statistics themselves.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.statistics import schemas
from hub_assets.statistics.concentration import concentration, lorenz
from hub_assets.statistics.correlations import correlations
from hub_assets.statistics.differences import group_tests
from hub_assets.statistics.samples import Floats, known
from hub_assets.statistics.skewness import skewness
from hub_assets.statistics.tails import fit_tail

_EVERY: Final = ("n_likes", "n_discussions", "n_disc_starters", "n_commits", "n_committers", "n_community")
VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "model": (*_EVERY, "n_downloads", "n_usage_spaces"),
    "dataset": (*_EVERY, "n_downloads"),
    "space": _EVERY,
}
"""Activity variables per repository type; the Hub reports no downloads for Spaces."""

LICENSE_GROUPS: Final = ("permissive", "restrictive", "none")
"""License groups that the study compares. Like the study, we leave out `other` (unknown or not a license)."""
LEAST_USED: Final = 100
"""Licenses with fewer repositories than this are left out of the tests, as in the study."""
TARGETS: Final = (0.8, 0.9, 0.99)
TOPS: Final = (0.01, 0.1)

Activity = Mapping[str, pa.Table]
"""Rows of `mart__repo_activity` for one week, by repository type."""


def concentration_table(activity: Activity) -> pa.Table:
    """Measure the concentration of each variable; return rows of `schemas.CONCENTRATION` without the week."""

    def rows() -> Iterator[dict[str, Any]]:
        for repo_type, variable, values in _columns(activity):
            found = concentration(values, TARGETS, TOPS)
            shared = {"repo_type": repo_type, "variable": variable, "total": found["total"]}
            shared |= _coverage(int(found["n"]), len(values))
            for end in ("", "_low", "_high"):
                shared |= {f"{name}{end}": found[f"{name}{end}"] for name in ("gini", "hhi")}
                shared |= {f"top_{100 * top:g}_share{end}": found[f"top_{top:g}{end}"] for top in TOPS}
            for target in TARGETS:
                shares = {
                    f"share_of_repos{end}": found[f"share_holding_{target:g}{end}"] for end in ("", "_low", "_high")
                }
                share = shares["share_of_repos"]
                n_repos = None if np.isnan(share) else round(share * found["n"])
                yield shared | shares | {"target_share": target, "n_repos": n_repos}

    return _table(rows(), schemas.CONCENTRATION)


def lorenz_table(activity: Activity) -> pa.Table:
    """Compute the Lorenz curve of each variable; return rows of `schemas.LORENZ` without the week."""
    nothing = _table((), schemas.LORENZ)
    parts = []
    for repo_type, variable, values in _columns(activity):
        units, held = lorenz(values)
        shared = {"repo_type": repo_type, "variable": variable} | _coverage(len(known(values)), len(values))
        columns = {name: pa.repeat(value, len(units)) for name, value in shared.items()}
        columns |= {"share_of_repos": pa.array(units), "share_of_total": pa.array(held, from_pandas=True)}
        parts.append(pa.table([columns[name] for name in nothing.column_names], schema=nothing.schema))
    return pa.concat_tables([nothing, *parts])


def correlation_table(activity: Activity) -> pa.Table:
    """Correlate the variables within each type and license group of models; return rows of `schemas.CORRELATIONS`."""

    def rows() -> Iterator[dict[str, Any]]:
        for repo_type, repos in activity.items():
            groups = {"all": repos}
            if repo_type == "model":
                groups |= {group: repos.filter(pc.equal(repos["license_group"], group)) for group in LICENSE_GROUPS}
            for group, members in groups.items():
                found = correlations({name: _floats(members[name]) for name in VARIABLES[repo_type]})
                shared = {"repo_type": repo_type, "license_group": group}
                yield from (record | shared | _coverage(int(record["n"]), len(members)) for record in found)

    return _table(rows(), schemas.CORRELATIONS)


def license_test_table(activity: Activity) -> pa.Table:
    """Compare the license groups of models on each variable; return rows of `schemas.LICENSE_TESTS`."""
    if "model" not in activity:
        return _table((), schemas.LICENSE_TESTS)
    repos = activity["model"]
    used = pc.value_counts(repos["license"].combine_chunks())
    often = used.field("values").filter(pc.greater_equal(used.field("counts"), LEAST_USED))
    takes_part = pc.or_kleene(pc.is_null(repos["license"]), pc.is_in(repos["license"], often))
    repos = repos.filter(takes_part)
    groups = {group: repos.filter(pc.equal(repos["license_group"], group)) for group in LICENSE_GROUPS}
    variables = {
        name: {group: _floats(members[name]) for group, members in groups.items()} for name in VARIABLES["model"]
    }

    def rows() -> Iterator[dict[str, Any]]:
        for record in group_tests(variables):
            listed = [len(groups[str(record[group])]) for group in ("group_a", "group_b")]
            n_known = int(record["n_a"]) + int(record["n_b"])
            share = {"share_known": _coverage(n_known, sum(listed))["share_known"]}
            yield record | share | {"n_listed_a": listed[0], "n_listed_b": listed[1]}

    return _table(rows(), schemas.LICENSE_TESTS)


def tail_table(activity: Activity, resamples: int = 0) -> pa.Table:
    """Test the skewness of each variable and fit its tail; return rows of `schemas.TAIL_FITS` without the week."""

    def rows() -> Iterator[dict[str, Any]]:
        for repo_type, variable, values in _columns(activity):
            coverage = _coverage(len(known(values)), len(values))
            shared = {"repo_type": repo_type, "variable": variable, "n_known": coverage["n"]}
            yield coverage | shared | skewness(values) | fit_tail(values, resamples=resamples)

    return _table(rows(), schemas.TAIL_FITS)


def _coverage(n: int, n_listed: int) -> dict[str, Any]:
    """Return the number and share of listed repositories with a known value."""
    return {"n": n, "n_listed": n_listed, "share_known": n / n_listed if n_listed else None}


def _columns(activity: Activity) -> Iterator[tuple[str, str, Floats]]:
    for repo_type, repos in activity.items():
        for variable in VARIABLES[repo_type]:
            yield repo_type, variable, _floats(repos[variable])


def _floats(column: pa.ChunkedArray) -> Floats:
    values: Floats = column.cast(pa.float64(), safe=False).to_numpy()
    return values


def _table(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Convert records to a table of the schema without its first field; NaN becomes null."""
    columns = pa.schema(list(schema)[1:])
    records = list(rows)
    return pa.table(
        [pa.array([record.get(field.name) for record in records], field.type, from_pandas=True) for field in columns],
        schema=columns,
    )
