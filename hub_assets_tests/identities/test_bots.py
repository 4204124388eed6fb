"""The seed and rules find bots and give a reason; people with similar names are not bots."""

import pyarrow as pa
import pytest

from hub_assets.identities.bots import HINTS, RULES, find_bots, propose_bots
from hub_assets_tests.identities.made import seed

NOBODY = pa.table({name: pa.array([], pa.string()) for name in ("name", "kind", "reason")})


def reasons(*authors: str, known: pa.Table = NOBODY) -> dict[str, str]:
    found = find_bots(pa.array(authors, pa.string()), known)
    return {row["author"]: row["reason"] for row in found.to_pylist()}


def proposed(*authors: str, known: pa.Table = NOBODY) -> dict[str, str]:
    found = propose_bots(pa.array(authors, pa.string()), known)
    return {row["author"]: row["bot_hint"] for row in found.to_pylist()}


@pytest.mark.parametrize(
    ("author", "reason"),
    [
        ("dependabot[bot]", "its name ends in [bot]"),
        ("Some Thing[bot]", "its name ends in [bot]"),
        ("bot", "its name ends in bot"),
        ("release-bot", "its name ends in bot"),
        ("Release BOT", "its last word is bot"),
        ("acme-ci", "its name ends in CI"),
        ("acme.ci", "its name ends in CI"),
        ("acme_cicd", "its name ends in CI"),
    ],
)
def test_rules_find_programs_by_their_names_and_say_why(author: str, reason: str) -> None:
    assert reasons(author) == {author: reason}
    assert reason in {known for _, known in RULES}


@pytest.mark.parametrize(
    "author",
    [
        "Ada Love",
        "Jane Talbot",
        "botanist",
        "bot-lover",
        "robotics",
        "Ada Botany",
        "Ada Da-Ci",
        "Ada Ci",
        "luci",
        "Luci",
        "ci",
        "magicians",
    ],
)
def test_people_whose_names_only_sound_like_a_programs_are_none(author: str) -> None:
    assert reasons(author) == {}


def test_the_seed_names_programs_however_they_are_cased_and_its_reason_goes_first() -> None:
    known = pa.table(
        {"name": ["Builder", "release-bot"], "kind": ["ci", "bot"], "reason": ["it builds", "it releases"]}
    )
    assert reasons("builder", "BUILDER", "release-bot", "ada", known=known) == {
        "builder": "it builds",
        "BUILDER": "it builds",
        "release-bot": "it releases",
    }


def test_a_person_whose_name_ends_in_bot_can_be_exempted() -> None:
    known = pa.table({"name": ["adabot"], "kind": ["person"], "reason": ["a nickname"]})
    assert reasons("adabot", "AdaBot", "bobbot", known=known) == {}
    assert proposed("adabot", "AdaBot", "bobbot", known=known).keys() == {"bobbot"}


@pytest.mark.parametrize(
    "author", ["marcbot", "MarcBot", "robot", "Acme CI", "acme CI", "AcmeCI", "Acme CI/CD", "Ann CICD"]
)
def test_where_only_the_end_of_a_name_speaks_it_is_proposed_and_not_decided(author: str) -> None:
    assert reasons(author, known=seed("bots")) == {}
    hints = proposed(author, known=seed("bots"))
    assert hints.keys() == {author}
    assert set(hints.values()) <= {reason for _, reason in HINTS}


@pytest.mark.parametrize(
    "author", ["talbot", "Cabot", "Jane Talbot", "luci", "Ada Ci", "botanist", "release-bot", "system"]
)
def test_people_and_known_programs_are_not_proposed(author: str) -> None:
    assert proposed(author, known=seed("bots")) == {}


@pytest.mark.parametrize("author", ["Jenkins CI", "jenkins-ci", "JENKINS", "GitHub bot", "github_actions", "Travis CI"])
def test_a_known_program_is_one_however_its_words_are_separated_and_with_its_trade_after_it(author: str) -> None:
    assert reasons(author, known=seed("bots")).keys() == {author}


def test_words_that_are_run_together_are_another_name() -> None:
    assert reasons("webflow", "Git Hub", known=seed("bots")) == {}


def test_the_shipped_seed_knows_system_the_hubs_own_programs_and_builders_and_exempts_family_names() -> None:
    known = seed("bots")
    programs = ("system", "SFconvertbot", "librarian-bot", "leaderboard-pr-bot", "parquet-converter", "GitHub Actions")
    assert reasons(*programs, "talbot", "Abbot", "cabot", "Jane Talbot", known=known).keys() == set(programs)


def test_every_name_of_the_shipped_seed_is_decided_as_it_says() -> None:
    rows = seed("bots").to_pylist()
    assert {row["kind"] for row in rows} == {"bot", "ci", "person"}
    assert all(row["reason"] for row in rows)
    assert reasons(*(row["name"] for row in rows), known=seed("bots")) == {
        row["name"]: row["reason"] for row in rows if row["kind"] != "person"
    }
    assert len({row["name"].lower() for row in rows}) == len(rows)


def test_no_generic_name_is_a_program_and_all_are_in_lower_case() -> None:
    names = [row["name"] for row in seed("generic_names").to_pylist()]
    assert reasons(*names, known=seed("bots")) == {}
    assert names == [name.lower().strip() for name in names]
    assert len(set(names)) == len(names)
    assert {"root", "admin", "ubuntu", "null", "none"} <= set(names)


def test_no_authors_give_no_bots() -> None:
    assert reasons() == {}
