"""Building a simulated week: from scale, seed and date to the served tables and a separate answer key.

This module orders the steps and selects visible rows. The other modules create the content.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hub_assets.local_hub.histories import Histories
from hub_assets.local_hub.population import Population
from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.authors import Authors, authors_of
from hub_assets.local_hub.simulated.famous_models import known_models, owner_of
from hub_assets.local_hub.simulated.histories import Commits, Discussions, commits_of, discussions_of
from hub_assets.local_hub.simulated.people import People
from hub_assets.local_hub.simulated.quantiles import SIZES
from hub_assets.local_hub.simulated.repositories import Repositories
from hub_assets.local_hub.simulated.rng import Ints
from hub_assets.local_hub.simulated.timeline import demography, moment
from hub_assets.local_hub.simulated.usage import Usage, usage_of
from hub_assets.vocabulary import REPO_TYPES, RepoType

Offsets = npt.NDArray[np.int64]


@dataclass(frozen=True)
class History:
    """The commits and discussions of one repository type, in the form that `histories.Histories` takes."""

    commits: pa.Table
    commit_offsets: Offsets
    discussions: pa.Table
    discussion_offsets: Offsets


@dataclass(frozen=True)
class AnswerKey:
    """The truth, which is never served.

    Args:
        people: in the order of the population's authors: `user` (the author string served), `person` (a number, null
            for bots) and `is_bot`. A person may have several strings, and several persons may share a string.
        usage: the true use of models by Spaces: `space` and `model`, rows of the population's tables.
    """

    people: pa.Table
    usage: pa.Table


@dataclass(frozen=True)
class Simulation:
    """A simulated week as tables. Each row of `repos` is a repository; the other tables are as in `Population`."""

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


def build(monday: date, scale: float, seed: int) -> Simulation:
    """Build the Hub as of a Monday, 00:00 UTC."""
    now = moment(monday)
    world = demography({kind: round(size * scale) for kind, size in SIZES.items()}, now, seed)
    model_timeline = world.timeline["model"]
    known = {
        int(model_timeline.namespace[row]): owner_of(name) for row, name in known_models(model_timeline.created).items()
    }
    people = People(world, seed, known)
    repos = {kind: Repositories(world.timeline[kind], people, seed, now) for kind in REPO_TYPES}
    usage = usage_of(repos["space"], repos["model"], repos["dataset"])
    commits = {kind: commits_of(repos[kind]) for kind in REPO_TYPES}
    discussions = {kind: discussions_of(repos[kind], commits[kind].mains) for kind in REPO_TYPES}
    everybody = [*(one.codes for one in commits.values()), *(one.codes for one in discussions.values())]
    authors = authors_of(people, np.concatenate([np.unique(codes) for codes in everybody]), now)
    members, in_teams = people.members(now)
    persons = authors.key["person"].drop_null().to_numpy()
    seen = np.unique(np.append(persons, in_teams))
    return Simulation(
        identity=f"simulated, scale {scale!r}, seed {seed}",
        week=monday,
        repos={
            "model": _visible(repos["model"], commits["model"], repos["model"].columns(repos["dataset"])),
            "dataset": _visible(repos["dataset"], commits["dataset"], repos["dataset"].columns()),
            "space": _visible(
                repos["space"],
                commits["space"],
                repos["space"].columns()
                | {
                    "models": usage.models,
                    "datasets": usage.datasets,
                    "card": repos["space"].app_cards(usage.models),
                },
            ),
        },
        accounts=people.accounts(seen, now),
        members=members,
        renames={kind: repos[kind].renames() for kind in REPO_TYPES},
        authors=authors.table,
        histories={kind: _history(commits[kind], discussions[kind], authors, people) for kind in REPO_TYPES},
        key=AnswerKey(authors.key, _usage_key(usage, repos)),
    )


def _visible(repos: Repositories, commits: Commits, columns: dict[str, pa.Array]) -> pa.Table:
    """Return the table of visible repositories."""
    visible = pa.array(np.flatnonzero(repos.visible))
    modified = np.zeros(len(repos.which), np.int64)
    modified[commits.rows] = commits.dates[commits.heads]
    heads = commits.ids.take(pa.array(commits.heads))
    table = pa.table(repos.shared_columns(modified) | columns).take(visible)
    return table.append_column("sha", text.hexadecimal_of(heads))


def _history(commits: Commits, discussions: Discussions, authors: Authors, people: People) -> History:
    return History(commits.table(authors, people), commits.offsets, discussions.table(authors), discussions.offsets)


def _usage_key(usage: Usage, repos: Mapping[RepoType, Repositories]) -> pa.Table:
    """Return the visible models used by visible Spaces, as pairs of rows."""
    spaces, models = repos["space"], repos["model"]
    seen = spaces.visible[usage.spaces_of] & models.visible[usage.models_of]
    return pa.table({"space": _row(spaces, usage.spaces_of[seen]), "model": _row(models, usage.models_of[seen])})


def _row(repos: Repositories, which: Ints) -> Ints:
    rows: Ints = np.cumsum(repos.visible)[which] - 1
    return rows
