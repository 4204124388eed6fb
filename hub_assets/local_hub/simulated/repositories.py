"""The simulated Hub's repositories: their names, true properties, and ranks in the quantile functions.

A single fame value drives all of a repository's activity, so that likes, downloads, discussions and usage correlate as
they do on the Hub; licensed repositories are more famous. This module also builds the listing tables; histories are in
`histories`, and the models used by Spaces in `usage`. Tags, licenses, cards and disabled discussions never change. A
Space's license appears only in its card data, because no Space recorded from the real Hub has a license tag.
"""

from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.famous_models import (
    MOVED,
    MOVED_AT,
    SUCCEEDED_AT,
    SUCCESSOR,
    WITHDRAWN,
    known_models,
)
from hub_assets.local_hub.simulated.people import People, object_ids
from hub_assets.local_hub.simulated.quantiles import Variable, value_at_share
from hub_assets.local_hub.simulated.rng import Flags, Floats, Ints, Rng
from hub_assets.local_hub.simulated.timeline import FLOOR, REFERENCE, WEEK, Timeline, moment
from hub_assets.vocabulary import RepoType

_MATURING: Final = 0.3
"""Weight of a repository's age at maturity relative to its fame. It keeps REFERENCE, when all earlier repositories
mature at once, from standing out."""
_UNLICENSED: Final[dict[RepoType, float]] = {"model": 0.6467, "dataset": 0.7213, "space": 0.7}
_PERMISSIVE: Final = ("apache-2.0", "mit", "afl-3.0", "cc-by-4.0", "cc0-1.0", "odc-by", "bsd-3-clause")
_MODEL_LICENSES: Final[dict[str, float]] = {
    **{"apache-2.0": 37, "mit": 17, "openrail": 14, "creativeml-openrail-m": 10, "other": 6, "cc-by-nc-4.0": 4},
    **{"llama2": 3, "cc-by-4.0": 3, "afl-3.0": 2, "gpl-3.0": 2, "bigscience-bloom-rail-1.0": 1, "bsd-3-clause": 1},
}
_DATASET_LICENSES: Final[dict[str, float]] = {
    **{"mit": 28, "apache-2.0": 15, "openrail": 9, "unknown": 9, "other": 8, "cc-by-4.0": 4, "cc-by-sa-4.0": 3},
    **{"cc-by-nc-4.0": 6, "cc0-1.0": 6, "gpl-3.0": 4, "afl-3.0": 4, "odc-by": 4},
}

_TASKS: Final[dict[str, float]] = {
    **{"text-generation": 20, "text-classification": 14, "text-to-image": 11, "token-classification": 6},
    **{"reinforcement-learning": 12, "automatic-speech-recognition": 7, "fill-mask": 5, "question-answering": 4},
    **{"image-classification": 5, "sentence-similarity": 3, "translation": 3, "feature-extraction": 3},
    **{"object-detection": 1, "image-to-text": 1, "summarization": 2, "text2text-generation": 4},
    **{"image-segmentation": 1, "visual-question-answering": 0.3, "conversational": 2},
}
_CAPABILITIES: Final[dict[str, str]] = {
    "text-generation": "continues a prompt and follows short instructions",
    "text-classification": "tells the sentiment and the topic of a sentence",
    "text-to-image": "paints pictures after a description",
    "token-classification": "finds people, places and organizations in a text",
    "reinforcement-learning": "plays a game of balance it was trained on",
    "automatic-speech-recognition": "writes down what is said in a recording",
    "fill-mask": "guesses the words left out of a sentence",
    "question-answering": "finds the answer to a question in a passage",
    "image-classification": "tells what a photograph shows",
    "sentence-similarity": "measures how near two sentences are in meaning",
    "translation": "translates short texts",
    "feature-extraction": "turns texts into vectors for search",
    "object-detection": "draws boxes around things in a picture",
    "image-to-text": "describes a picture in a sentence",
    "summarization": "shortens an article to its main points",
    "text2text-generation": "rewrites a text as it is asked to",
    "image-segmentation": "separates what stands in front from what is behind",
    "visual-question-answering": "answers questions about a picture",
    "conversational": "keeps up a conversation",
}
_LIBRARIES: Final[dict[str, float]] = {
    **{"transformers": 60, "diffusers": 15, "stable-baselines3": 7, "peft": 8, "sentence-transformers": 4},
    **{"timm": 2, "keras": 2, "spacy": 2},
}
_LANGUAGES: Final[dict[str, float]] = {
    **{"en": 60, "zh": 9, "fr": 6, "es": 6, "de": 6, "ja": 4, "ko": 3, "multilingual": 6},
}
_RELATIONS: Final[dict[str, float]] = {"finetune": 50, "quantized": 25, "adapter": 20, "merge": 5}
_ARCHITECTURES: Final = {
    **{"bert": "BertForMaskedLM", "gpt2": "GPT2LMHeadModel", "llama": "LlamaForCausalLM"},
    **{"t5": "T5ForConditionalGeneration", "vit": "ViTForImageClassification"},
}
_TEMPLATE: Final = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_SDKS: Final[dict[str, float]] = {"gradio": 70, "streamlit": 15, "docker": 8, "static": 7}
_STAGES: Final[dict[str, float]] = {"RUNNING": 45, "SLEEPING": 30, "RUNTIME_ERROR": 12, "BUILD_ERROR": 8, "PAUSED": 5}
_SHAPES: Final[dict[RepoType, tuple[str, ...]]] = {
    "model": ("bert", "gpt", "llama-7b", "llama-13b", "lora", "whisper", "ppo", "t5", "sd", "vit", "wav2vec2", "mt"),
    "dataset": ("corpus", "qa", "images", "dialogues", "reviews", "speech", "code", "eval"),
    "space": ("demo", "chat", "studio", "viewer", "playground", "leaderboard", "app"),
}
_WORDS: Final = (
    *("amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "heron", "indigo", "juniper", "kelp"),
    *("lumen", "maple", "nimbus", "onyx", "plover", "quartz", "raven", "sierra", "tundra", "umber", "violet"),
)


class Repositories:
    """All repositories of one type that were ever created, in order of creation.

    Numeric arrays are in this order, too. Text takes most of the memory, so it is built for some `rows` at a time.

    Args:
        timeline: the repositories' creation times and namespaces.
        people: all people.
        seed: seed of the rng.
        now: the time of the snapshot.
    """

    def __init__(self, timeline: Timeline, people: People, seed: int, now: int) -> None:
        self.timeline = timeline
        self.kind: RepoType = timeline.kind
        self.people = people
        self.now = now
        self.seed = seed
        self.rng = Rng(seed, timeline.kind)
        self.which = which = np.arange(len(timeline))
        self.is_org = people.is_org[timeline.namespace]
        self.license = self._licenses()
        permissive = pc.is_in(self.license, pa.array(_PERMISSIVE)).to_numpy(zero_copy_only=False)
        licensed = self.license.is_valid().to_numpy(zero_copy_only=False)
        self.fame = self.rng.normal("fame", which) + 0.25 * licensed + 0.25 * permissive + 0.2 * self.is_org
        if self.kind == "model":
            self._known = known_models(timeline.created)
            self.fame[list(self._known)] = 6 - 0.2 * np.arange(len(self._known))
        self._number_names()
        self.without_discussions: Flags = self.rng.happens("no discussions", 0.01, which) & (self.fame < 2)
        self.discussion_score = self.blend("discussions", 0.93, chance_at_the_top=False) + self.maturity
        self.commit_score = self.blend("commits", 0.25)
        # teams that collaborate do so in many repositories
        together = self.rng.normal("work together", timeline.namespace) + 1.2 * self.is_org
        self.committer_score = 0.4 * self.blend("committers", 0.4) + 0.4 * self.commit_score + 2.0 * together
        self.visible: Flags = (timeline.created < now) & (timeline.gone >= now)

    def standing(self, score: Floats) -> Floats:
        """Return, for each score, the share of the repositories at REFERENCE with a higher score, in (0, 1]."""
        settled = (self.which < self.timeline.settled) & (self.timeline.gone >= moment(REFERENCE))
        ascending = np.sort(score[settled])
        above = len(ascending) - np.searchsorted(ascending, score, "right")
        share: Floats = np.minimum((above + 0.5) / len(ascending), 1)
        return share

    def reached(self, variable: Variable, score: Floats) -> Floats:
        """Return each repository's value of a variable at maturity; the highest score gets the largest value."""
        return value_at_share(self.kind, variable, self.standing(score))

    def blend(self, purpose: str, weight: float, chance_at_the_top: bool = True) -> Floats:
        """Return a score that combines fame, with the given weight, and chance.

        If `chance_at_the_top` is false, chance counts less the more a repository's fame exceeds 2.8, so the most famous
        repositories rank almost by fame alone.
        """
        chance: Floats = np.sqrt(1 - weight**2) * self.rng.normal(purpose, self.which)
        if not chance_at_the_top:
            chance *= np.exp(-1.3 * np.maximum(self.fame - 2.8, 0))
        score: Floats = weight * self.fame + chance
        return score

    @property
    def maturity(self) -> Floats:
        """The effect of age on a score, at most 0: repositories that mature at a young age score lower."""
        age: Floats = np.clip((self.timeline.ripe - self.timeline.created) / (100 * WEEK), 1e-3, 1)
        return _MATURING * np.log(age)

    @cached_property
    def _liked(self) -> Floats:
        """The likes at maturity."""
        return self.reached("likes", self.blend("likes", 0.93, chance_at_the_top=False) + self.maturity)

    @cached_property
    def _downloaded(self) -> Floats:
        """The monthly downloads at maturity."""
        return self.reached("downloads", self.blend("downloads", 0.75) + self.maturity)

    def likes(self, when: int, rows: Ints) -> Ints:
        """Return the likes at a given time; they never decrease."""
        created, ripe = self.timeline.created[rows], self.timeline.ripe[rows]
        best = self._liked[rows]
        share = np.clip((when - created) / (ripe - created), 0, 1) ** 0.7
        # later likes are rounded at random, so that repositories with a single like eventually get a second
        later = np.floor(best) * (1.006 ** np.maximum((when - ripe) / WEEK, 0) - 1)
        chance = self.rng.uniform("next like", rows)
        likes: Ints = (np.floor(best * share) + np.floor(later + chance)).astype(np.int64)
        return likes

    def ids(self, when: Ints | int, rows: Ints) -> pa.Array:
        """Return the ids of repositories at a given time."""
        plain = text.joined(self._word("word", rows), "-", self._shape(rows))
        rank = self._rank[rows]
        names = text.where(rank > 0, text.joined(plain, "-v", text.numbers(rank)), plain)
        names = text.where(self._renamed_at[rows] < when, text.joined(names, "-hf"), names)
        ids = text.joined(self.people.owners(self.timeline.namespace[rows], when), "/", names)
        if self.kind == "model":
            moved = np.broadcast_to(np.asarray(when) > MOVED_AT, rows.shape)
            for row, name in self._known.items():
                if (of := rows == row).any():
                    ids = text.where(of, text.where(moved, MOVED.get(name, name), name), ids)
        return ids

    def renames(self) -> dict[str, str]:
        """Return a mapping from the former ids of visible repositories to their current ids."""
        rows = np.flatnonzero(self.visible)
        moves = np.stack([self._renamed_at[rows], self.people.owner_renamed_at(self.timeline.namespace[rows])])
        if self.kind == "model":
            moves[0, np.isin(rows, [row for row, name in self._known.items() if name in MOVED])] = MOVED_AT
        moves = np.where((self.timeline.created[rows] < moves) & (moves < self.now), moves, np.inf)
        early, late = np.sort(moves, axis=0)
        renames: dict[str, str] = {}
        # map the ids before the first move and before the second move to the current ids
        for moved in (early, late):
            some = rows[np.isfinite(moved)]
            old = self.ids(moved[np.isfinite(moved)].astype(np.int64), some)
            new = self.ids(self.now, some)
            changed = pc.not_equal(old, new)
            renames |= dict(zip(old.filter(changed).to_pylist(), new.filter(changed).to_pylist(), strict=True))
        if self.kind == "model" and self.now > SUCCEEDED_AT and SUCCESSOR in self._known.values():
            renames[WITHDRAWN] = SUCCESSOR
        return renames

    def some(self, purpose: str, share: float, values: pa.Array, rows: Ints) -> pa.Array:
        """Return the values for a random share of the repositories, null for the rest."""
        return text.where(self.rng.happens(purpose, share, rows), values)

    def drawn(self, purpose: str, weights: dict[str, float], rows: Ints) -> pa.Array:
        """Draw a key for each repository, with probabilities proportional to `weights`."""
        return text.of(tuple(weights), self.rng.choice(purpose, weights, rows))

    def shared_columns(self, rows: Ints) -> dict[str, pa.Array]:
        """Return the columns that all types share, apart from those that depend on commits."""
        born = self.timeline.created[rows]
        created = np.maximum(born, FLOOR)
        likes = self.likes(self.now, rows)
        disabled_at = born + WEEK * (1 + 150 * self.rng.uniform("disabled at", rows))
        return {
            "_id": object_ids(self.rng, created, rows),
            "id": self.ids(self.now, rows),
            "createdAt": text.moments(created),
            "private": pa.array(np.zeros(len(rows), dtype=bool)),
            "disabled": pa.array(self.rng.happens("disabled", 0.005, rows) & (disabled_at < self.now)),
            "likes": pa.array(likes),
            "trendingScore": pa.array(likes - self.likes(self.now - WEEK, rows)),
            "discussionsDisabled": pa.array(self.without_discussions[rows]),
        }

    def columns(self, rows: Ints, others: "Repositories | None" = None) -> dict[str, pa.Array]:
        """Return the columns specific to this type; models take their training datasets from `others`."""
        if self.kind == "model":
            assert others is not None
            return self._popularity(rows) | self._model_columns(rows, others)
        if self.kind == "dataset":
            return self._popularity(rows) | self._dataset_columns(rows)
        return self._space_columns(rows)

    def earlier(self, purpose: str, share: float, others: "Repositories", rows: Ints) -> Ints:
        """Return, for a random share of rows, the row of an older repository in `others`; -1 for the rest.

        The older repository is usually a very old one.
        """
        linked = np.flatnonzero(self.rng.happens(purpose, share, rows))
        then = np.searchsorted(others.timeline.created, self.timeline.created[rows[linked]])
        linked, then = linked[then > 0], then[then > 0]
        chosen = np.full(len(rows), -1)
        chosen[linked] = np.floor(then ** self.rng.uniform(f"{purpose} which", rows[linked])).astype(np.int64) - 1
        return chosen

    def named(self, others: "Repositories", chosen: Ints, rows: Ints) -> pa.Array:
        """Return the ids that the chosen `others` had when the linking repositories were created; null for -1."""
        linked = chosen >= 0
        ids = others.ids(self.timeline.created[rows[linked]], chosen[linked])
        return ids.take(pa.array(np.cumsum(linked) - 1, mask=~linked))

    def _licenses(self) -> pa.Array:
        weights = _DATASET_LICENSES if self.kind == "dataset" else _MODEL_LICENSES
        drawn = self.drawn("license", weights, self.which)
        return self.some("licensed", 1 - _UNLICENSED[self.kind], drawn, self.which)

    def _number_names(self) -> None:
        timeline, rng, which = self.timeline, self.rng, self.which
        order = np.argsort(timeline.namespace, kind="stable")
        start = np.searchsorted(timeline.namespace[order], timeline.namespace[order])
        self._rank = np.empty_like(which)
        self._rank[order] = which - start
        at = timeline.created + WEEK * (1 + 150 * rng.uniform("renamed at", which))
        self._renamed_at = np.where(rng.happens("renamed", 0.03, which), at, np.inf)
        if self.kind == "model":
            self._renamed_at[list(self._known)] = np.inf

    def _word(self, purpose: str, rows: Ints) -> pa.Array:
        return self.drawn(purpose, dict.fromkeys(_WORDS, 1.0), rows)

    def _shape(self, rows: Ints) -> pa.Array:
        return self.drawn("shape", dict.fromkeys(_SHAPES[self.kind], 1.0), rows)

    def _capability(self, rows: Ints) -> pa.Array:
        return text.of(tuple(_CAPABILITIES.values()), self.rng.choice("task", _TASKS, rows))

    def _popularity(self, rows: Ints) -> dict[str, pa.Array]:
        """Return the columns that models and datasets have but Spaces lack."""
        rng, week = self.rng, 7 * 24 * 3600
        created, ripe = self.timeline.created[rows], self.timeline.ripe[rows]
        monthly = self._downloaded[rows]
        calm = rng.normal("downloads in the week", rows, moment(REFERENCE) // week)
        wobble = np.clip(0.3 * (rng.normal("downloads in the week", rows, self.now // week) - calm), -0.65, 0.65)
        month = 30 * 24 * 3600
        age = np.maximum(self.now - created, 1)
        growing = np.minimum(age / np.clip(ripe - created, 1, month), 1)
        downloads = np.where(monthly > 0, np.maximum(monthly * np.exp(wobble) * growing, 1), 0)
        ever = monthly * (2 + 1.1 * age / month) + np.floor(4 + 30 * rng.uniform("ever", rows))
        gated_at = created + WEEK * (1 + 150 * rng.uniform("gated at", rows))
        gate = text.where(rng.happens("gate", 0.6, rows), "auto", "manual")
        gated = rng.happens("gated", 0.04, rows) & (gated_at < self.now)
        return {
            "downloads": pa.array(np.floor(downloads).astype(np.int64)),
            "downloadsAllTime": pa.array(np.floor(ever).astype(np.int64)),
            "gated": text.where(gated, gate, "false"),
        }

    def _model_columns(self, rows: Ints, datasets: "Repositories") -> dict[str, pa.Array]:
        rng, license = self.rng, self.license.take(rows)
        library = self.some("has library", 0.8, self.drawn("library", _LIBRARIES, rows), rows)
        any_task = self.drawn("task", _TASKS, rows)
        task = self.some("has task", 0.6, any_task, rows)
        language = self.some("has language", 0.3, self.drawn("language", _LANGUAGES, rows), rows)
        base_of = self.earlier("base", 0.4, self, rows)
        base = self.named(self, base_of, rows)
        relation = self.drawn("relation", _RELATIONS, rows)
        data = self.named(datasets, self.earlier("trained on", 0.12, datasets, rows), rows)
        total = (10 ** (7 + 4 * rng.uniform("parameters", rows))).astype(np.int64)
        weights = pa.MapArray.from_arrays(
            np.arange(len(rows) + 1, dtype=np.int32), text.of(("BF16",), np.zeros_like(rows)), total
        )
        about = text.joined("A simulated model that ", self._capability(rows), ". It was ", self._word("made of", rows))
        about = text.joined(about, " at first and learned from ", self._word("learned from", rows), ".")
        return {
            "pipeline_tag": task,
            "library_name": library,
            "tags": text.lists(
                *(library, task, language, text.joined("license:", license), text.joined("dataset:", data)),
                *(text.joined("base_model:", base), text.joined("base_model:", relation, ":", base)),
                text.of(("region:us",), np.zeros_like(rows)),
            ),
            "cardData": text.json_objects(
                license=license, language=language, base_model=base, pipeline_tag=task, datasets=data
            ),
            "safetensors": pa.StructArray.from_arrays(
                [weights, pa.array(total)],
                ["parameters", "total"],
                mask=pa.array(~rng.happens("has safetensors", 0.25, rows)),
            ),
            "card": self.some("has card", 0.7, about, rows),
            "baseModels": self._resolved(base_of, relation),
            **self._configurations(rows, library, total),
        }

    def _resolved(self, base_of: Ints, relation: pa.Array) -> pa.Array:
        """Return base models that still exist, in the Hub's resolved form (key and current id); null for the rest."""
        there = (base_of >= 0) & self.visible[base_of]
        bases = base_of[there]
        position = pa.array(np.cumsum(there) - 1, mask=~there)
        keys = object_ids(self.rng, np.maximum(self.timeline.created[bases], FLOOR), bases).take(position)
        ids = self.ids(self.now, bases).take(position)
        return text.joined('{"relation":"', relation, '","models":[{"_id":"', keys, '","id":"', ids, '"}]}')

    def _configurations(self, rows: Ints, library: pa.Array, total: Ints) -> dict[str, pa.Array]:
        """Return the metadata that the Hub reads from configuration files and, for a few models, from GGUF files."""
        drawn = self.rng.choice("architecture", dict.fromkeys(_ARCHITECTURES, 1.0), rows)
        kind, name = (text.of(tuple(words), drawn) for words in (_ARCHITECTURES.keys(), _ARCHITECTURES.values()))
        configured = pc.fill_null(pc.is_in(library, pa.array(["transformers", "peft"])), False)
        config = text.joined(
            *('{"architectures":["', name, '"],"model_type":"'),
            *(kind, '","tokenizer_config":{"bos_token":"<s>","eos_token":"</s>","chat_template":"', _TEMPLATE, '"}}'),
        )
        gguf = text.joined(
            *('{"total":', text.numbers(total), ',"architecture":"', kind, '","context_length":4096,"chat_template":"'),
            *(_TEMPLATE, '","bos_token":"<s>","eos_token":"</s>"}'),
        )
        return {
            "config": text.where(configured.to_numpy(zero_copy_only=False), config),
            "gguf": self.some("has gguf", 0.05, gguf, rows),
        }

    def _dataset_columns(self, rows: Ints) -> dict[str, pa.Array]:
        rng, license = self.rng, self.license.take(rows)
        task = self.some("has task", 0.4, self.drawn("task", _TASKS, rows), rows)
        language = self.some("has language", 0.4, self.drawn("language", _LANGUAGES, rows), rows)
        size = (10 ** (4 + 7 * rng.uniform("size", rows))).astype(np.int64)
        about = text.joined(
            "Simulated sentences about ", self._word("about", rows), " and ", self._word("and about", rows), "."
        )
        use = text.joined(" They train a model that ", self._capability(rows), ".")
        return {
            "tags": text.lists(
                text.joined("task_categories:", task),
                text.joined("language:", language),
                text.joined("license:", license),
                text.of(("region:us",), np.zeros_like(rows)),
            ),
            "cardData": text.json_objects(license=license, language=language, task_categories=task),
            "description": self.some("described", 0.5, about, rows),
            "card": self.some("has card", 0.6, text.joined(about, use), rows),
            "mainSize": pa.array(size, mask=~rng.happens("sized", 0.6, rows)),
        }

    def _space_columns(self, rows: Ints) -> dict[str, pa.Array]:
        sdk = self.drawn("sdk", _SDKS, rows)
        hardware = '","hardware":{"current":null,"requested":"cpu-basic"},"storage":null,"replicas":{"requested":1}}'
        return {
            "sdk": sdk,
            "runtime": text.joined('{"stage":"', self.drawn("stage", _STAGES, rows), hardware),
            "subdomain": pc.utf8_lower(pc.replace_substring(self.ids(self.now, rows), "/", "-")),
            "tags": text.lists(sdk, text.of(("region:us",), np.zeros_like(rows))),
            "cardData": text.json_objects(license=self.license.take(rows), sdk=sdk),
        }

    def app_cards(self, rows: Ints, models: pa.ListArray) -> pa.Array:
        """Return cards for half of the Spaces; each names the first two models that the Space references."""
        about = text.joined(
            "A simulated app that ", self._capability(rows), ". Its pages are ", self._word("color", rows), "."
        )
        named = pc.binary_join(pc.list_slice(models, 0, 2, return_fixed_size_list=False), " and ")
        is_any = pc.not_equal(named, "").to_numpy(zero_copy_only=False)
        runs = text.where(is_any, text.joined(" It runs ", named, "."), "")
        return self.some("has card", 0.5, text.joined(about, runs), rows)
