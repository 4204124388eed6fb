"""Usage SQL: models used by Spaces, developers of the top models, and base models."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hub_assets.local_hub.simulated import REFERENCE, simulate
from hub_assets.networks.base_models import base_model_cycles_table
from hub_assets.warehouse.sql_project import Project
from hub_assets_tests.identities.simulated import raw_tables
from hub_assets_tests.warehouse.building import Database, fill, models_for

WEEK, BEFORE, AFTER = date(2026, 11, 16), date(2026, 11, 9), date(2026, 11, 23)
Row = dict[str, Any]


class Warehouse(Database):
    """A database that builds the requested tables from raw rows and from tables that Python writes."""

    def build(self, *tables: str, week: date = WEEK, **given: list[Row]) -> None:
        fill(self.connection, given)
        self.fill(models_for(self.project, *tables), week)


@pytest.fixture
def warehouse(project: Project) -> Iterator[Warehouse]:
    made = Warehouse(project)
    yield made
    made.connection.close()


def repo(key: str, name: str | None = None, **values: Any) -> Row:
    row = {"snapshot_date": WEEK, "observed_at": datetime(2026, 11, 16), "_id": key, "id": name or f"lab/{key}"}
    return row | values


def alias(name: str, target: str) -> Row:
    return {"snapshot_date": WEEK, "repo_type": "model", "repo_id": name, "outcome": "moved", "target_id": target}


def account(name: str, kind: str | None, fullname: str = "", week: date = WEEK, **values: Any) -> Row:
    row = {"snapshot_date": week, "author": name, "name": name, "account_type": kind, "fullname": fullname}
    return row | {"outcome": "ok"} | values


def co_used(rank: int, name: str, degree: int = 1, **values: Any) -> Row:
    row = {"snapshot_date": WEEK, "network": "all", "repo_key": str(rank), "repo_id": name}
    return row | {"degree": degree, "weighted_degree": degree, "rank": rank} | values


def test_space_counts_once_per_model_under_several_ids(warehouse: Warehouse) -> None:
    warehouse.build(
        "network__model_usage",
        raw_hub__models=[
            repo("1", "openai-community/gpt2", tags=["text-generation"]),
            repo("2", "lab/both", tags=["image-classification", "text-classification"]),
            repo("3", "lab/a", tags=None),
            repo("4", "lab/unused", tags=["text-generation"]),
            repo("5", "old/listing") | {"snapshot_date": BEFORE},
        ],
        raw_hub__spaces=[
            repo("s1", models=["gpt2", "openai-community/gpt2", "lab/both", "nobody/knows"]),
            repo("s2", models=["gpt2", "lab/a", "old/listing"]),
            repo("s3", models=[]),
            repo("s4"),
        ],
        enrich_hub__aliases=[alias("gpt2", "openai-community/gpt2")],
    )
    edges = "select space_key, model_key from mart__usage_edges order by all"
    assert warehouse.rows(edges) == [("s1", "1"), ("s1", "2"), ("s2", "1"), ("s2", "3")]
    usage = "select network, rank, repo_key, repo_id, n_spaces from network__model_usage order by all"
    assert warehouse.rows(usage) == [
        ("all", 1, "1", "openai-community/gpt2", 2),
        # ties are broken by id
        ("all", 2, "3", "lab/a", 1),
        ("all", 3, "2", "lab/both", 1),
        ("cv", 1, "2", "lab/both", 1),
        ("nlp", 1, "1", "openai-community/gpt2", 2),
        ("nlp", 2, "2", "lab/both", 1),
    ]


def test_usage_matches_the_simulated_hub_with_legacy_names(warehouse: Warehouse) -> None:
    hub = simulate(REFERENCE)
    population = hub.population()
    ids, keys = (hub.repos["model"][name].to_pylist() for name in ("id", "_id"))
    spaces = hub.repos["space"]["_id"].to_pylist()
    named = {name for names in hub.repos["space"]["models"].to_pylist() for name in names}
    answers = {name: population.redirect("model", name) for name in named - set(ids)}
    aliases = [alias(name, target) for name, target in answers.items() if target is not None]
    fill(warehouse.connection, {"enrich_hub__aliases": aliases})
    for name, table in raw_tables(hub, with_accounts=False).items():
        warehouse.connection.register("given", table)
        warehouse.connection.execute(f"create or replace table {name} as from given")
    warehouse.fill(models_for(warehouse.project, "network__model_usage"), REFERENCE)

    truth = {(spaces[pair["space"]], keys[pair["model"]]) for pair in hub.key.usage.to_pylist()}
    found = set(warehouse.rows("select space_key, model_key from mart__usage_edges"))
    # the Hub redirects the id of a withdrawn model, and so do we
    withdrawn, successor = "runwayml/stable-diffusion-v1-5", "stable-diffusion-v1-5/stable-diffusion-v1-5"
    lists = list(zip(spaces, hub.repos["space"]["models"].to_pylist(), strict=True))
    assert found == truth | {(space, keys[ids.index(successor)]) for space, names in lists if withdrawn in names}
    assert len({space for space, names in lists if "bert-base-uncased" in names}) > 1

    # the Hub's own list of a model's Spaces ends at 100
    bert = keys[ids.index("google-bert/bert-base-uncased")]
    n_spaces = sum(model == bert for _, model in truth)
    rank = f"select rank, n_spaces from network__model_usage where network = 'all' and repo_key = '{bert}'"
    assert n_spaces > 100
    assert warehouse.rows(rank) == [(1, n_spaces)]


def test_developers_of_the_most_used_models(warehouse: Warehouse) -> None:
    used = {
        "openai-community/gpt2": 9,
        "gpt2-medium": 8,
        # account names ignore case
        "OpenAI/whisper": 7,
        "facebook/opt": 6,
        "roberta-base": 5,
        "google-bert/bert-base-german-cased": 4,
        "nitrosocke/disco": 3,
        "page/x": 3,
        "page/y": 2,
        "person/x": 2,
        "nobody/x": 1,
        "no-namespace": 1,
    }
    warehouse.build(
        "network__top_organizations",
        raw_hub__models=[repo(name, name) for name in used],
        raw_hub__spaces=[repo(f"s{n}", models=[name for name, often in used.items() if often > n]) for n in range(9)],
        enrich_hub__accounts=[
            account("page", "org", "An old name", BEFORE),
            account("Page", "org", " A page ", author="page"),
            account("page", "user", "A later name", AFTER),
            account("person", "user", "Some Body"),
            account("person", None, outcome="failed", author="person", week=BEFORE) | {"name": None},
            account("facebook", "user", "Somebody else"),
            account("no-namespace", "org", "Of another's"),
        ],
    )
    columns = "ranking, rank, organization, kind, n_models, round(share, 6), round(share_of_leading_five, 6)"
    assert warehouse.rows(f"select {columns} from network__top_organizations where network = 'all' order by rank") == [
        ("usage", 1, "OpenAI", "company", 3, 0.25, 0.666667),
        ("usage", 2, "Meta", "company", 2, 0.166667, 0.666667),
        ("usage", 3, "A page (page)", "organization", 2, 0.166667, 0.666667),
        ("usage", 4, "deepset", "company", 1, 0.083333, 0.666667),
        ("usage", 5, "nitrosocke", "individual", 1, 0.083333, 0.666667),
        ("usage", 6, "person", "individual", 1, 0.083333, 0.666667),
        ("usage", 7, "no-namespace", "unknown", 1, 0.083333, 0.666667),
        ("usage", 8, "nobody", "unknown", 1, 0.083333, 0.666667),
    ]
    assert warehouse.rows("select distinct round(share_unknown, 6) from network__top_organizations") == [(0.166667,)]


def test_ranking_stops_at_100_and_co_usage_excludes_models_used_alone(warehouse: Warehouse) -> None:
    owners = ["EleutherAI"] * 15 + ["facebook"] * 8 + ["meta-llama"] * 4 + ["h2oai"] * 11 + ["bigscience"] * 9
    # the unknown developer has more models than the fifth-ranked known one
    owners += ["lmsys"] * 9 + ["mystery"] * 10 + [f"user{n}" for n in range(50)]
    rows = [co_used(n + 1, f"{owner}/{n}") for n, owner in enumerate(owners)]
    rarely_used = [co_used(1, "openai/whisper", network="cv"), co_used(2, "lab/alone", 0, network="cv")]
    warehouse.build(
        "network__top_organizations",
        raw_hub__models=[repo("1", "a/b")],
        network__model_co_usage=[*rows, *rarely_used, co_used(1, "openai/whisper") | {"snapshot_date": BEFORE}],
    )
    # section 4.3.2 of the study: 56% of the 100 most co-used models
    columns = "network, organization, n_models, share, share_of_leading_five"
    top = "where kind <> 'unknown' order by network, n_models desc, organization"
    assert warehouse.rows(f"select {columns} from network__top_organizations {top}") == [
        *(
            ("all", name, n, n / 100, 0.56)
            for name, n in {"EleutherAI": 15, "Meta": 12, "H2O.ai": 11, "BigScience": 9, "LMSYS": 9}.items()
        ),
        ("cv", "OpenAI", 1, 1, 1),
    ]
    assert warehouse.rows("select sum(n_models) from network__top_organizations where network = 'all'") == [(100,)]


def test_base_models_from_tags(warehouse: Warehouse) -> None:
    tags = {
        # next to each tag with a relation, the Hub adds a tag without one
        "tuned": ["base_model:lab/root", "base_model:finetune:lab/root"],
        "old card": ["base_model:lab/root", "base_model:lab/root"],
        "merged": ["base_model:merge:lab/tuned", "base_model:merge:gone/one", "base_model:lab/tuned"],
        "both": ["base_model:adapter:lab/root", "base_model:quantized:lab/root"],
        "legacy": ["base_model:finetune:gpt2", "base_model:finetune:distilgpt2"],
        "itself": ["base_model:finetune:lab/itself"],
        "itself, by an old id": ["base_model:was/it"],
        "path": ["base_model:adapter:/home/somebody/x", "base_model:C:\\Models\\x", "base_model:quantized:a/b/c"],
        "address": ["base_model:https://huggingface.co/lab/root"],
        "empty": ["base_model:", "base_model:finetune:", "base_models:lab/root", "license:mit"],
        "not observed": None,
    }
    warehouse.build(
        "mart__base_model_edges",
        raw_hub__models=[
            repo("1", "lab/root", tags=[]),
            repo("2", "openai-community/gpt2", tags=[]),
            *(repo(key, "lab/tuned" if key == "tuned" else f"lab/{key}", tags=value) for key, value in tags.items()),
            repo("old", tags=["base_model:lab/root"]) | {"snapshot_date": BEFORE},
        ],
        raw_hub__spaces=[repo("s", models=["gpt2", "was/it"])],
        enrich_hub__aliases=[alias("gpt2", "openai-community/gpt2"), alias("was/it", "lab/itself, by an old id")],
    )
    columns = "repo_key, base_repo_id, base_repo_key, relation, is_self_loop"
    assert warehouse.rows(f"select {columns} from mart__base_model_edges order by all") == [
        ("address", "lab/root", "1", "unspecified", False),
        ("both", "lab/root", "1", "adapter", False),
        ("both", "lab/root", "1", "quantized", False),
        ("itself", "lab/itself", "itself", "finetune", True),
        ("itself, by an old id", "was/it", "itself, by an old id", "unspecified", True),
        ("legacy", "distilgpt2", None, "finetune", False),
        ("legacy", "gpt2", "2", "finetune", False),
        ("merged", "gone/one", None, "merge", False),
        ("merged", "lab/tuned", "tuned", "merge", False),
        ("old card", "lab/root", "1", "unspecified", False),
        ("path", "(no id)", None, "adapter", False),
        ("path", "(no id)", None, "quantized", False),
        ("tuned", "lab/root", "1", "finetune", False),
    ]


def test_ids_that_differ_only_in_case_are_one_model_and_can_form_a_cycle(warehouse: Warehouse) -> None:
    warehouse.build(
        "mart__base_model_edges",
        raw_hub__models=[
            repo("1", "bo/delta", tags=["base_model:BO/Epsilon", "base_model:finetune:bo/EPSILON"]),
            repo("2", "bo/epsilon", tags=["base_model:bo/delta"]),
            repo("3", "bo/self", tags=["base_model:adapter:Bo/Self"]),
        ],
    )
    columns = "repo_key, base_repo_id, base_repo_key, relation, is_self_loop"
    assert warehouse.rows(f"select {columns} from mart__base_model_edges order by all") == [
        ("1", "bo/EPSILON", "2", "finetune", False),
        ("2", "bo/delta", "1", "unspecified", False),
        ("3", "Bo/Self", "3", "adapter", True),
    ]
    cycles = base_model_cycles_table(warehouse.connection.sql("from mart__base_model_edges").to_arrow_table())
    assert [(row["cycle"], row["repo_id"], row["n_models"]) for row in cycles.to_pylist()] == [
        ("bo/delta", "bo/delta", 2),
        ("bo/delta", "bo/epsilon", 2),
    ]


SPELLINGS = {
    "Bo/Epsilon": (
        "Bo/Epsilon",
        "Bo/Epsilon/",
        " Bo/Epsilon// ",
        "Bo/Epsilon@main",
        "Bo/Epsilon@refs/pr/1",
        "Bo/Epsilon/@4f2a",
        "Bo/Epsilon/tree/main",
        "hf://Bo/Epsilon@main",
        "hf://models/Bo/Epsilon",
        "huggingface.co/Bo/Epsilon",
        "http://www.huggingface.co/Bo/Epsilon/",
        "https://huggingface.co//Bo/Epsilon",
        "https://hf.co/Bo/Epsilon",
        "HTTPS://HuggingFace.co/Bo/Epsilon/",
        "https://huggingface.co/Bo/Epsilon.git",
        "git@hf.co:Bo/Epsilon.git",
        "https://huggingface.co/api/models/Bo/Epsilon",
        "https://huggingface.co/Bo/Epsilon?library=transformers#usage",
        "https://huggingface.co/Bo/Epsilon/tree/main/onnx",
        "https://huggingface.co/Bo/Epsilon/blob/refs%2Fpr%2F1/README.md",
        "https://huggingface.co/Bo/Epsilon/resolve/main/config.json?download=true",
        "https://huggingface.co/Bo/Epsilon/discussions/1",
    ),
    "gpt2": ("gpt2", "gpt2/", "https://huggingface.co/gpt2", "gpt2@v1.0", "hf.co/gpt2/tree/main"),
    "a.b-c_d/v1.0": ("a.b-c_d/v1.0", "https://huggingface.co/a.b-c_d/v1.0/"),
    "(no id)": (
        "/home/somebody/model",
        "./model",
        "../somebody/model",
        "~/model",
        "C:\\Models\\model",
        "a/b/c",
        "a b",
        "@main",
        "/",
        "https://huggingface.co",
        "https://huggingface.co/",
        "https://huggingface.co/datasets/squad",
        "https://huggingface.co/spaces/bo/epsilon",
        "https://huggingface.co/papers/2310.06825",
        "https://huggingface.co.example.org/bo/epsilon",
        "https://github.com/bo/epsilon",
        "https://example.org/huggingface.co/bo/epsilon",
    ),
}


def test_base_model_ids_are_normalized(warehouse: Warehouse) -> None:
    cases = [(written, base) for base, spellings in SPELLINGS.items() for written in spellings]
    for relation in ("", "quantized:"):
        warehouse.build(
            "mart__base_model_edges",
            raw_hub__models=[
                repo("bo", "bo/epsilon", tags=None),
                *(
                    repo(str(place), f"case/{place}", tags=[f"base_model:{relation}{written}"])
                    for place, (written, _) in enumerate(cases)
                ),
            ],
        )
        found = dict(warehouse.rows("select repo_key, (base_repo_id, base_repo_key) from mart__base_model_edges"))
        assert {written: found[str(place)] for place, (written, _) in enumerate(cases)} == {
            written: (base, "bo" if base == "Bo/Epsilon" else None) for written, base in cases
        }


def test_base_model_not_used_by_a_space_is_resolved_through_aliases(warehouse: Warehouse) -> None:
    warehouse.build(
        "mart__base_model_edges",
        raw_hub__models=[
            repo("1", "lab/new", tags=None),
            repo("2", "lab/tuned", tags=["base_model:finetune:https://hf.co/Lab/Old/", "base_model:gone/one"]),
        ],
        enrich_hub__aliases=[alias("lab/old", "LAB/new")],
    )
    assert warehouse.rows(
        "select base_repo_id, base_repo_key, match_method, alias_outcome from mart__base_model_edges "
        "join int_hub__model_ids on base_repo_id = model_id order by all"
    ) == [("Lab/Old", "1", "alias", "moved"), ("gone/one", None, "unresolved", None)]


def test_base_models_of_a_recorded_listing(warehouse: Warehouse, real_data: Path) -> None:
    listing = pq.read_table(real_data / "radar/2026-08-24/models.parquet", columns=["_id", "id", "tags"])
    warehouse.build("mart__base_model_edges")
    schema = warehouse.connection.sql("from raw_hub__models").to_arrow_table().schema
    given = {name: listing[name] for name in listing.column_names} | {"snapshot_date": pa.repeat(WEEK, len(listing))}
    columns = [
        given[name] if name in given else pa.nulls(len(listing), kind)
        for name, kind in zip(schema.names, schema.types, strict=True)
    ]
    warehouse.connection.register("given", pa.table(columns, names=schema.names))
    warehouse.connection.execute("insert into raw_hub__models by name from given")
    warehouse.fill(models_for(warehouse.project, "mart__base_model_edges"), WEEK)

    keys = dict(zip(listing["id"].to_pylist(), listing["_id"].to_pylist(), strict=True))
    said = {
        (key, *tag.removeprefix("base_model:").split(":", 1))
        for key, tags in zip(listing["_id"].to_pylist(), listing["tags"].to_pylist(), strict=True)
        for tag in tags or ()
        if tag.startswith("base_model:") and tag.count(":") > 1
    }
    relations = Counter(relation for _, relation, _ in said)
    found = dict(warehouse.rows("select relation, count(*) from mart__base_model_edges group by relation"))
    assert set(relations) == {"finetune", "quantized", "adapter", "merge"}
    assert found == relations | {"unspecified": 2}
    expected = Counter((keys[base], base in keys and keys[base] == key) for key, _, base in said if base in keys)
    listed = warehouse.rows(
        "select base_repo_key, is_self_loop, count(*) from mart__base_model_edges "
        "where base_repo_key is not null and relation <> 'unspecified' group by all"
    )
    assert {(key, itself): n for key, itself, n in listed} == expected
    assert len(base_model_cycles_table(warehouse.connection.sql("from mart__base_model_edges").to_arrow_table())) == 0
