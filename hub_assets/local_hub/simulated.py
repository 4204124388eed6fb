"""A small Hub that is invented: repositories, accounts and their weeks, from a seed.

Names of a few well-known repositories are real, because clients have habits around them; every number is made up. Each
random number is a hash of the seed, what it is for and whose it is, so that a repository is the same in every week and
a week can be made without the weeks before it.
"""

import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.fields import REPO_TYPES, RepoType
from hub_assets.local_hub.population import Population, PopulationError

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Strings = npt.NDArray[np.object_]

_FLOOR: Final = int(datetime(2022, 3, 2, 23, 29, 4, tzinfo=UTC).timestamp())
"""Repositories older than the Hub's `createdAt` have this one."""
_FIRST_WEEK: Final = date(2023, 10, 2)
_WEEK: Final = 7 * 24 * 3600.0
_STOCK: Final[dict[RepoType, int]] = {"model": 1_000, "dataset": 200, "space": 400}
"""Repositories that are older than that."""
_BIRTHS: Final[dict[RepoType, float]] = {"model": 13.5, "dataset": 3.1, "space": 6.2}
"""New ones a week."""
_ACCOUNTS: Final = 1_000

_MODEL_LICENSES: Final = {
    **{"apache-2.0": 37, "mit": 17, "openrail": 14, "creativeml-openrail-m": 10, "other": 6, "cc-by-nc-4.0": 5},
    **{"llama2": 3, "cc-by-4.0": 3, "afl-3.0": 2, "gpl-3.0": 2, "bigscience-bloom-rail-1.0": 1},
}
_DATASET_LICENSES: Final = {
    **{"mit": 28, "apache-2.0": 15, "openrail": 9, "unknown": 9, "other": 8, "cc-by-4.0": 4, "cc-by-sa-4.0": 3},
    **{"cc-by-nc-4.0": 6, "cc0-1.0": 6, "gpl-3.0": 4, "afl-3.0": 4, "odc-by": 4},
}
_UNLICENSED: Final[dict[RepoType, float]] = {"model": 0.6467, "dataset": 0.7213, "space": 0.7}
_TASKS: Final = {
    **{"text-generation": 22, "text-classification": 14, "text-to-image": 12, "token-classification": 6},
    **{"reinforcement-learning": 9, "automatic-speech-recognition": 6, "fill-mask": 5, "question-answering": 4},
    **{"image-classification": 5, "sentence-similarity": 4, "translation": 3, "feature-extraction": 3},
    **{"object-detection": 2, "image-to-text": 2, "summarization": 2, "visual-question-answering": 1},
}
_LIBRARIES: Final = {"transformers": 60, "diffusers": 15, "stable-baselines3": 7, "peft": 8, "sentence-transformers": 4}
_LANGUAGES: Final = {"en": 60, "zh": 9, "fr": 6, "es": 6, "de": 6, "ja": 4, "ko": 3, "multilingual": 6}
_RELATIONS: Final = {"finetune": 50, "quantized": 25, "adapter": 20, "merge": 5}
_SDKS: Final = {"gradio": 70, "streamlit": 15, "docker": 8, "static": 7}
_STAGES: Final = {"RUNNING": 45, "SLEEPING": 30, "RUNTIME_ERROR": 12, "BUILD_ERROR": 8, "PAUSED": 5}
_WORDS: Final = np.array(
    [
        *("amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "heron", "indigo", "juniper", "kelp"),
        *("lumen", "maple", "nimbus", "onyx", "plover", "quartz", "raven", "sierra", "tundra", "umber", "violet"),
    ],
    dtype=object,
)
_NONE: Final = np.array(None, dtype=object)

_MOVED: Final = {
    "gpt2": "openai-community/gpt2",
    "bert-base-uncased": "google-bert/bert-base-uncased",
    "roberta-base": "FacebookAI/roberta-base",
    "t5-small": "google-t5/t5-small",
    "distilbert-base-uncased": "distilbert/distilbert-base-uncased",
}
"""Models with a name of one part that got an owner on 2024-02-19."""
_MOVED_AT: Final = int(datetime(2024, 2, 19, tzinfo=UTC).timestamp())
_ONE_PART: Final = ("xlnet-base-cased", "ctrl", "albert-base-v2")
"""Models that still have such a name."""
_WITHDRAWN: Final = "runwayml/stable-diffusion-v1-5"
_SUCCESSOR: Final = "stable-diffusion-v1-5/stable-diffusion-v1-5"
"""The path of one model that was deleted leads to another one, which was made on the next day."""
_WITHDRAWN_AT: Final = int(datetime(2024, 8, 29, 12, tzinfo=UTC).timestamp())


def simulated(week: date, seed: int = 0) -> Population:
    """Make the Hub of one week: what was created before its Monday, 00:00 UTC.

    Everything in it is invented. It grows from some 2,000 models in October 2023 to about 4,000 in late 2026 (datasets
    and spaces: a quarter and half of that). From week to week repositories are created, renamed, gated and deleted,
    about one in twenty gets a new commit, likes grow and downloads go up and down; `_id` stays.

    Args:
        week: any day of the week, from 2023-10-02 on.
        seed: another one makes another Hub.

    Raises:
        PopulationError: if the week is before that.
    """
    monday = week - timedelta(days=week.weekday())
    if monday < _FIRST_WEEK:
        raise PopulationError(f"the simulated Hub begins with the week of {_FIRST_WEEK}, after {monday}")
    now = int(datetime(monday.year, monday.month, monday.day, tzinfo=UTC).timestamp())
    dice = _Dice(seed, "account")
    names = _names(dice)
    models, datasets, spaces = (_Repos(kind, now, _Dice(seed, kind), names) for kind in REPO_TYPES)
    renames = {repos.kind: repos.renames() for repos in (models, datasets, spaces)}
    if now > _WITHDRAWN_AT + _WEEK:
        renames["model"][_WITHDRAWN] = _SUCCESSOR
    return Population(
        "simulated",
        monday,
        {
            "model": models.table(_model_columns(models, datasets)),
            "dataset": datasets.table(_dataset_columns(datasets)),
            "space": spaces.table(_space_columns(spaces, models, datasets)),
        },
        accounts=_accounts(dice, names),
        members=_members(dice, names),
        renames=renames,
    )


class _Dice:
    """Random numbers that depend on the seed, what they are for, and whose they are, and on nothing else."""

    def __init__(self, seed: int, kind: str) -> None:
        self._seed = seed
        self._kind = kind

    def bits(self, purpose: str, which: Ints, version: Ints | int = 0) -> npt.NDArray[np.uint64]:
        """Return 64 random bits for each number of `which` in its version (splitmix64)."""
        salt = hashlib.sha256(f"{self._seed} {self._kind} {purpose}".encode()).digest()
        mixed = np.asarray(which).astype(np.uint64) + np.uint64(int.from_bytes(salt[:8], "big"))
        for number in (np.uint64(0), np.asarray(version).astype(np.uint64)):
            mixed = (mixed ^ number) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            mixed ^= mixed >> np.uint64(31)
        return mixed

    def uniform(self, purpose: str, which: Ints, version: Ints | int = 0) -> Floats:
        """Return a number in (0, 1) for each."""
        return ((self.bits(purpose, which, version) >> np.uint64(12)).astype(np.float64) + 0.5) / 2.0**52

    def choice(self, purpose: str, which: Ints, weights: dict[str, int]) -> Strings:
        """Return one of the keys for each, as often as their weights say."""
        edges = np.cumsum(list(weights.values())) / sum(weights.values())
        return np.array(list(weights), dtype=object)[np.searchsorted(edges, self.uniform(purpose, which))]

    def word(self, purpose: str, which: Ints) -> Strings:
        """Return a word for each."""
        words: Strings = _WORDS[(self.uniform(purpose, which) * len(_WORDS)).astype(int)]
        return words

    def hex(self, purpose: str, which: Ints, length: int, version: Ints | int = 0) -> Strings:
        """Return that many hexadecimal digits for each."""
        words = [self.bits(f"{purpose} {part}", which, version) for part in range(-(-length // 16))]
        return _hex(np.stack(words, axis=1), length)


class _Repos:
    """The repositories of one type that were ever created before `now`, in the order of their creation.

    Arrays are over all of them, those that are gone too; times are seconds since 1970, ages weeks.
    """

    def __init__(self, kind: RepoType, now: int, dice: _Dice, names: Strings) -> None:
        self.kind: RepoType = kind
        self.now = now
        self.dice = dice
        which = np.arange(_STOCK[kind] + int((now - _FLOOR) / _WEEK * _BIRTHS[kind]) + 1)
        births = which - _STOCK[kind] + dice.uniform("birth", which)
        created = (_FLOOR + np.where(which < _STOCK[kind], 0, births * _WEEK / _BIRTHS[kind])).astype(np.int64)
        self.which = which = which[created < now]
        self.created = created[created < now]
        self.age = (now - self.created) / _WEEK
        known = np.floor(6_000 / (which + 1.0) ** 1.5)
        self.fame = known if kind == "model" else np.zeros(len(which))
        owner = names[_zipf(dice.uniform("owner", which), len(names))]
        self.first_id = owner + "/" + dice.word("word", which) + "-" + which.astype(str).astype(object)
        self.last_id = self.first_id + "-v2"
        self.renamed_at = self.sometimes("renamed", 0.03)
        self.gone_at = self.sometimes("gone", 0.05)
        self.gated_at = self.sometimes("gated", 0.03)
        if kind == "model":
            self._name_the_known()

    def sometimes(self, what: str, share: float) -> Floats:
        """Return when something happens to each, infinity if never."""
        at = self.created + _WEEK * (1 + 150 * self.dice.uniform(f"{what} at", self.which))
        return np.where(self.dice.uniform(what, self.which) < share, at, np.inf)

    def _name_the_known(self) -> None:
        known = [*_MOVED, *_ONE_PART, _WITHDRAWN]
        some = np.append(np.arange(len(known)), np.searchsorted(self.created, _WITHDRAWN_AT + 24 * 3600))
        some = some[some < len(self.which)]
        self.first_id[some] = [*known, _SUCCESSOR][: len(some)]
        self.renamed_at[some] = self.gone_at[some] = self.gated_at[some] = np.inf
        self.last_id[: len(_MOVED)] = list(_MOVED.values())
        self.renamed_at[: len(_MOVED)] = _MOVED_AT
        self.gone_at[len(known) - 1] = _WITHDRAWN_AT

    def id_at(self, which: Ints, when: Ints | int) -> Strings:
        """Return the ids that some repositories bore at some time."""
        ids: Strings = np.where(self.renamed_at[which] < when, self.last_id[which], self.first_id[which])
        return ids

    def renames(self) -> dict[str, str]:
        """Return the old ids of what was renamed, and its new ones."""
        moved = (self.renamed_at < self.now) & (self.gone_at >= self.now)
        return dict(zip(self.first_id[moved], self.last_id[moved], strict=True))

    def likes(self, age: Floats) -> Ints:
        """Return the likes at some age; they never fall."""
        chance = self.dice.uniform("likes", self.which)
        most = np.where(chance < 0.2, np.minimum((chance / 0.2) ** -1.1, 9_000), 0) + self.fame
        grown = most * (1 - np.exp(-age / 30)) + self.dice.uniform("first like", self.which) * (most > 0)
        likes: Ints = np.floor(grown).astype(np.int64)
        return likes

    def named(self, purpose: str, others: "_Repos", share: float) -> Strings:
        """Return, for a share of these, the id of another repository as it was then, the early ones by far most."""
        then = np.searchsorted(others.created, self.created, "right")
        chosen = others.id_at(_zipf(self.dice.uniform(f"{purpose} which", self.which), then), self.created)
        return self.some(purpose, share, chosen)

    def some(self, purpose: str, share: float, values: Strings) -> Strings:
        """Return the values of a share of these, None for the rest."""
        return np.where(self.dice.uniform(purpose, self.which) < share, values, _NONE)

    def license(self, weights: dict[str, int]) -> Strings:
        """Return each one's license, None for those without."""
        return self.some("licensed", 1 - _UNLICENSED[self.kind], self.dice.choice("license", self.which, weights))

    def table(self, columns: dict[str, pa.Array]) -> pa.Table:
        """Return those that there still are: the columns that all types share, and these."""
        dice, which = self.dice, self.which
        rate, phase = -0.05 * np.log(dice.uniform("rate", which)), dice.uniform("phase", which)
        commits = np.floor(self.age * rate + phase)
        modified = self.created + np.where(commits > 0, (commits - phase) / rate * _WEEK, 0).astype(np.int64)
        ids = self.id_at(which, self.now)
        shared = {
            "_id": pa.array(_hex(self.created[:, None], 8) + dice.hex("_id", which, 16)),
            "id": pa.array(ids),
            "createdAt": pa.array(self.created, pa.timestamp("s")),
            "lastModified": pa.array(np.minimum(modified, self.now - 1), pa.timestamp("s")),
            "sha": pa.array(dice.hex("sha", which, 40, commits.astype(np.int64))),
            "private": pa.array(np.zeros(len(which), dtype=bool)),
            "disabled": pa.array(dice.uniform("disabled", which) < 0.003),
            "likes": pa.array(self.likes(self.age)),
            "trendingScore": pa.array(self.likes(self.age) - self.likes(np.maximum(self.age - 1, 0))),
        }
        return pa.table(shared | columns).filter(pa.array(self.gone_at >= self.now))


def _popularity(repos: _Repos) -> dict[str, pa.Array]:
    """Return what models and datasets have and spaces have not."""
    dice, which = repos.dice, repos.which
    chance = dice.uniform("downloads", which)
    monthly = np.where(chance < 0.35, np.minimum(10 * (chance / 0.35) ** -1.3, 2e6), 0) + 2_000 * repos.fame
    months = repos.age / (30 / 7)
    wobble = 0.7 + 0.6 * dice.uniform("downloads this week", which, int(repos.now / _WEEK))
    gate = dice.choice("gate", which, {"auto": 60, "manual": 40})
    return {
        "downloads": pa.array((monthly * np.minimum(months, 1) * wobble).astype(np.int64)),
        "downloadsAllTime": pa.array((monthly * months * 1.3).astype(np.int64)),
        "gated": pa.array(np.where(repos.gated_at < repos.now, gate, "false")),
    }


def _model_columns(models: _Repos, datasets: _Repos) -> dict[str, pa.Array]:
    dice, which = models.dice, models.which
    license_ = models.license(_MODEL_LICENSES)
    library = models.some("has library", 0.8, dice.choice("library", which, _LIBRARIES))
    task = models.some("has task", 0.6, dice.choice("task", which, _TASKS))
    language = models.some("has language", 0.3, dice.choice("language", which, _LANGUAGES))
    base = np.where(which < 50, _NONE, models.named("base", models, 0.4))
    relation = dice.choice("relation", which, _RELATIONS)
    total = (10 ** (7 + 4 * dice.uniform("parameters", which))).astype(np.int64)
    weights = pa.MapArray.from_arrays(np.arange(len(which) + 1, dtype=np.int32), pa.array(["BF16"] * len(which)), total)
    unknown = pa.array(dice.uniform("safetensors", which) > 0.25)
    return _popularity(models) | {
        "pipeline_tag": pa.array(task),
        "library_name": pa.array(library),
        "safetensors": pa.StructArray.from_arrays([pa.array(total), weights], ["total", "parameters"], mask=unknown),
        "tags": _lists(
            *(library, task, language, _prefixed("license:", license_), _prefixed("base_model:", base)),
            _prefixed("base_model:", np.where(np.equal(base, _NONE), _NONE, relation + ":"), base),
            _prefixed("dataset:", models.named("dataset", datasets, 0.15)),
            np.full(len(which), "region:us", dtype=object),
        ),
        "cardData": _card(license=license_, language=language, base_model=base, pipeline_tag=task),
    }


def _dataset_columns(datasets: _Repos) -> dict[str, pa.Array]:
    dice, which = datasets.dice, datasets.which
    license_ = datasets.license(_DATASET_LICENSES)
    task = datasets.some("has task", 0.4, dice.choice("task", which, _TASKS))
    language = datasets.some("has language", 0.4, dice.choice("language", which, _LANGUAGES))
    size = (10 ** (4 + 7 * dice.uniform("size", which))).astype(np.int64)
    about = "Sentences about " + dice.word("about", which) + " and " + dice.word("and about", which) + ", made up."
    return _popularity(datasets) | {
        "tags": _lists(
            *(_prefixed("task_categories:", task), _prefixed("language:", language), _prefixed("license:", license_)),
            np.full(len(which), "region:us", dtype=object),
        ),
        "cardData": _card(license=license_, language=language),
        "description": pa.array(datasets.some("described", 0.5, about)),
        "mainSize": pa.array(size, mask=dice.uniform("sized", which) > 0.6),
    }


def _space_columns(spaces: _Repos, models: _Repos, datasets: _Repos) -> dict[str, pa.Array]:
    dice, which = spaces.dice, spaces.which
    license_ = spaces.license(_MODEL_LICENSES)
    sdk = dice.choice("sdk", which, _SDKS)
    nowhere = "unpublished/" + dice.word("nowhere", which) + "-" + (which % 20).astype(str).astype(object)
    used: list[Strings] = [
        spaces.named(f"model {place}", models, share) for place, share in enumerate((0.45, 0.2, 0.1))
    ]
    used.append(spaces.some("nowhere", 0.02, nowhere))
    for place in range(1, len(used)):
        used[place] = np.where(np.any([used[place] == before for before in used[:place]], axis=0), _NONE, used[place])
    ids = pa.array(spaces.id_at(which, spaces.now))
    stage = dice.choice("stage", which, _STAGES)
    hardware = '","hardware":{"current":null,"requested":"cpu-basic"},"storage":null,"replicas":{"requested":1}}'
    return {
        "sdk": pa.array(sdk),
        "models": _lists(*used),
        "datasets": _lists(spaces.named("dataset", datasets, 0.1)),
        "runtime": pa.array('{"stage":"' + stage + hardware),
        "subdomain": pc.utf8_lower(pc.replace_substring(ids, "/", "-")),
        "tags": _lists(sdk, np.full(len(which), "region:us", dtype=object)),
        "cardData": _card(license=license_, sdk=sdk),
    }


def _names(dice: _Dice) -> Strings:
    """Return the names of all accounts, every eighth of an organisation, in the order of how much they make."""
    which = np.arange(_ACCOUNTS)
    number = which.astype(str).astype(object)
    user = dice.word("first name", which) + number
    user = np.where(dice.uniform("capital", which) < 0.3, pc.utf8_capitalize(pa.array(user)).to_numpy(False), user)
    names: Strings = np.where(_is_org(which), dice.word("name", which) + "-labs-" + number, user)
    return names


def _is_org(which: Ints) -> Flags:
    is_org: Flags = which % 8 == 0
    return is_org


def _accounts(dice: _Dice, names: Strings) -> pa.Table:
    owners = {name.partition("/")[0] for name in (*_MOVED.values(), _WITHDRAWN, _SUCCESSOR)}
    names = np.append(names, np.array(sorted(owners), dtype=object))
    which = np.arange(len(names))
    is_org = _is_org(which) | (which >= _ACCOUNTS)
    created = (_FLOOR - _WEEK * 100 * dice.uniform("created", which)).astype(np.int64)
    words = pa.array(dice.word("full name", which)), pa.array(dice.word("family name", which))
    return pa.table(
        {
            "_id": pa.array(_hex(created[:, None], 8) + dice.hex("_id", which, 16)),
            "name": pa.array(names),
            "type": pa.array(np.where(is_org, "org", "user")),
            "fullname": pc.utf8_title(pc.binary_join_element_wise(*words, " ")),
            "createdAt": pc.strftime(pa.array(created, pa.timestamp("s")), "%Y-%m-%dT%H:%M:%S.000Z"),
            "isPro": pa.array(dice.uniform("pro", which) < 0.05, mask=is_org),
            "isVerified": pa.array(dice.uniform("verified", which) < 0.2, mask=~is_org),
        }
    )


def _members(dice: _Dice, names: Strings) -> pa.Table:
    """Return members: two organisations for some users."""
    users, orgs = (np.flatnonzero(_is_org(np.arange(len(names))) == side) for side in (False, True))
    pairs = []
    for purpose in ("org", "other org"):
        joins = dice.uniform(purpose, users) < 0.4
        chosen = orgs[_zipf(dice.uniform(f"{purpose} which", users), len(orgs))]
        pairs.append(pa.table({"org": pa.array(names[chosen[joins]]), "user": pa.array(names[users[joins]])}))
    return pa.concat_tables(pairs).group_by(["org", "user"], use_threads=False).aggregate([])


def _zipf(chance: Floats, size: Ints | int) -> Ints:
    """Return a place below `size` for each chance in (0, 1), early ones by far most."""
    return (np.power(size, chance)).astype(np.int64) - 1


def _hex(numbers: npt.NDArray[np.int64] | npt.NDArray[np.uint64], length: int) -> Strings:
    """Return the last `length` hexadecimal digits of each row of 64-bit numbers."""
    octets = np.ascontiguousarray(numbers.astype(">u8")).view(np.uint8)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[np.stack([octets >> 4, octets & 15], axis=2)]
    text = np.ascontiguousarray(digits.reshape(len(numbers), -1)[:, -length:])
    return text.view(f"S{length}").ravel().astype(str).astype(object)


def _prefixed(prefix: str, *columns: Strings) -> Strings:
    """Return the columns' texts in one, behind a prefix; None where the first is."""
    held = np.not_equal(columns[0], _NONE)
    joined = np.full(len(held), None, dtype=object)
    joined[held] = prefix + np.sum([column[held] for column in columns], axis=0)
    return joined


def _lists(*columns: Strings) -> pa.ListArray:
    """Return a list for each row: its texts that are not None."""
    cells = np.stack(columns, axis=1)
    held = np.not_equal(cells, _NONE)
    offsets = np.append(0, held.sum(axis=1).cumsum()).astype(np.int32)
    return pa.ListArray.from_arrays(offsets, pa.array(cells[held], pa.string()))


def _card(**entries: Strings) -> pa.Array:
    """Return card data as JSON text; null where there is none."""
    texts = _lists(
        *(_prefixed(f'"{name}":"', values, np.full(len(values), '"', dtype=object)) for name, values in entries.items())
    )
    card = pc.binary_join_element_wise("{", pc.binary_join(texts, ","), "}", "")
    return pc.if_else(pc.equal(card, "{}"), None, card)
