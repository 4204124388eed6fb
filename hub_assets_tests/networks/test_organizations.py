"""The organizations behind namespaces, according to the seeds."""

import csv
from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

SEEDS = Path(__file__).parents[2] / "dbt_like_sql" / "seeds"
Rows = list[dict[str, str]]


def rows_of(seed: str) -> Rows:
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def organization_of(repo_id: str) -> str | None:
    """Return the organization that developed a model, as in `network__top_organizations`."""
    namespaces = {row["namespace"].lower(): row["organization"] for row in rows_of("organizations")}
    developers = {row["repo_id"]: row["namespace"] for row in rows_of("model_developers")}
    namespace = developers.get(repo_id) or (repo_id.partition("/")[0] if "/" in repo_id else "")
    return namespaces.get(namespace.lower())


def test_developers_that_the_study_names() -> None:
    said = {
        "facebook/bart-large": "Meta",
        "meta-llama/Llama-2-7b-chat-hf": "Meta",
        "roberta-base": "Meta",
        "google/flan-t5-xxl": "Google",
        "bert-base-uncased": "Google",
        "t5-base": "Google",
        "stabilityai/stable-diffusion-2-1": "Stability AI",
        "gpt2": "OpenAI",
        "gpt2-medium": "OpenAI",
        "openai/clip-vit-large-patch14": "OpenAI",
        "microsoft/DialoGPT-large": "Microsoft",
        "fnlp/moss-moon-003-sft": "Fudan University",
        "EleutherAI/gpt-j-6b": "EleutherAI",
        "h2oai/h2ogpt-oasst1-512-12b": "H2O.ai",
        "bigscience/bloom": "BigScience",
        "lmsys/vicuna-7b-v1.3": "LMSYS",
        "laion/CLIP-ViT-H-14-laion2B-s32B-b79K": "LAION",
        "nitrosocke/mo-di-diffusion": "nitrosocke",
        "lllyasviel/sd-controlnet-canny": "lllyasviel",
        "DucHaiten/DucHaitenAIart": "DucHaiten",
    }
    assert {name: organization_of(name) for name in said} == said


def test_a_renamed_model_keeps_its_developer() -> None:
    today = {
        "gpt2": "openai-community/gpt2",
        "bert-base-uncased": "google-bert/bert-base-uncased",
        "bert-base-german-cased": "google-bert/bert-base-german-cased",
        "roberta-base": "FacebookAI/roberta-base",
        "t5-small": "google-t5/t5-small",
        "distilgpt2": "distilbert/distilgpt2",
        "xlnet-base-cased": "xlnet/xlnet-base-cased",
        "albert-base-v2": "albert/albert-base-v2",
        "camembert-base": "almanach/camembert-base",
        "ctrl": "Salesforce/ctrl",
        "runwayml/stable-diffusion-v1-5": "stable-diffusion-v1-5/stable-diffusion-v1-5",
    }
    assert all(organization_of(old) for old in today)
    assert {old: organization_of(old) for old in today} == {old: organization_of(new) for old, new in today.items()}


def test_seeds_are_sorted_and_each_organization_has_one_kind() -> None:
    organizations, developers = rows_of("organizations"), rows_of("model_developers")
    for rows, key in ((organizations, ("namespace", "valid_from")), (developers, ("repo_id",))):
        # the Hub ignores case
        names = [tuple(row[name].lower() for name in key) for row in rows]
        assert names == sorted(set(names))
        assert all(
            value == value.strip() and (value or name in ("country", "valid_from"))
            for row in rows
            for name, value in row.items()
        )
    kinds = {(row["organization"], row["kind"]) for row in organizations}
    assert len(kinds) == len({name.lower() for name, _ in kinds})
    assert sum(row["kind"] != "individual" for row in organizations) >= 100
    # individuals appear under their chosen namespace
    assert all(row["organization"] == row["namespace"] for row in organizations if row["kind"] == "individual")


def test_most_widely_used_models_are_mapped(real_data: Path) -> None:
    uses = pq.read_table(real_data / "usage" / "github_repo_uses_model.parquet", columns=["model_id"])
    foremost = [organization_of(name) for name, _ in Counter(uses["model_id"].to_pylist()).most_common(100)]
    assert sum(name is not None for name in foremost[:50]) >= 47
    assert sum(name is not None for name in foremost) >= 90
