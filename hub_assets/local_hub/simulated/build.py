"""Builds a simulated week: turns scale, seed and date into the tables to serve and a separate answer key.

This module runs the steps in order and selects the visible rows. It limits memory use by building listings in blocks
and letting each finished table be moved to a file. The other modules create the content.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.local_hub.histories import Histories
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.authors import authors_of
from hub_assets.local_hub.simulated.famous_models import known_models, owner_of
from hub_assets.local_hub.simulated.histories import Commits, blocks, commits_of, discussions_of
from hub_assets.local_hub.simulated.people import People
from hub_assets.local_hub.simulated.quantiles import SIZES
from hub_assets.local_hub.simulated.repositories import Repositories
from hub_assets.local_hub.simulated.rng import Ints
from hub_assets.local_hub.simulated.timeline import demography, moment
from hub_assets.local_hub.simulated.usage import Usage, usage_of
from hub_assets.vocabulary import REPO_TYPES, RepoType

Offsets = npt.NDArray[np.int64]

_REPEATED: Final = {"card", "config", "runtime"}
"""Columns of long strings that many repositories share; with a copy per row, they would fill a third of a listing."""


@dataclass(frozen=True)
class History:
    """The commits and discussions of one repository type, in the form that `histories.Histories` accepts."""

    commits: pa.Table
    commit_offsets: Offsets
    discussions: pa.Table
    discussion_offsets: Offsets


@dataclass(frozen=True)
class AnswerKey:
    """The truth, which is never served.

    Args:
        people: one row per author, in the order of the population's authors: `user` (the author string served),
            `person` (a number, null for bots) and `is_bot`. A person may have several author strings, and several
            people may share one.
        usage: one row per pair of a Space and a model that it truly uses: `space` and `model`, as row numbers in the
            population's tables.
    """

    people: pa.Table
    usage: pa.Table


@dataclass(frozen=True)
class Simulation:
    """A simulated week as tables. `repos` has one row per repository; the other tables are as in `Population`."""

    identity: str
    week: date
    repos: Mapping[RepoType, pa.Table]
    accounts: pa.Table
    members: pa.Table
    renames: Mapping[RepoType, dict[str, str]]
    authors: pa.Table
    histories: Mapping[RepoType, History]
    key: AnswerKey

    def population(self) -> Population:
        """Return the population to serve."""
        return Population(
            self.identity,
            self.week,
            self.repos,
            accounts=self.accounts,
            members=self.members,
            renames=self.renames,
            authors=self.authors,
            histories={
                kind: Histories(one.commits, one.commit_offsets, one.discussions, one.discussion_offsets)
                for kind, one in self.histories.items()
            },
        )


def assembled(
    identity: str, week: date, renames: Mapping[RepoType, dict[str, str]], table: Callable[[str], pa.Table]
) -> Simulation:
    """Assemble a simulated week; `table` returns the table with a given name."""
    histories = {}
    for kind in REPO_TYPES:
        offsets = table(f"offsets-of-{kind}s")
        commits, discussions = (offsets[name].to_numpy() for name in ("commits", "discussions"))
        histories[kind] = History(table(f"commits-of-{kind}s"), commits, table(f"discussions-of-{kind}s"), discussions)
    return Simulation(
        identity=identity,
        week=week,
        repos={kind: table(f"{kind}s") for kind in REPO_TYPES},
        accounts=table("accounts"),
        members=table("members"),
        renames=renames,
        authors=table("authors"),
        histories=histories,
        key=AnswerKey(table("key-people"), table("key-usage")),
    )


def build(
    monday: date, scale: float, seed: int, put: Callable[[str, pa.Table], pa.Table] = lambda _, table: table
) -> Simulation:
    """Build the Hub as of a Monday, 00:00 UTC.

    Args:
        monday: the week.
        scale: as in `simulate`.
        seed: as in `simulate`.
        put: function that takes the name of a finished table and the table itself, and returns an equal table, for
            example one stored in a file. By default, tables stay in memory.
    """
    now = moment(monday)
    world = demography({kind: round(size * scale) for kind, size in SIZES.items()}, now, seed)
    model_timeline = world.timeline["model"]
    known = {
        int(model_timeline.namespace[row]): owner_of(name) for row, name in known_models(model_timeline.created).items()
    }
    people = People(world, seed, known)
    repos = {kind: Repositories(world.timeline[kind], people, seed, now) for kind in REPO_TYPES}
    usage = usage_of(repos["space"], repos["model"], repos["dataset"])
    more: dict[RepoType, Callable[[Ints], dict[str, pa.Array]]] = {
        "model": lambda rows: repos["model"].columns(rows, repos["dataset"]),
        "dataset": repos["dataset"].columns,
        "space": lambda rows: _space_columns(repos["space"], usage, rows),
    }
    commits, tables = {}, {}
    for kind in REPO_TYPES:
        commits[kind] = commits_of(repos[kind])
        tables[f"{kind}s"] = put(f"{kind}s", _listing(repos[kind], commits[kind], more[kind]))
    discussions = {kind: discussions_of(repos[kind], commits[kind].mains) for kind in REPO_TYPES}
    everybody = [*(one.codes for one in commits.values()), *(one.codes for one in discussions.values())]
    authors = authors_of(people, np.concatenate([pa.array(codes).unique() for codes in everybody]), now)
    members, in_teams = people.members(now)
    persons = authors.key["person"].drop_null().to_numpy()
    small = {
        "accounts": people.accounts(np.unique(np.append(persons, in_teams)), now),
        "members": members,
        "authors": authors.table,
        "key-people": authors.key,
        "key-usage": _usage_key(usage, repos),
    }
    tables |= {name: put(name, table) for name, table in small.items()}
    renames = {kind: repos[kind].renames() for kind in REPO_TYPES}
    for kind in REPO_TYPES:
        events, talks = commits.pop(kind), discussions.pop(kind)
        offsets = pa.table({"commits": events.offsets, "discussions": talks.offsets})
        for name, table in {
            f"commits-of-{kind}s": events.table(authors, people),
            f"discussions-of-{kind}s": talks.table(authors),
            f"offsets-of-{kind}s": offsets,
        }.items():
            tables[name] = put(name, table)
    return assembled(f"simulated, scale {scale!r}, seed {seed}", monday, renames, tables.__getitem__)


def _listing(repos: Repositories, commits: Commits, more: Callable[[Ints], dict[str, pa.Array]]) -> pa.Table:
    """Return the table of visible repositories, in a single chunk."""
    modified, heads = commits.dates[commits.heads], commits.ids.take(pa.array(commits.heads))
    made = []
    for block in blocks(len(commits.rows)):
        rows = commits.rows[block]
        newest = {
            "lastModified": text.moments(modified[block]),
            "sha": text.hexadecimal_of(heads.slice(block.start, len(rows))),
        }
        columns = repos.shared_columns(rows) | more(rows) | newest
        made.append(
            pa.table(columns | {name: columns[name].dictionary_encode() for name in _REPEATED & columns.keys()})
        )
    table = pa.concat_tables(made).unify_dictionaries()
    made.clear()
    # combine one column at a time, so that only that column is in memory twice
    for position, name in enumerate(table.column_names):
        table = table.set_column(position, name, table[name].combine_chunks())
    return table


def _space_columns(spaces: Repositories, usage: Usage, rows: Ints) -> dict[str, pa.Array]:
    models = usage.models.take(rows)
    return spaces.columns(rows) | {
        "models": models,
        "datasets": usage.datasets.take(rows),
        "card": spaces.app_cards(rows, models),
    }


def _usage_key(usage: Usage, repos: Mapping[RepoType, Repositories]) -> pa.Table:
    """Return the pairs of a visible Space and a visible model it uses, as row numbers."""
    spaces, models = repos["space"], repos["model"]
    seen = spaces.visible[usage.spaces_of] & models.visible[usage.models_of]
    return pa.table({"space": _row(spaces, usage.spaces_of[seen]), "model": _row(models, usage.models_of[seen])})


def _row(repos: Repositories, which: Ints) -> Ints:
    rows: Ints = np.cumsum(repos.visible)[which] - 1
    return rows
