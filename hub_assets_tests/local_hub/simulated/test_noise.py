"""Git names of the simulated people: they are no easier to match than real ones, and the answer key is never served."""

import re
import string
from collections import defaultdict
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from rapidfuzz import fuzz

from hub_assets.local_hub.simulated import AnswerKey, Simulation
from hub_assets.vocabulary import REPO_TYPES

PUNCTUATION = str.maketrans("", "", string.punctuation + " ")


class Strings:
    """The author strings of model commits, with the people and repositories behind each."""

    def __init__(self, simulation: Simulation) -> None:
        history = simulation.histories["model"]
        users, people = (simulation.key.people[name].to_pylist() for name in ("user", "person"))
        authors = history.commits["authors"].combine_chunks()
        places, commits = authors.flatten().to_pylist(), pc.list_parent_indices(authors).to_pylist()
        repos = [
            repo
            for repo, (start, end) in enumerate(zip(history.commit_offsets, history.commit_offsets[1:], strict=False))
            for _ in range(end - start)
        ]
        self.repos: dict[str, set[int]] = defaultdict(set)
        self.persons: dict[str, set[int]] = defaultdict(set)
        self.of_person: dict[int, set[str]] = defaultdict(set)
        for place, commit in zip(places, commits, strict=True):
            if people[place] is not None:
                self.repos[users[place]].add(repos[commit])
                self.persons[users[place]].add(people[place])
                self.of_person[people[place]].add(users[place])


@pytest.fixture(scope="module")
def strings(tenth: Simulation) -> Strings:
    return Strings(tenth)


def similar(one: str, other: str) -> bool:
    """Return whether the study's matcher considers two names the same: at least 90% similar after normalization."""
    return fuzz.ratio(*(name.lower().translate(PUNCTUATION) for name in (one, other))) >= 90


def test_the_studys_prongs_find_as_few_pairs_as_on_real_data(strings: Strings) -> None:
    """In real data, both prongs together find 27% of the true pairs.

    Prong (a) compares names within a repository, and prong (b) compares names with spaces to all other names.
    """
    true = [pair for names in strings.of_person.values() for pair in combinations(sorted(names), 2)]
    found = [
        (one, other)
        for one, other in true
        if similar(one, other) and (" " in one + other or strings.repos[one] & strings.repos[other])
    ]
    assert len(true) > 200
    assert 0.18 <= len(found) / len(true) <= 0.35
    spaced = [pair for pair in true if " " in "".join(pair)]
    assert 0.15 <= sum(similar(*pair) for pair in spaced) / len(spaced) <= 0.35


def test_exact_twins_and_near_twins_exist(strings: Strings) -> None:
    pairs = [pair for names in strings.of_person.values() for pair in combinations(sorted(names), 2)]
    plain = [[name.lower().translate(PUNCTUATION) for name in pair] for pair in pairs]
    assert sum(" " in "".join(pair) and one == other for pair, (one, other) in zip(pairs, plain, strict=True)) > 5
    by_stem = defaultdict(set)
    for name in strings.persons:
        by_stem[name.lower().translate(PUNCTUATION)].add(name)
    near = 0
    for name in strings.persons:
        stem = re.fullmatch(r"(.+?)\d\d", name.lower().translate(PUNCTUATION))
        if stem and stem[1] in by_stem:
            near += all(not strings.persons[name] & strings.persons[other] for other in by_stem[stem[1]])
    assert near >= 3


def test_author_strings_take_the_forms_found_in_git(strings: Strings) -> None:
    names = set(strings.persons)
    for form in (r"[A-Z]\w+ [A-Z]\w+", r"[a-z]+ [a-z]+", r"[A-Z]\. [A-Z]\w+", r"[a-z]+\.[a-z]+", r"[A-Z\d_-]{6,}"):
        assert sum(re.fullmatch(form, name) is not None for name in names) >= 2, form
    assert any(len(strings.persons[name]) > 1 for name in ("root", "ubuntu"))


def test_stated_shares_of_full_names_are_empty_or_unlike_the_handle(tenth: Simulation) -> None:
    users = [row for row in tenth.accounts.to_pylist() if row["type"] == "user"]
    assert sum(row["fullname"] == "" for row in users) / len(users) == pytest.approx(0.22, abs=0.01)
    unlike = [row for row in users if row["fullname"] and not similar(row["fullname"], row["name"])]
    assert 0.4 < len(unlike) / len(users) < 0.7


def test_bots_and_several_authors(small: Simulation) -> None:
    users, bots = (small.key.people[name].to_pylist() for name in ("user", "is_bot"))
    assert {"system", "SFconvertbot", "librarian-bot"} <= {u for u, is_bot in zip(users, bots, strict=True) if is_bot}
    commits = small.histories["model"].commits.to_pylist() + small.histories["space"].commits.to_pylist()
    several = [commit for commit in commits if len(commit["authors"]) > 1]
    assert several
    for commit in commits:
        trailers = re.findall(r"^Co-authored-by: .+ <.+@.+>$", commit["message"], re.MULTILINE)
        assert len(trailers) == len(commit["authors"]) - 1
        assert len(set(commit["authors"])) == len(commit["authors"])
    assert any(commit["title"].startswith("Duplicate from ") for commit in several)
    assert any(users[commit["authors"][1]] == "SFconvertbot" for commit in several)
    assert any(users[commit["authors"][0]] == "system" for commit in commits)


def test_only_names_without_an_account_have_no_avatar(small: Simulation) -> None:
    handles = set(small.accounts["name"].to_pylist())
    for row in small.authors.to_pylist():
        assert (row["avatar"] is not None) <= (row["user"] in handles)
    unlinked = [row["user"] for row in small.authors.to_pylist() if row["avatar"] is None]
    assert any(" " in user for user in unlinked)


def test_account_creation_dates_are_served_as_on_the_hub(small: Simulation) -> None:
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", at) for at in small.accounts["createdAt"].to_pylist()
    )


def test_the_answer_key_matches_the_served_data_and_is_not_in_it(small: Simulation) -> None:
    assert isinstance(small.key, AnswerKey)
    assert small.key.people["user"].equals(small.authors["user"])
    population = small.population()
    served: list[pa.Table] = [population.accounts, population.members, population.authors]
    served += [population.repos[kind].table for kind in REPO_TYPES]
    for table in served:
        assert not {"person", "is_bot"} & set(table.column_names)
    assert not any(isinstance(value, AnswerKey) for value in vars(population).values())


def test_deleted_users_and_closed_discussions(tenth: Simulation) -> None:
    talks = tenth.histories["model"].discussions
    assert 0 < talks["author"].null_count < 0.05 * len(talks)
    assert set(talks["status"].unique().to_pylist()) == {"open", "closed", "merged", "draft"}
    for kind in REPO_TYPES:
        avatars = tenth.authors["avatar"].to_pylist()
        authors = tenth.histories[kind].discussions["author"].drop_null().unique().to_pylist()
        assert all(avatars[author] is not None for author in authors), "only accounts can start discussions"
        off = tenth.repos[kind]["discussionsDisabled"].to_numpy(zero_copy_only=False)
        sizes = tenth.histories[kind].discussion_offsets
        assert off.any()
        assert not (sizes[1:] - sizes[:-1])[off].any()
