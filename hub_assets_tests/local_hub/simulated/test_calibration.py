"""The true values of a Hub a tenth the size of the study's, compared with the published ones.

Tolerances allow for the quantile functions and the reduced size. Means, standard deviations and maxima depend on a few
repositories that a Hub this small rarely contains; the benchmarks check them at full size.
"""

import pytest

from hub_assets.local_hub.simulated import Simulation
from hub_assets.local_hub.simulated.calibration import calibration, collaboration, true_activity
from hub_assets.vocabulary import REPO_TYPES


@pytest.fixture(scope="module")
def figures(tenth: Simulation) -> dict[str, tuple[float, float]]:
    """Return (published, reached) by quantity."""
    table = calibration(tenth)
    return {row["quantity"]: (row["published"], row["reached"]) for row in table.to_pylist()}


def test_shares_of_zeros_match_the_published_ones(figures: dict[str, tuple[float, float]]) -> None:
    zeros = {name: both for name, both in figures.items() if name.endswith("share_zero")}
    assert len(zeros) == 7
    for name, (published, reached) in zeros.items():
        assert reached == pytest.approx(published, abs=0.005), name


def test_quartiles_match_the_published_ones(figures: dict[str, tuple[float, float]]) -> None:
    quartiles = {name: both for name, both in figures.items() if name.endswith((" p25", " p50", " p75"))}
    assert len(quartiles) == 60
    # the study states that 70.99% of models have no downloads, but also that three quarters have none
    assert quartiles.pop("model n_downloads p75") == (0, 1)
    assert all(reached == published for published, reached in quartiles.values())


def test_concentration_matches_the_published_one(figures: dict[str, tuple[float, float]]) -> None:
    for variable, share, at_least, at_most in (
        ("n_likes", 0.8, 0.005, 0.01),
        ("n_downloads", 0.8, 0, 0.01),
        ("n_discussions", 0.8, 0.095, 0.115),
        ("n_commits", 0.8, 0.27, 0.33),
        ("n_likes", 0.99, 0.075, 0.085),
        ("n_discussions", 0.99, 0.145, 0.165),
        ("n_downloads", 0.99, 0.005, 0.015),
    ):
        assert at_least < figures[f"model {variable} share holding {share}"][1] <= at_most, variable


def test_license_shares_match_the_published_ones(figures: dict[str, tuple[float, float]]) -> None:
    licenses = {name: both for name, both in figures.items() if "license" in name}
    assert len(licenses) == 9
    for name, (published, reached) in licenses.items():
        assert reached == pytest.approx(published, abs=0.015), name


def test_collaboration_matches_the_study(figures: dict[str, tuple[float, float]]) -> None:
    published, isolates = figures["share of isolates"]
    assert isolates == pytest.approx(published, abs=0.05)
    assert 0.8 <= figures["reciprocity"][1] <= 0.9
    assert figures["author strings with a model commit"][1] == pytest.approx(10_114, rel=0.05)
    assert figures["author strings that contain a space"][1] == pytest.approx(198, rel=0.2)
    assert figures["model share with one contributor"][1] == pytest.approx(0.87, abs=0.06)


def test_usage_matches_the_study(figures: dict[str, tuple[float, float]]) -> None:
    assert figures["usage mean"][1] == pytest.approx(6.68, rel=0.1)
    assert figures["usage median"][1] == 1
    assert figures["model pearson n_usage_spaces n_likes"][1] == pytest.approx(0.66, abs=0.2)


def test_permissive_beats_restrictive_beats_none(tenth: Simulation) -> None:
    """Shares of nonzero values, which no single repository dominates, follow the order in the study's Table 5."""
    groups: list[list[str | None]] = [["apache-2.0", "mit"], ["openrail", "creativeml-openrail-m"], [None]]
    licenses = [
        next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), None)
        for tags in tenth.repos["model"]["tags"].to_pylist()
    ]
    activity = true_activity(tenth, "model")
    for variable in ("n_likes", "n_downloads", "n_discussions", "n_usage_spaces"):
        some = [float((activity[variable][[name in group for name in licenses]] > 0).mean()) for group in groups]
        assert some[0] > some[1] > some[2], variable


def test_true_activity_matches_its_definition(small: Simulation) -> None:
    """The values match a second, slower count from the tables."""
    persons = small.key.people["person"].to_pylist()
    for kind in REPO_TYPES:
        activity, history = true_activity(small, kind), small.histories[kind]
        commits, discussions = history.commits.to_pylist(), history.discussions.to_pylist()
        for row in range(len(small.repos[kind])):
            mine = commits[history.commit_offsets[row] : history.commit_offsets[row + 1]]
            talks = discussions[history.discussion_offsets[row] : history.discussion_offsets[row + 1]]
            committers = {persons[place] for commit in mine for place in commit["authors"]} - {None}
            starters = {persons[talk["author"]] for talk in talks if talk["author"] is not None} - {None}
            assert activity["n_commits"][row] == len(mine)
            assert activity["n_discussions"][row] == len(talks)
            assert activity["n_committers"][row] == len(committers)
            assert activity["n_disc_starters"][row] == len(starters)
            assert activity["n_community"][row] == len(committers | starters)


def test_edges_follow_the_studys_rule(small: Simulation) -> None:
    """The edges match the published script's method: a loop over repositories and commits."""
    persons = small.key.people["person"].to_pylist()
    history = small.histories["model"]
    commits = history.commits.to_pylist()
    edges = set()
    for row in range(len(small.repos["model"])):
        mine = commits[history.commit_offsets[row] : history.commit_offsets[row + 1]]
        mine = [commit for commit in mine if not commit["title"].startswith("Duplicate from ")]
        everybody = {persons[place] for commit in mine for place in commit["authors"]} - {None}
        for commit in mine:
            source = persons[commit["authors"][0]]
            if source is not None:
                edges |= {(source, target) for target in everybody if target != source}
    assert set(collaboration(small).edges) == edges
