"""Identity resolution: the time from raw tables to a mart of merged developers, and the accuracy of the merges."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets_tests.benchmarks.processes import Clock, measure
from hub_assets_tests.benchmarks.records import GIB, Aim, Answers, Measurement, Table, compare
from hub_assets_tests.benchmarks.stage import SEED, WEEK, Stage, benchmark

REAL_NAMES, OTHER_NAMES = 1_979, 99_041
"""How many names with and without spaces the study compared."""
TWINS: Final = 5
"""One in this many real names gets a similar counterpart, about as often as the study found one."""
PART: Final = 20
"""The peer compares only one in this many real names; its seconds are scaled up."""
SYLLABLES: Final = np.array([consonant + vowel for consonant in "bcdfghjklmnprstvwz" for vowel in "aeiou"])

Places = set[tuple[int, int]]


@benchmark("identities", order=55)
def identities(stage: Stage) -> Iterator[Measurement | Table]:
    """Resolve all author strings, check the result against the answer key, and compare names as the study did."""
    raw = stage.folder / "identities"
    measure(write_raw_tables, raw, stage.scale, stage.populations)
    ours = measure(find_developers, raw, stage.scale, stage.populations)
    judged = ours.result
    yield Table("Accuracy of identity resolution", judged.rows)
    aims = [
        Aim("seconds", ours.seconds, 60, "s"),
        Aim("peak memory", ours.peak / GIB, 3, "GiB"),
        Aim("precision", judged.precision, 0.98, is_floor=True),
        Aim("recall relative to the study's prongs", judged.gain, 2, is_floor=True),
    ]
    answers = compare(judged.found, judged.true)
    done = ours.measurement("identities: end to end", judged.strings, aims=aims, answers=answers)
    yield replace(done, unit="strings")

    names = measure(compare_names, stage.scale)
    peer = measure(compare_one_by_one, stage.scale)
    found, n_real, n_other = names.result
    part = replace(peer, seconds=peer.seconds * n_real / len(range(0, n_real, PART)))
    yield Measurement(
        "identities: names compared",
        n_real * n_other,
        names.seconds,
        names.peak,
        unit="pairs",
        peers=[part.peer("loop, scaled up")],
        aims=[Aim("seconds", names.seconds, 30, "s")],
        answers=_same({pair for pair in found if pair[0] % PART == 0}, peer.result),
    )


def _same(ours: Places, theirs: Places) -> Answers:
    return Answers(len(ours | theirs), tuple(f"{pair} is found by only one of them" for pair in sorted(ours ^ theirs)))


@dataclass(frozen=True)
class Judged:
    """The results of identity resolution: `rows` to print, and numbers that must match the simulation.

    `gain` is the recall divided by the recall of the study's prongs.
    """

    rows: list[dict[str, Any]]
    strings: int
    precision: float
    gain: float
    found: dict[str, float | None]
    true: dict[str, float | None]


def write_raw_tables(clock: Clock, folder: Path, scale: float, populations: Path) -> None:
    """Write the raw tables of the week as Parquet."""
    import pyarrow.parquet as pq

    from hub_assets.local_hub.simulated import simulate
    from hub_assets_tests.identities.simulated import raw_tables

    folder.mkdir(parents=True)
    with clock:
        for name, table in raw_tables(simulate(WEEK, scale=scale, seed=SEED, keep=populations)).items():
            pq.write_table(table, folder / f"{name}.parquet")


def find_developers(clock: Clock, folder: Path, scale: float, populations: Path) -> Judged:
    """Build everything from the raw tables to `mart__repo_activity`; evaluate the merges with and without accounts."""
    import pyarrow.compute as pc

    from hub_assets.identities.facts import NO_ACCOUNTS
    from hub_assets.local_hub.simulated import simulate
    from hub_assets.resources import project
    from hub_assets.warehouse.database import connect, prepare
    from hub_assets_tests.identities import simulated
    from hub_assets_tests.warehouse.building import models_for

    models = project()
    files = {source.name: list(folder.glob(f"{source.name}.parquet")) for source in models.sources}
    names = models_for(models, *simulated.NAMES)
    known = {model.name for model in names}
    marts = [model for model in models_for(models, "mart__repo_activity") if model.name not in known]
    with connect(folder / "build.duckdb") as connection:
        with clock:
            prepare(connection, models, files)
            simulated.build(connection, names, WEEK)
            found = simulated.identify(connection, WEEK)
            simulated.keep_identities(connection, models, WEEK, found)
            simulated.build(connection, marts, WEEK)
        without = simulated.identify(connection, WEEK, NO_ACCOUNTS)
        ((repositories, commits),) = connection.execute(
            "select count(*), sum(n_commits) from mart__repo_activity"
        ).fetchall()

    simulation = simulate(WEEK, scale=scale, seed=SEED, keep=populations)
    key = simulation.key.people
    strings = len(found.developers)

    def row(who: str, pairs: pa.Table, accepted: int, held: simulated.Confusion) -> dict[str, Any]:
        sizes = {"strings": strings, "commits": int(commits), "proposed": len(pairs), "accepted": accepted}
        return {"who decides": who, **sizes, "share": 1.0, "precision": held.precision, "recall": held.recall}

    prongs = simulated.proposed(found.candidates, *simulated.STUDY_RULES)
    of_prongs = simulated.confusion(key, simulated.taken(prongs))
    ours = simulated.confusion(key, simulated.merged_pairs(found.developers))
    without_accounts = simulated.confusion(key, simulated.merged_pairs(without.developers))
    rules = [
        {"who decides": f"  {one.pop('rule')}", "strings": "", "commits": "", "proposed": "", **one}
        for one in simulated.rule_rows(key, found.pairs)
    ]
    return Judged(
        [
            row("the study's prongs, all accepted", prongs, len(prongs), of_prongs),
            row("rules, without accounts", without.pairs, len(simulated.accepted(without.pairs)), without_accounts),
            row("rules, with accounts", found.pairs, len(simulated.accepted(found.pairs)), ours),
            *rules,
        ],
        strings,
        ours.precision,
        ours.recall / (of_prongs.recall or math.nan),
        {"author strings": strings, "bots": len(found.bots), "repositories": repositories, "commits": float(commits)},
        {
            "author strings": len(pc.unique(key["user"])),
            "bots": pc.sum(key["is_bot"]).as_py(),
            "repositories": sum(map(len, simulation.repos.values())),
            "commits": sum(len(one.commits) for one in simulation.histories.values()),
        },
    )


def compare_names(clock: Clock, scale: float) -> tuple[Places, int, int]:
    """Return the positions of all pairs of a real name and a similar other name, and the number of names of each."""
    from hub_assets.identities.names import alike_pairs

    some, others = made_names(scale)
    with clock:
        left, right = alike_pairs(some, others)
    return set(zip(left.to_pylist(), right.to_pylist(), strict=True)), len(some), len(others)


def compare_one_by_one(clock: Clock, scale: float) -> Places:
    """Find the names similar to a sample of the real names by looping over all pairs, as the study's scripts do."""
    from rapidfuzz import fuzz

    some, others = (names.to_pylist() for names in made_names(scale))
    with clock:
        return {
            (left, right)
            for left in range(0, len(some), PART)
            for right, other in enumerate(others)
            if fuzz.ratio(some[left], other) >= 90
        }


def made_names(scale: float) -> tuple[pa.Array, pa.Array]:
    """Make up real names and other names in normalized form; at scale 1, as many of each as in the study."""
    rng = np.random.default_rng(SEED)

    def words(n: int, syllables: int) -> npt.NDArray[np.str_]:
        return np.ascontiguousarray(rng.choice(SYLLABLES, (n, syllables))).view(f"U{2 * syllables}").ravel()

    n_real, n_other = (max(round(number * scale), PART) for number in (REAL_NAMES, OTHER_NAMES))
    real = np.char.add(words(n_real, 2), words(n_real, 4))
    others = np.char.add(words(n_other, 5), rng.integers(100, size=n_other).astype(str))
    twins = real[::TWINS]
    others[: len(twins)] = np.char.add(twins, rng.integers(10, size=len(twins)).astype(str))
    return pa.array(real), pa.array(rng.permutation(others))
