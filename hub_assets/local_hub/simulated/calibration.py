"""Shows how close a simulated week is to the study: each published figure next to the true figure from the answer key.

True figures count people rather than author strings, exclude bots, and cover all visible repositories. The statistics
are computed here independently and in the simplest possible way, so that they can check the project's own statistics.

The figures are close to the study's by design, so they say nothing about the real Hub. These are the results at scale
1, seed 0, in the week of 2026-11-16 (published value, then reached value; the benchmark `calibration` prints them all):

    per repository            mean           std              max                    share of zeros
    models n_likes            1.14  1.14     30.56  30.56     9,314  9,314           0.91  0.91
    models n_downloads        1,694 1,730    158,207 154,483  65,729,394 65,728,452  0.7099 0.7099
    models n_discussions      0.28  0.28     5.42   5.39      3,006  3,006           0.84  0.84
    models n_disc_starters    0.10  0.10     1.17   1.14      240    235
    models n_commits          7.28  7.25     167.14 167.11    75,653 75,652
    models n_committers       1.06  1.06     0.41   0.39      18     18
    models n_community        1.13  1.13     1.26   1.18      246    236
    datasets n_likes          0.92  0.92     18.14  18.14     3,493  3,493           0.88  0.88
    datasets n_downloads      477   477      43,786 43,768    9,651,261 9,650,953    0.70  0.70
    datasets n_discussions    1.41  1.41     309.14 309.08    79,256 79,245          0.91  0.91
    datasets n_disc_starters  0.12  0.12     0.61   0.60      64     63
    datasets n_commits        30.04 29.89    1,298  1,298     314,813 314,798
    datasets n_committers     1.13  1.13     0.67   0.65      100    97
    datasets n_community      1.20  1.20     0.87   0.86      110    97
    spaces n_likes            1.33  1.33     37.35  37.35     9,124  9,124
    spaces n_discussions      0.34  0.34     54.58  54.51     18,061 18,061          0.96  0.96
    spaces n_disc_starters    0.15  0.15     15.36  14.73     4,684  4,481
    spaces n_commits          8.22  8.20     40.36  40.30     2,150  2,150
    spaces n_committers       1.27  1.26     0.99   0.98      282    282
    spaces n_community        1.40  1.39     15.39  14.76     4,685  4,482

All quartiles match the published ones except the third quartile of model downloads, which is 1 here instead of the
published 0. The study's own figures contradict each other: if only 70.99% of the values are zero, the third quartile
cannot be 0.

    smallest share of models that holds ...      published    reached
    80% and 99% of likes                          < 1%, 8%      0.8%, 7.9%
    80% and 99% of downloads                      < 1%, 1%      0.07%, 1.3%
    80% and 99% of discussions                    10%, 15%      10.2%, 15.6%
    80% of commits                                30%           29.0%

    models, datasets without a license            64.67%, 72.13%            64.55%, 71.87%
    Apache-2.0, MIT, OpenRAIL, CreativeML of      37, 17, 14, 10%           37.1, 17.0, 13.9, 10.0%
        licensed models
    MIT, Apache-2.0, OpenRAIL of datasets         28, 15, 9%                27.7, 15.2, 9.0%
    models with one contributor                   87%                       92%
    models with a million downloads               86                        78
    usage: mean, median, std, max                 6.68, 1, 34.75, 1,747     6.69, 1, 35.05, 1,745
    Pearson of usage with likes, downloads        0.66, 0.29                0.69, 0.37
    models' n_community with n_likes              0.75                      0.82
    spaces' n_likes with n_discussions,           0.74, 0.76, 0.76          0.76, 0.79, 0.79
        n_disc_starters, n_community
    author strings on models, with spaces         101,144, 1,979            103,505, 2,077
    collaborating developers, edges               10,524, 21,598            11,222, 20,504
    share of isolates, reciprocity                0.89, 0.83                0.889, 0.815
    developers in the 5-core, 10-core             1,109, 330                1,712, 439
    maximal core: k, developers                   26, 14                    28, 15 (in one repository)
    recall of the study's name matching           0.27 on real commits      0.23
"""

from collections.abc import Iterator
from typing import Final

import networkx as nx
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.simulated.build import Simulation
from hub_assets.local_hub.simulated.rng import Floats, Ints
from hub_assets.vocabulary import REPO_TYPES, RepoType

Figure = tuple[str, float, float]

_TABLES: Final[dict[RepoType, dict[str, tuple[float, ...]]]] = {
    "model": {
        "n_likes": (1.14, 30.56, 0, 0, 0, 9314),
        "n_discussions": (0.28, 5.42, 0, 0, 0, 3006),
        "n_disc_starters": (0.10, 1.17, 0, 0, 0, 240),
        "n_commits": (7.28, 167.14, 2, 3, 5, 75_653),
        "n_committers": (1.06, 0.41, 1, 1, 1, 18),
        "n_community": (1.13, 1.26, 1, 1, 1, 246),
        "n_downloads": (1693.93, 158_207.09, 0, 0, 0, 65_729_394),
    },
    "dataset": {
        "n_likes": (0.92, 18.14, 0, 0, 0, 3493),
        "n_discussions": (1.41, 309.14, 0, 0, 0, 79_256),
        "n_disc_starters": (0.12, 0.61, 0, 0, 0, 64),
        "n_commits": (30.04, 1298.11, 2, 4, 7, 314_813),
        "n_committers": (1.13, 0.67, 1, 1, 1, 100),
        "n_community": (1.20, 0.87, 1, 1, 1, 110),
        "n_downloads": (476.70, 43_786.43, 0, 0, 2, 9_651_261),
    },
    "space": {
        "n_likes": (1.33, 37.35, 0, 0, 0, 9124),
        "n_discussions": (0.34, 54.58, 0, 0, 0, 18_061),
        "n_disc_starters": (0.15, 15.36, 0, 0, 0, 4684),
        "n_commits": (8.22, 40.36, 1, 3, 5, 2150),
        "n_committers": (1.27, 0.99, 1, 1, 1, 282),
        "n_community": (1.40, 15.39, 1, 1, 2, 4685),
    },
}
"""The study's Tables 2 to 4: mean, std, 25%, 50%, 75%, max."""
_ZEROS: Final[dict[tuple[RepoType, str], float]] = {
    **{("model", "n_likes"): 0.91, ("dataset", "n_likes"): 0.88, ("model", "n_discussions"): 0.84},
    **{("dataset", "n_discussions"): 0.91, ("space", "n_discussions"): 0.96},
    **{("model", "n_downloads"): 0.7099, ("dataset", "n_downloads"): 0.70},
}
_CONCENTRATION: Final = {
    **{("n_likes", 0.8): 0.01, ("n_discussions", 0.8): 0.1, ("n_commits", 0.8): 0.3, ("n_downloads", 0.8): 0.01},
    **{("n_likes", 0.99): 0.08, ("n_discussions", 0.99): 0.15, ("n_downloads", 0.99): 0.01},
}
"""The smallest share of models that holds a given share of the total; the two 1% values for 80% are upper limits."""
_LICENSES: Final[dict[RepoType, dict[str, float]]] = {
    "model": {"apache-2.0": 0.37, "mit": 0.17, "openrail": 0.14, "creativeml-openrail-m": 0.10},
    "dataset": {"mit": 0.28, "apache-2.0": 0.15, "openrail": 0.09},
}
_UNLICENSED: Final[dict[RepoType, float]] = {"model": 0.6467, "dataset": 0.7213}
_CORRELATIONS: Final[dict[tuple[RepoType, str, str], float]] = {
    ("model", "n_community", "n_likes"): 0.75,
    ("space", "n_likes", "n_discussions"): 0.74,
    ("space", "n_likes", "n_disc_starters"): 0.76,
    ("space", "n_likes", "n_community"): 0.76,
    ("model", "n_usage_spaces", "n_likes"): 0.66,
    ("model", "n_usage_spaces", "n_downloads"): 0.29,
}


def calibration(simulation: Simulation) -> pa.Table:
    """Return the figures of a simulated week: `quantity`, `published`, `reached`.

    Means, standard deviations and maxima can match only at scale 1.0 in the week of 2026-11-16, because a smaller Hub,
    for example, lacks the largest repositories.
    """
    return pa.table(
        dict(zip(("quantity", "published", "reached"), zip(*_figures(simulation), strict=True), strict=True))
    )


def true_activity(simulation: Simulation, repo_type: RepoType) -> dict[str, Ints]:
    """Return the true activity variables of a type's repositories, in row order."""
    table, history = simulation.repos[repo_type], simulation.histories[repo_type]
    person = _persons(simulation)
    commit_repo, committer = _committers(simulation, repo_type)
    disc_repo = np.repeat(np.arange(len(table)), np.diff(history.discussion_offsets))
    author = history.discussions["author"].combine_chunks()
    known = author.is_valid().to_numpy(zero_copy_only=False)
    starter = person[author.filter(pa.array(known)).to_numpy()]
    starts = disc_repo[known][starter >= 0], starter[starter >= 0]
    community = np.append(commit_repo, starts[0]), np.append(committer, starts[1])
    activity = {
        "n_likes": table["likes"].to_numpy(),
        "n_discussions": np.diff(history.discussion_offsets),
        "n_disc_starters": _distinct(*starts, len(table)),
        "n_commits": np.diff(history.commit_offsets),
        "n_committers": _distinct(commit_repo, committer, len(table)),
        "n_community": _distinct(*community, len(table)),
    }
    if repo_type != "space":
        activity["n_downloads"] = table["downloads"].to_numpy()
    if repo_type == "model":
        activity["n_usage_spaces"] = np.bincount(simulation.key.usage["model"].to_numpy(), minlength=len(table))
    return activity


def collaboration(simulation: Simulation) -> nx.DiGraph:
    """Return the true collaboration network on models.

    By the study's rule, an edge leads from the first author of a commit to every other contributor to the model. Bots
    are excluded, and so are "Duplicate from X" commits, which involve no collaboration.
    """
    history = simulation.histories["model"]
    person = _persons(simulation)
    titles = history.commits["title"].combine_chunks()
    duplicate = pc.starts_with(titles.dictionary, "Duplicate from ").take(titles.indices).to_numpy(zero_copy_only=False)
    lists = history.commits["authors"].combine_chunks()
    commit = pc.list_parent_indices(lists).to_numpy()
    author = person[lists.flatten().to_numpy()]
    first = np.append(True, commit[1:] != commit[:-1])
    repo = np.repeat(np.arange(len(history.commit_offsets) - 1), np.diff(history.commit_offsets))[commit]
    counts = ~duplicate[commit]
    sources = np.unique(
        np.stack([repo[counts & first & (author >= 0)], author[counts & first & (author >= 0)]]), axis=1
    )
    members = np.unique(np.stack([repo[counts & (author >= 0)], author[counts & (author >= 0)]]), axis=1)
    size = np.bincount(members[0], minlength=repo.max(initial=-1) + 1)
    begin = np.cumsum(size) - size
    several = size[sources[0]] > 1
    source_repo, source = sources[0][several], sources[1][several]
    width = size[source_repo]
    position = np.arange(width.sum()) - np.repeat(np.cumsum(width) - width, width)
    target = members[1][np.repeat(begin[source_repo], width) + position]
    pairs = np.unique(np.stack([np.repeat(source, width), target]), axis=1)
    graph = nx.DiGraph()
    graph.add_edges_from(pairs[:, pairs[0] != pairs[1]].T.tolist())
    return graph


def _figures(simulation: Simulation) -> Iterator[Figure]:
    activity = {kind: true_activity(simulation, kind) for kind in REPO_TYPES}
    for kind in REPO_TYPES:
        for variable, published in _TABLES[kind].items():
            values = activity[kind][variable]
            quartiles = np.quantile(values, (0.25, 0.5, 0.75))
            reached = (values.mean(), values.std(ddof=1), *quartiles, values.max())
            for name, one, other in zip(("mean", "std", "p25", "p50", "p75", "max"), published, reached, strict=True):
                yield f"{kind} {variable} {name}", one, float(other)
            if (kind, variable) in _ZEROS:
                yield f"{kind} {variable} share_zero", _ZEROS[kind, variable], float((values == 0).mean())
    models = activity["model"]
    for (variable, share), published_share in _CONCENTRATION.items():
        yield f"model {variable} share holding {share}", published_share, _holders(models[variable], share)
    yield "model share with one contributor", 0.87, float((models["n_community"] == 1).mean())
    yield "models with a million downloads", 86, float((models["n_downloads"] > 1_000_000).sum())
    yield from _license_figures(simulation)
    for (kind, one_name, other_name), published_r in _CORRELATIONS.items():
        pearson = np.corrcoef(activity[kind][one_name], activity[kind][other_name])[0, 1]
        yield f"{kind} pearson {one_name} {other_name}", published_r, float(pearson)
    used = models["n_usage_spaces"][models["n_usage_spaces"] > 0]
    spread = used.std(ddof=1) if len(used) > 1 else 0.0
    reached_usage = used.mean(), np.median(used), spread, used.max()
    for name, one, other in zip(("mean", "median", "std", "max"), (6.68, 1, 34.75, 1747), reached_usage, strict=True):
        yield f"usage {name}", one, float(other)
    yield from _network_figures(simulation)


def _license_figures(simulation: Simulation) -> Iterator[Figure]:
    for kind, shares in _LICENSES.items():
        tags = simulation.repos[kind]["tags"].combine_chunks().flatten()
        licenses = pc.replace_substring(tags.filter(pc.starts_with(tags, "license:")), "license:", "")
        yield f"{kind} share without license", _UNLICENSED[kind], 1 - len(licenses) / len(simulation.repos[kind])
        for name, share in shares.items():
            reached = pc.sum(pc.equal(licenses, name)).as_py() / len(licenses)
            yield f"{kind} license {name} among licensed", share, reached


def _network_figures(simulation: Simulation) -> Iterator[Figure]:
    positions = np.unique(simulation.histories["model"].commits["authors"].combine_chunks().flatten().to_numpy())
    strings = simulation.key.people["user"].take(pa.array(positions))
    yield "author strings with a model commit", 101_144, float(pc.count_distinct(strings).as_py())
    spaced = pc.match_substring(strings.unique(), " ")
    yield "author strings that contain a space", 1979, float(pc.sum(spaced).as_py())
    developers = len(np.unique(_committers(simulation, "model")[1]))
    graph = collaboration(simulation)
    yield "collaborating developers", 10_524, float(len(graph))
    yield "edges between developers", 21_598, float(graph.number_of_edges())
    yield "share of isolates", 0.89, 1 - len(graph) / developers
    yield "reciprocity", 0.83, float(nx.overall_reciprocity(graph)) if graph else float("nan")
    cores = nx.core_number(graph)
    for k, nodes in ((5, 1109), (10, 330)):
        yield f"developers in the {k}-core", nodes, float(sum(core >= k for core in cores.values()))
    highest = max(cores.values(), default=0)
    core = {person for person, number in cores.items() if number == highest}
    yield "maximal core k", 26, float(highest)
    yield "developers in the maximal core", 14, float(len(core))
    repo, person = _committers(simulation, "model")
    inside = np.isin(person, list(core))
    yield "largest part of the maximal core in one repository", 14, float(np.bincount(repo[inside]).max())


def _persons(simulation: Simulation) -> Ints:
    """Return the number of the person behind each author; -1 for bots."""
    persons: Ints = pc.fill_null(simulation.key.people["person"], -1).to_numpy()
    return persons


def _committers(simulation: Simulation, repo_type: RepoType) -> tuple[Ints, Ints]:
    """Return the distinct pairs of repository and committer, as two arrays."""
    history = simulation.histories[repo_type]
    lists = history.commits["authors"].combine_chunks()
    person = _persons(simulation)[lists.flatten().to_numpy()]
    repos = np.repeat(np.arange(len(history.commit_offsets) - 1), np.diff(history.commit_offsets))
    repo = repos[pc.list_parent_indices(lists).to_numpy()]
    pairs = np.unique(np.stack([repo[person >= 0], person[person >= 0]]), axis=1)
    return pairs[0], pairs[1]


def _distinct(rows: Ints, values: Ints, size: int) -> Ints:
    """Return the number of distinct values in each row."""
    pairs = np.unique(np.stack([rows, values]), axis=1)
    return np.bincount(pairs[0], minlength=size)


def _holders(values: Floats | Ints, share: float) -> float:
    """Return the smallest share of repositories that together hold a given share of the total."""
    held = np.cumsum(np.sort(values)[::-1])
    return float((np.searchsorted(held, share * held[-1]) + 1) / len(values))
