"""Normal forms, words and similarity of names, and relations between two names."""

import re

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hub_assets.hub.sources.commits
from hub_assets.identities.names import (
    ALIKE,
    FEATURES,
    ROWS,
    TOKEN,
    alike_pairs,
    relation,
    similarity_of,
)
from hub_assets.vocabulary import HANDLE
from hub_assets_tests.identities.made import Row

near_names = st.text(alphabet="ab1", max_size=12)


def features(*names: str) -> list[Row]:
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"name": pa.array(names, pa.string())}))
        select = f"with names as (select name from given) select * from ({FEATURES})"
        rows: list[Row] = connection.sql(select).to_arrow_table().to_pylist()
    return rows


def relation_of(a: str, b: str) -> str:
    normals = [row["normal"] for row in features(a, b)]
    (similarity,) = similarity_of(*(pa.array([normal]) for normal in normals)).to_pylist()
    with duckdb.connect() as connection:
        connection.register("given", pa.table({"name": [a, b], "place": [0, 1], "similarity": [similarity] * 2}))
        ((found,),) = connection.sql(
            f"""
            with names as (select * from given), features as ({FEATURES})
            select {relation("a", "b", "similarity")}
            from (select distinct * from features where name = ?) as a
            cross join (select distinct * from features where name = ?) as b
            cross join (select any_value(similarity) as similarity from given)
        """,
            params=[a, b],
        ).fetchall()
    return str(found)


def ratio_by_hand(a: str, b: str) -> float:
    """Return 1 - (insertions and deletions) / (both lengths), computed from the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for x in a:
        before = row
        row = [0]
        for place, y in enumerate(b):
            row.append(before[place] + 1 if x == y else max(before[place + 1], row[place]))
    return 2 * row[-1] / (len(a) + len(b))


# --- normal forms ---


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Ada Love", "adalove"),
        ("ada-love", "adalove"),
        ("ada_love.42", "adalove42"),
        ("Ädä Løve", "adaløve"),
        ("A\u0308da\u0308", "ada"),
        ("Ада Лав", "адалав"),
        ("阿达 洛夫", "阿达洛夫"),
        ("Strauß", "strauss"),
        ("ΓΙΏΡΓΟΣ", "γιωργοσ"),
        ("Γιώργος", "γιωργοσ"),
        ("Ada\u200bLove", "adalove"),
        ("Ada ❤️", "ada"),
        ("--", ""),
        ("\u200b", ""),
        ("🤖", ""),
        ("❤️", ""),
        ("1️⃣", ""),
        ("\u2139", ""),
        ("\u3164", ""),
        ("address:13d855ce931073d4", ""),
    ],
)
def test_a_normal_form_has_letters_and_digits_in_lower_case_without_accents(name: str, normal: str) -> None:
    assert features(name)[0]["normal"] == normal


def test_names_with_the_same_normal_form_stay_separate() -> None:
    twins = ["Ada Love", "adalove", "ada-love", "ADALOVE"]
    assert [row["name"] for row in features(*twins)] == twins
    assert {row["normal"] for row in features(*twins)} == {"adalove"}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Ada Love", ["ada", "love"]),
        ("AdaLove", ["ada", "love"]),
        ("ada-love99", ["ada", "love"]),
        ("ADA", ["ada"]),
        ("Ada K. Löve", ["ada", "k", "love"]),
        ("42", []),
        ("Dr. Ada Love", ["ada", "love"]),
        ("Prof. Dr. Ada Love, Ph.D.", ["ada", "love"]),
        ("Ada Love Jr", ["ada", "love"]),
        ("Drago Msida", ["drago", "msida"]),
        ("address:13d855ce931073d4", []),
    ],
)
def test_words_are_runs_of_letters_split_at_capitals(name: str, words: list[str]) -> None:
    assert features(name)[0]["words"] == words


def test_trailing_digits_and_all_digits_are_distinguished() -> None:
    (row,) = features("ada2love42")
    assert (row["stem"], row["letters"]) == ("ada2love", "adalove")


@pytest.mark.parametrize(
    ("name", "is_handle"),
    [
        ("ada", True),
        ("Ada_Love-1.x", True),
        ("a" * 96, True),
        ("a" * 97, False),
        ("Ada Love", False),
        ("adä", False),
        ("-ada", False),
        ("ada@home", False),
        ("", False),
    ],
)
def test_valid_handles(name: str, is_handle: bool) -> None:
    assert (re.fullmatch(HANDLE, name) is not None) is is_handle
    assert duckdb.execute("select regexp_full_match(?, ?)", [name, HANDLE]).fetchall() == [(is_handle,)]


def test_the_address_token_is_the_one_in_commits() -> None:
    assert hub_assets.hub.sources.commits.TOKEN == TOKEN


# --- relations ---


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("Ada Love", "adalove", "same"),
        ("Ada Love", "ada-love", "same"),
        ("Adá Löve", "adalove", "same"),
        ("Ada Love", "Love Ada", "permuted"),
        ("Ada Love", "loveada", "permuted"),
        ("Ada King Love", "adalove", "permuted"),
        ("Li Wu", "wuli", "none"),
        ("ada1", "ada2", "numbered"),
        ("adalove", "adalove 2", "numbered"),
        ("Ada Love", "alove", "initial"),
        ("Ada Love", "lovea", "initial"),
        ("A. Love", "Ada Love", "initial"),
        ("A. Love", "adalove", "none"),
        ("A. Lovelace", "adalovelace", "contained"),
        ("J. Smith", "jgoldsmith", "none"),
        ("V. Lovelace", "vera-lovelace11", "none"),
        ("Dan Smithson", "Ian Smithson", "none"),
        ("राम", "रमा", "none"),
        ("かき", "がぎ", "none"),
        ("B. Love", "Ada Love", "none"),
        ("Ada Li", "ali", "none"),
        ("Yara Winter", "YaraW", "abbreviated"),
        ("Yara Winter", "Yara W.", "abbreviated"),
        ("Winter Yara", "yaraw", "initial"),
        ("Winter Zoë", "zoew", "abbreviated"),
        ("Matilda Winter", "matildaw", "abbreviated"),
        ("Yara Winter", "yaraw99", "abbreviated"),
        ("Ruo Liu", "rliu", "abbreviated"),
        ("Liu Ruo", "rliu", "abbreviated"),
        ("Ruo Liu", "liur", "abbreviated"),
        ("yara-winter", "yaraw", "abbreviated"),
        ("Юра Ким", "юким", "abbreviated"),
        ("Ludwig van Winter", "lvanwinter", "abbreviated"),
        ("Ludwig van Winter", "ludwigvw", "abbreviated"),
        ("Yara Winter 2", "YaraW", "none"),
        ("Yara Winter", "yaras", "none"),
        ("Dr. Miller", "dmiller", "similar"),
        ("Dr. Jane Miller", "janemiller", "permuted"),
        ("adalove", "adalove-hub", "contained"),
        ("adalove", "the-adalove", "contained"),
        ("adalove7", "adalove-hub", "contained"),
        ("ada", "adalove", "none"),
        ("Ada Lovelace", "Ada Lovelaace", "similar"),
        ("Ada Love", "Bob Stone", "none"),
        ("--", "..", "none"),
        ("--", "ada", "none"),
    ],
)
def test_relations_are_symmetric(a: str, b: str, expected: str) -> None:
    assert relation_of(a, b) == relation_of(b, a) == expected


@pytest.mark.parametrize(("a", "b"), [("AdaLove1", "AdaLove2"), ("ada-love1", "ada-love2"), ("adalove", "Ada Love 2")])
def test_names_of_two_words_that_differ_only_in_digits_are_numbered(a: str, b: str) -> None:
    assert relation_of(a, b) == relation_of(b, a) == "numbered"


# --- similarity ---


def test_similarity_is_a_fraction_and_null_for_empty_names() -> None:
    some, others = (
        pa.array(["adalove", "ada", "", "", "abcdefghij"]),
        pa.array(["adalove", "bob", "ada", "", "abcdefghik"]),
    )
    assert similarity_of(some, others).to_pylist() == [1.0, 0.0, None, None, ALIKE]
    assert similarity_of(some.slice(0, 0), others.slice(0, 0)).to_pylist() == []


@given(st.lists(st.tuples(near_names, near_names), min_size=1, max_size=30))
def test_similarity_matches_the_longest_common_subsequence(pairs: list[tuple[str, str]]) -> None:
    found = similarity_of(pa.array([a for a, _ in pairs]), pa.array([b for _, b in pairs])).to_pylist()
    assert found == pytest.approx([ratio_by_hand(a, b) if a and b else None for a, b in pairs])


@given(st.lists(near_names, max_size=12), st.lists(near_names, max_size=12))
def test_similar_pairs_match_a_double_loop(some: list[str], others: list[str]) -> None:
    left, right = alike_pairs(pa.array(some, pa.string()), pa.array(others, pa.string()))
    assert sorted(zip(left.to_pylist(), right.to_pylist(), strict=True)) == [
        (i, j) for i, a in enumerate(some) for j, b in enumerate(others) if a and b and ratio_by_hand(a, b) >= ALIKE
    ]


def test_names_are_similar_from_90_percent() -> None:
    left, right = alike_pairs(pa.array(["abcdefghij"]), pa.array(["abcdefgxyz", "abcdefghix", "abcdefghixx"]))
    assert (left.to_pylist(), right.to_pylist()) == ([0], [1])


def test_no_pair_is_lost_between_batches() -> None:
    names = pa.array([f"{number:06d}" * 2 for number in range(2 * ROWS + 1)])
    left, right = alike_pairs(names, names)
    assert {(i, i) for i in range(len(names))} <= set(zip(left.to_pylist(), right.to_pylist(), strict=True))
    assert pa.compute.max(left).as_py() == 2 * ROWS
