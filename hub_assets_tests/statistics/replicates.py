"""How well the statistics of change recover the truth: replicates of a simulated Hub with faults.

Each replicate is a separate Hub over 104 weeks, with gaps, stalls and a truncated listing. Its listings go through the
rules that flag suspect weeks, and then through the statistics; the answer key has the truth. A slow test runs a few
replicates; `python -m hub_assets_tests.statistics.replicates` runs any number of them.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv
from rich.console import Console
from rich.table import Table

from hub_assets.local_hub.simulated.courses import LIFE_WEEKS, Courses
from hub_assets.local_hub.simulated.series import WINDOW_DAYS, Series, drawn, some_faults
from hub_assets.local_hub.simulated.series_files import concentration
from hub_assets.local_hub.simulated.timeline import moment
from hub_assets.resources import project
from hub_assets.statistics.adoption import relative_adoption, release_curves
from hub_assets.statistics.concentration_over_time import concentration_over_time
from hub_assets.statistics.survival import survival
from hub_assets.statistics.trends import YEAR, trend
from hub_assets.trust.quality import PARTIAL_LISTINGS
from hub_assets.trust.rules import Rules
from hub_assets.trust.schemas import WEEK_QUALITY
from hub_assets.trust.stalls import partly_frozen, stalled, trailing_ratio

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SCALE: Final = 0.005
"""About 1,700 models."""
MEASURED: Final = ("share_of_top_10", "share_of_top_100", "top_1_share", "gini", "hhi")
SURVIVAL_DAYS: Final = (364, 728, 1_456)
ADOPTION_DAYS: Final = (30, 90, 180)
WEEKS_MEASURED: Final = 3
RECOUNTS: Final = 30
"""Number of recounts of a week; their mean is taken as the truth."""
UNEVENNESS: Final = 0.4
BUSY_DOWNLOADS: Final = 30
"""The threshold in the seed is 3,000, but a Hub this small has too few models above it."""
LEAST_DOWNLOADS: Final = 100
"""Errors of adoption are measured for releases with at least this many downloads."""
DAY: Final = 24 * 3600

Results = dict[str, list[float]]


@dataclass(frozen=True)
class Shown:
    """What the listings of a series show, as week-by-model arrays; NaN where a listing lacks the model.

    Args:
        series: the series.
        window, all_time: the counters.
        expected_window: the truth behind `window`, 0 for models that do not exist.
        true_all_time: the truth behind `all_time`, NaN for models that do not exist.
        rules: the thresholds for suspect listings.
    """

    series: Series
    window: Floats
    all_time: Floats
    expected_window: Floats
    true_all_time: Floats
    rules: Rules

    @property
    def courses(self) -> Courses:
        """The truth about each model."""
        return self.series.courses["model"]

    @cached_property
    def times(self) -> Floats:
        """The Mondays, as seconds since 1970."""
        return np.array([moment(monday) for monday in self.series.mondays], np.float64)

    @cached_property
    def ages(self) -> Floats:
        """Each model's age in days in each week."""
        ages: Floats = (self.times[:, None] - self.courses.created) / DAY
        return ages

    @cached_property
    def listings(self) -> npt.NDArray[np.int64]:
        """The weeks with a listing."""
        return np.flatnonzero((~np.isnan(self.window)).any(axis=1))

    @cached_property
    def is_whole(self) -> Flags:
        """Whether each week has a listing that no rule considers truncated."""
        n_listed = (~np.isnan(self.window)).sum(axis=1)
        whole: Flags = n_listed > 0
        for place, week in enumerate(self.listings):
            before = n_listed[self.listings[max(place - PARTIAL_LISTINGS, 0) : place]]
            if len(before) >= self.rules.least_baseline:
                whole[week] = n_listed[week] >= self.rules.partial_share * np.median(before)
        return whole

    @cached_property
    def is_believed(self) -> Flags:
        """Whether each week has a complete listing and counters that no rule considers suspect."""
        usable = np.flatnonzero(self.is_whole)
        now, before = usable[1:], usable[:-1]
        new = self.all_time[now] - self.all_time[before]
        days = (self.times[now] - self.times[before]) / DAY
        is_busy = (self.window[before] >= BUSY_DOWNLOADS) & ~np.isnan(new)
        n_busy = is_busy.sum(axis=1).astype(np.float64)
        frozen = np.divide((is_busy & (new == 0)).sum(axis=1), n_busy, out=np.full(len(now), np.nan), where=n_busy > 0)
        ratio = trailing_ratio(np.nansum(new, axis=1) / days, self.rules)
        doubted = partly_frozen(frozen, n_busy, self.rules) | stalled(ratio, frozen, n_busy, self.rules)
        believed = np.zeros(len(self.times), bool)
        believed[usable] = True
        believed[now[doubted]] = False
        return believed


def shown(series: Series, rules: Rules) -> Shown:
    """Count the downloads in a series of models, and stack the weeks into arrays."""
    size = (series.weeks, len(series.courses["model"]))
    window, all_time, truth = (np.full(size, np.nan) for _ in range(3))
    expected = np.zeros(size)
    for week in series.counted():
        listed = week.rows[week.is_listed]
        window[week.number, listed] = week.downloads[week.is_listed]
        all_time[week.number, listed] = week.downloads_all_time[week.is_listed]
        truth[week.number, week.rows] = week.true_all_time
        expected[week.number, week.rows] = week.expected_window
    return Shown(series, window, all_time, expected, truth, rules)


def rules_of_the_seed() -> Rules:
    """Return the thresholds for suspect listings."""
    (seed,) = (each for each in project().seeds if each.name == "trust_rules")
    return Rules.of_seed(csv.read_csv(seed.path))


def replicate(seed: int, rules: Rules, scale: float = SCALE, weeks: int = 104) -> Results:
    """Run one replicate.

    Returns:
        The values of each measure: 1 or 0 for yes-or-no results (covered, found), and the errors of estimates.
    """
    found: Results = defaultdict(list)
    series = Series(scale, weeks, seed=seed, faults=some_faults(weeks, seed), unevenness=UNEVENNESS, kinds=("model",))
    hub = shown(series, rules)
    for figures in (_faults(hub), _concentration(hub, seed), _survival(hub), _adoption(hub), _half_lives(hub)):
        for name, value in figures:
            found[name].append(value)
    still = shown(replace(series, is_stationary=True), rules)
    for name, value in _concentration(still, seed):
        found[f"{name}, at rest"].append(value)
    for each in (hub, still):
        for name, value in _trends(each):
            found[name].append(value)
    return found


def _faults(hub: Shown) -> Iterator[tuple[str, float]]:
    """Yield whether each stalled or truncated week is flagged, and whether each good week is."""
    faults = hub.series.faults
    for week in range(hub.series.weeks):
        if week in faults.stalls:
            yield "stalled weeks that the rules find", float(not hub.is_believed[week])
        elif week in faults.cuts:
            yield "cut listings that the rules find", float(not hub.is_whole[week])
        elif week not in faults.gaps:
            yield "good weeks that the rules doubt", float(not hub.is_believed[week])


def _concentration(hub: Shown, seed: int) -> Iterator[tuple[str, float]]:
    """Yield, for a sample of weeks, whether intervals cover the mean over many recounts, and the measures' errors.

    Counting makes downloads of unpopular models more unequal than their popularity, so the errors are also given
    against the expected downloads themselves.
    """
    rng = np.random.default_rng([seed, 8])
    good = np.flatnonzero(hub.is_believed[1:] & hub.is_believed[:-1]) + 1
    some = np.sort(np.random.default_rng([seed, 9]).choice(good, min(WEEKS_MEASURED, len(good)), replace=False))
    parts = []
    for week in some:
        rows = np.flatnonzero(~np.isnan(hub.window[week]))
        n = len(rows)
        is_steady = week >= 2 and hub.is_believed[week - 2]
        parts.append(
            pa.table(
                {
                    "snapshot_date": pa.repeat(pa.scalar(hub.series.mondays[week], pa.date32()), n),
                    "repo_type": pa.repeat(pa.scalar("model"), n),
                    "n_downloads": hub.window[week, rows],
                    "n_downloads_earlier": pa.array(hub.window[week - 1, rows], from_pandas=True),
                    "n_downloads_before_earlier": pa.array(
                        hub.window[week - 2, rows] if is_steady else np.full(n, np.nan), from_pandas=True
                    ),
                    "n_downloads_overlap": np.full(n, (WINDOW_DAYS - 7) / WINDOW_DAYS),
                }
            )
        )
    made = concentration_over_time(pa.concat_tables(parts), WEEK_QUALITY.empty_table(), ["n_downloads"], [])
    for week, row in zip(some, made.to_pylist(), strict=True):
        expected = hub.expected_window[week][hub.courses.exist(hub.times[week])]
        popularity = concentration(expected)
        counts = [concentration(_recounted(expected, rng)) for _ in range(RECOUNTS)]
        for name in MEASURED:
            true = float(np.mean([count[name] or np.nan for count in counts]))
            low, high = row[f"{name}_low"], row[f"{name}_high"]
            yield f"interval of {name} exists", float(low is not None and high is not None)
            if low is not None and high is not None:
                yield f"interval of {name} covers", float(low <= true <= high)
            yield f"error of {name}", row[name] / true - 1
            yield f"error of {name}, of popularity", row[name] / (popularity[name] or np.nan) - 1


def _recounted(expected: Floats, rng: np.random.Generator) -> Floats:
    """Recount the same 30 days."""
    counts: Floats = np.sum([drawn(expected / WINDOW_DAYS, days, rng) for days in (7, 7, 7, 7, 2)], axis=0, dtype=float)
    return counts


def _survival(hub: Shown) -> Iterator[tuple[str, float]]:
    """Yield whether intervals cover the true survival, and the errors; deletions show only in complete listings."""
    weeks = np.flatnonzero(hub.is_whole)
    seen = ~np.isnan(hub.window[weeks])
    models = np.flatnonzero(seen.any(axis=0))
    first = seen[:, models].argmax(axis=0)
    last = len(weeks) - 1 - seen[::-1, models].argmax(axis=0)
    is_event = last < len(weeks) - 1
    leaving = hub.ages[weeks[np.minimum(last + is_event, len(weeks) - 1)], models]
    durations = pa.table({"entry": hub.ages[weeks[first], models], "exit": leaving, "is_event": is_event})
    for row in survival(durations, at=[float(day) for day in SURVIVAL_DAYS]).to_pylist():
        truth = float(np.exp(-row["day"] / 7 / LIFE_WEEKS))
        name = f"survival at {row['day']:.0f} days"
        yield f"interval of {name} covers", float(row["survival_low"] <= truth <= row["survival_high"])
        yield f"error of {name}", row["survival"] - truth


def _adoption(hub: Shown) -> Iterator[tuple[str, float]]:
    """Yield the errors that gaps and suspect weeks cause in downloads since release and in relative adoption."""
    is_new = hub.courses.created > hub.times[0]
    ours, truth = (
        {
            (row["repo_key"], row["day"]): row
            for row in relative_adoption(_counts(hub, counter, weeks, is_new), ADOPTION_DAYS, max_gap=365).to_pylist()
        }
        for counter, weeks in (
            (hub.all_time, hub.is_believed),
            (hub.true_all_time, np.ones(hub.series.weeks, bool)),
        )
    )
    for key, row in ours.items():
        true = truth.get(key)
        if true is None or true["n_downloads_cumulative"] < LEAST_DOWNLOADS:
            continue
        is_near = "across a gap" if row["gap"] > 7 else "within a week"
        yield f"error of downloads since release, {is_near}", _relative(row, true, "n_downloads_cumulative")
        if row["relative_adoption"] and true["relative_adoption"]:
            yield f"error of relative adoption, {is_near}", _relative(row, true, "relative_adoption")
        bounds = row["n_downloads_low"] <= true["n_downloads_cumulative"] <= row["n_downloads_high"]
        yield "bounds of downloads since release cover", float(bounds)


def _relative(row: dict[str, float], true: dict[str, float], name: str) -> float:
    return row[name] / true[name] - 1


def _counts(hub: Shown, counter: Floats, weeks: Flags, models: Flags) -> pa.Table:
    week, model = np.nonzero(~np.isnan(counter) & weeks[:, None] & models & (hub.ages > 0))
    return pa.table(
        {
            "repo_key": pa.array(model).cast(pa.string()),
            "size_class": pa.repeat(pa.scalar("all"), len(week)),
            "age": hub.ages[week, model],
            "n_downloads_all_time": counter[week, model].astype(np.int64),
        }
    )


def _half_lives(hub: Shown) -> Iterator[tuple[str, float]]:
    """Yield the errors in half-lives of releases that are observed from their peak to twice their half-life."""
    courses = hub.courses
    stays = ~np.isin(courses.namespace, courses.organizations.namespace[courses.organizations.gain > 0])
    half = 7 * courses.half_life
    end = np.minimum(hub.times[-1], courses.gone)
    seen = courses.created + (7 * courses.peak + 2 * half) * DAY <= end
    some = (courses.created > hub.times[0]) & seen & stays & (courses.level >= 10)
    weeks = np.flatnonzero(hub.is_believed)
    new = hub.all_time[weeks[1:]] - np.nan_to_num(hub.all_time[weeks[:-1]])
    days = np.diff(hub.times[weeks]) / DAY
    week, model = np.nonzero(~np.isnan(new) & some)
    ages = hub.ages[weeks[1:][week], model]
    flows = pa.table(
        {
            "repo_key": pa.array(model).cast(pa.string()),
            "age": ages,
            "n_days": np.minimum(days[week], ages),
            "n_new_downloads": new[week, model],
            "is_suspect": np.zeros(len(week), bool),
        }
    )
    for row in release_curves(flows).to_pylist():
        if row["half_life"] is not None:
            yield "error of half-life", row["half_life"] / half[int(row["repo_key"])] - 1


def _trends(hub: Shown) -> Iterator[tuple[str, float]]:
    """Yield whether an unchanging Hub seems to change, and whether intervals cover the trend of each Hub.

    The true trend of an unchanging Hub is 0. That of a changing one is the least-squares line through the expected
    downloads of the same weeks. Intervals cover this line more often than 95% of the time, because they are for the
    process, and therefore allow for other realizations of it.
    """
    weeks = np.flatnonzero(hub.is_believed)
    days = (hub.times[weeks] - hub.times[0]) / DAY
    series, truth = (_measures(hub, counts[weeks]) for counts in (np.nan_to_num(hub.window), hub.expected_window))
    for name, values in series.items():
        found = trend(days, values)
        if hub.series.is_stationary:
            yield f"false trend of {name}", float(found["p_value"] < 0.05)
            yield f"interval of trend of {name} covers, at rest", float(found["slope_low"] <= 0 <= found["slope_high"])
        else:
            slope = float(np.polyfit(days, truth[name], 1)[0]) * YEAR
            yield f"interval of trend of {name} covers", float(found["slope_low"] <= slope <= found["slope_high"])
            yield f"trend of {name} found", float(found["p_value"] < 0.05)


def _measures(hub: Shown, weeks: Floats) -> dict[str, list[float]]:
    measures: dict[str, list[float]] = defaultdict(list)
    for values in weeks:
        found = concentration(values)
        for name in ("share_of_top_10", "gini"):
            measures[name].append(float(found[name] or np.nan))
        measures["share_of_derivatives"].append(float(values[hub.courses.base >= 0].sum() / values.sum()))
    return measures


def summary(results: list[Results]) -> dict[str, tuple[int, float, float]]:
    """Return n and, for each measure, its mean (if covered or found) or its median and 95% quantile (if an error)."""
    together: Results = defaultdict(list)
    for each in results:
        for name, values in each.items():
            together[name] += values
    made = {}
    for name, values in together.items():
        errors = np.array(values)
        if name.startswith("error"):
            made[name] = (len(values), float(np.median(errors)), float(np.quantile(np.abs(errors), 0.95)))
        else:
            made[name] = (len(values), float(errors.mean()), float(np.nan))
    return made


@click.command()
@click.option("--replicates", type=click.IntRange(1), default=400, show_default=True)
@click.option("--scale", type=float, default=SCALE, show_default=True, help="Scale of each Hub; 1 is the study's size.")
@click.option("--first", type=int, default=0, show_default=True, help="Seed of the first replicate.")
def main(replicates: int, scale: float, first: int) -> None:
    """Print how well the statistics of change recover the truth of simulated Hubs."""
    rules = rules_of_the_seed()
    found = [replicate(seed, rules, scale) for seed in range(first, first + replicates)]
    table = Table("figure", "n", "share or median", "95% of errors are below")
    for name, (n, middle, high) in summary(found).items():
        shown_as = (f"{middle:+.4f}", f"{high:.4f}") if name.startswith("error") else (f"{middle:.1%}", "")
        table.add_row(name, f"{n:,}", *shown_as)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
