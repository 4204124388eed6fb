"""The popularity of simulated repositories over time, in closed form.

The downloads of a release rise to a peak, then fade with a half-life of their own or settle at a level. The downloads
of a few organizations grow, some models derive from others, and repositories are deleted at a constant rate. None of
this affects the populations that the local Hub serves week by week. Counting downloads belongs in `series`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa

from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.quantiles import value_at_share
from hub_assets.local_hub.simulated.rng import Flags, Floats, Ints, Rng
from hub_assets.local_hub.simulated.timeline import WEEK, Demography, moment
from hub_assets.vocabulary import RepoType

LIFE_WEEKS: Final = 1_000
"""Mean time in weeks until a repository is deleted; the share that survives t weeks is exp(-t / LIFE_WEEKS)."""
ORGANIZATIONS: Final = 60
"""Number of organizations, which are the largest namespaces. Each has a kind and, in most cases, a country."""
RISING: Final = 6
"""Number of organizations whose downloads rise: the largest ones."""
RISE_WEEKS: Final = 6.0
"""Time constant, in weeks, of the logistic curve that the downloads of a rising organization follow."""
COUNTRIES: Final[dict[str, float]] = {
    **{"United States": 35, "China": 25, "France": 10, "Germany": 8, "International": 7, "": 15},
}
KINDS: Final[dict[str, float]] = {"company": 60, "university": 15, "research institute": 15, "non-profit": 10}
RELATIONS: Final[dict[str, float]] = {"finetune": 50, "quantized": 25, "adapter": 20, "merge": 5}
SIZE_CLASSES: Final[dict[str, float]] = {"below 100M": 3, "100M to 1B": 4, "1B to 5B": 3, "5B to 12B": 2}
TASKS: Final[dict[str, float]] = {"text-generation": 5, "image-text-to-text": 2, "fill-mask": 2, "text-to-image": 1}


@dataclass(frozen=True)
class Courses:
    """The repositories of one type with their true parameters, as arrays over all repositories in order of creation.

    Times are seconds since 1970, UTC; ages and half-lives are weeks; levels are downloads per day.

    Args:
        kind: the type.
        created, gone: times of creation and deletion; `gone` is infinite for a repository that is never deleted.
        namespace: number of the repository's namespace.
        level: downloads per day at the peak, without the organization's rise.
        likes: the number of likes that the repository approaches over time.
        peak: age at the peak.
        fading: the half-life that downloads would have if the floor were 0.
        floor: share of the peak at which downloads settle, in [0, 1]; 0 if they fade completely.
        base: row of the model from which this model derives; -1 for an original.
        root: row of the original of this model's family; an original's own row.
        organizations: the namespaces that are organizations; see `Organizations`.
    """

    kind: RepoType
    created: Ints
    gone: Floats
    namespace: Ints
    level: Floats
    likes: Floats
    peak: Floats
    fading: Floats
    floor: Floats
    base: Ints
    root: Ints
    organizations: "Organizations"

    def __len__(self) -> int:
        return len(self.created)

    def exist(self, now: float) -> Flags:
        """Return, for each repository, whether it exists at a given time."""
        listed: Flags = (self.created < now) & (self.gone >= now)
        return listed

    def rate(self, now: float) -> Floats:
        """Return each repository's expected downloads per day at a given time; 0 before creation and after deletion."""
        age = (now - self.created) / WEEK
        fade = self.floor + (1 - self.floor) * np.exp2(-np.maximum(age - self.peak, 0) / self.fading)
        curve = np.minimum(age / self.peak, 1) * fade
        rate: Floats = np.where(self.exist(now), self.level * curve, 0) * self.organizations.factor(now, self.namespace)
        return rate

    @property
    def half_life(self) -> Floats:
        """Weeks from the peak until downloads halve, ignoring the organization's rise; infinite if they never do."""
        with np.errstate(divide="ignore", invalid="ignore"):
            weeks = -self.fading * np.log2((0.5 - self.floor) / (1 - self.floor))
        half: Floats = np.where(self.floor < 0.5, weeks, np.inf)
        return half

    def likes_at(self, now: float) -> Ints:
        """Return the likes at a given time. They never decrease; half of the final number arrives within 26 weeks."""
        age = np.maximum((now - self.created) / WEEK, 0)
        likes: Ints = np.floor(self.likes * -np.expm1(-np.log(2) * age / 26)).astype(np.int64)
        return likes


@dataclass(frozen=True)
class Organizations:
    """The namespaces that are organizations.

    Args:
        namespace: the number of each organization's namespace.
        country: the country; null if unknown.
        kind: the kind of organization.
        gain: logarithm of the factor by which downloads grow in total; 0 for an organization that does not rise.
        risen_at: time at which half of the `gain` is reached.
    """

    namespace: Ints
    country: pa.Array
    kind: pa.Array
    gain: Floats
    risen_at: Floats

    def factor(self, now: float, namespace: Ints) -> Floats:
        """Return the factor by which the downloads of repositories in each namespace have grown by a given time."""
        size = int(max(namespace.max(initial=0), self.namespace.max(initial=0))) + 1
        factors = np.ones(size)
        factors[self.namespace] = np.exp(self.gain / (1 + np.exp(-(now - self.risen_at) / WEEK / RISE_WEEKS)))
        of_each: Floats = factors[namespace]
        return of_each

    def row_of(self, namespace: Ints) -> pa.Array:
        """Return the row of each namespace's organization; null for namespaces that are not organizations."""
        order = np.argsort(self.namespace)
        place = np.searchsorted(self.namespace[order], namespace).clip(max=max(len(order) - 1, 0))
        row = order[place] if len(order) else np.zeros(len(namespace), np.int64)
        return pa.array(row, mask=self.namespace[row] != namespace if len(order) else np.ones(len(namespace), bool))


def organizations_of(world: Demography, start: date, end: date, seed: int, *, is_stationary: bool) -> Organizations:
    """Turn the largest namespaces into organizations; the very largest rise in the middle half of the period."""
    everywhere = np.concatenate([timeline.namespace for timeline in world.timeline.values()])
    sizes = np.bincount(everywhere)
    namespace = np.argsort(-sizes, kind="stable")[:ORGANIZATIONS]
    rng = Rng(seed, "organizations over time")
    country = text.of(tuple(COUNTRIES), rng.choice("country", COUNTRIES, namespace))
    gain = 0.7 + 1.3 * rng.uniform("gain", namespace)
    gain[RISING:] = 0
    begin, length = moment(start), moment(end) - moment(start)
    risen_at = begin + length * (0.25 + 0.5 * rng.uniform("risen at", namespace))
    return Organizations(
        namespace,
        text.where(rng.choice("country", COUNTRIES, namespace) == list(COUNTRIES).index(""), None, country),
        text.of(tuple(KINDS), rng.choice("kind", KINDS, namespace)),
        np.zeros(len(namespace)) if is_stationary else gain,
        risen_at,
    )


def courses_of(
    world: Demography,
    kind: RepoType,
    organizations: Organizations,
    start: date,
    seed: int,
    *,
    is_stationary: bool,
    unevenness: float,
) -> Courses:
    """Generate the courses of all repositories of a type.

    Args:
        world: creation times and namespaces of the repositories.
        kind: the type.
        organizations: the namespaces that are organizations.
        start: the Monday of the first week.
        seed: seed of the rng.
        is_stationary: whether the Hub stays the same over time: no repository is created or deleted during the series,
            and expected downloads stay constant. (Likes still grow slowly.)
        unevenness: exponent applied to the study's levels of downloads.
    """
    timeline = world.timeline[kind]
    rng, which = Rng(seed, f"courses of {kind}s"), np.arange(len(timeline))
    fame = rng.normal("fame", which) + 0.5 * rng.normal("fame of the namespace", timeline.namespace)
    share = np.empty(len(which))
    share[np.argsort(-fame, kind="stable")] = (which + 0.5) / max(len(which), 1)
    monthly = np.zeros(len(which)) if kind == "space" else value_at_share(kind, "downloads", share)
    base = _bases(rng, which) if kind == "model" else np.full(len(which), -1)
    settles = rng.happens("settles", 0.5, which)
    floor = np.where(settles, 0.1 + 0.8 * rng.uniform("floor", which), 0)
    return Courses(
        kind,
        np.minimum(timeline.created, moment(start) - 60 * WEEK) if is_stationary else timeline.created,
        np.full(len(which), np.inf)
        if is_stationary
        else timeline.created - LIFE_WEEKS * WEEK * np.log(rng.uniform("life", which)),
        timeline.namespace,
        (monthly / 30) ** unevenness,
        value_at_share(kind, "likes", share),
        np.exp(np.log(3) + 0.5 * rng.normal("peak", which)),
        np.exp(np.log(16) + 0.8 * rng.normal("fading", which)),
        np.ones(len(which)) if is_stationary else floor,
        base,
        _roots(base),
        organizations,
    )


def _bases(rng: Rng, which: Ints) -> Ints:
    """Link two in five models to an earlier model, favoring the earliest."""
    chosen = np.floor(which * rng.uniform("base", which) ** 2).astype(np.int64)
    bases: Ints = np.where(rng.happens("derives", 0.4, which) & (which > 0), chosen, -1)
    return bases


def _roots(base: Ints) -> Ints:
    root = np.where(base < 0, np.arange(len(base)), base)
    while not np.array_equal(above := root[root], root):
        root = above
    roots: Ints = root
    return roots
