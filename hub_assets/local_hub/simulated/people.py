"""The simulated Hub's people and organizations: where they work, and their names on the Hub and in git.

A person is a number: 64 times the number of a namespace plus a position in its circle (the people who work on its
repositories). The owner of a user namespace has position 0; in an organization, position 0 is an ordinary member. Names
contain syllables that uniquely encode the person's number, so no two accounts share a name in any week, and no real
person is named. Bots are negative numbers.

As in real commits, names in git rarely resemble handles.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.population import PopulationError
from hub_assets.local_hub.simulated import text
from hub_assets.local_hub.simulated.rng import Flags, Floats, Ints, Rng
from hub_assets.local_hub.simulated.timeline import FLOOR, WEEK, Demography

CIRCLE: Final = 64
"""Number of positions in a circle that may hold new people; people at later positions own other namespaces."""
MOST_NAMESPACES: Final = 2**32 // CIRCLE

BOTS: Final = (
    *("system", "SFconvertbot", "librarian-bot", "leaderboard-pr-bot", "parquet-converter", "github-actions[bot]"),
    *("lambda-ci-bot", "autotrain-ci"),
)

_ORGS: Final = 0.08
"""Share of namespaces that are organizations."""
_KNOWN_ALREADY: Final = 0.6
"""Share of a circle's people who have their own namespace."""
_NEAR_BY: Final = 0.8
"""Among people at a circle's first positions who have their own namespace, the share whose namespace is one of the
`_NEIGHBORS` created right before the circle's."""
_NEIGHBORS: Final = 20
_NO_ACCOUNT: Final = 0.06
"""Among people without a namespace, the share who have no account either and appear only in git."""
_NOISY: Final = 0.045
"""Share of people who also use other names in git."""
_NEAR_TWINS: Final = 0.08
"""Share of a circle's new people whose handle is that of the circle's first person plus two digits."""
_USERS_RENAMED: Final = 0.015

_FIRST_NAMES: Final = (
    *("Ana", "Ben", "Carla", "Dmitri", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jonas", "Kenji", "Lena", "Marco"),
    *("Nadia", "Omar", "Priya", "Quentin", "Rosa", "Sven", "Tara", "Umut", "Vera", "Wei", "Xavier", "Yuki", "Zoe"),
    *("Amara", "Bruno", "Chloe", "Daniel", "Emeka", "Fatima", "Gustavo", "Helena", "Igor", "Julia", "Khalid"),
    *("Laura", "Mateo", "Nikolai", "Olivia", "Pedro", "Rahul", "Sofia", "Tomas", "Ursula", "Viktor", "Wanda"),
    *("Alexander", "Benedikt", "Christina", "Dominique", "Emanuele", "Francisco", "Giovanna", "Hyunwoo"),
    *("Jennifer", "Konstantin", "Leonardo", "Margarita", "Nathaniel", "Octavia", "Patricia", "Sebastian"),
)
_CONSONANTS: Final = (
    *("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "p", "pr", "qu"),
    *("r", "s", "sh", "st", "t", "th", "tr", "v", "w", "x", "y", "z"),
)
_VOWELS: Final = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_SYLLABLES: Final = tuple(consonant + vowel for consonant in _CONSONANTS for vowel in _VOWELS)

_HANDLES: Final[dict[str, float]] = {
    **{
        "word-word": 25,
        "wordword99": 21,
        "word_word": 8,
        "firstlast": 14,
        "first-last": 9,
        "flast": 12,
        "last-first": 4,
    },
    **{"Firstlast": 4, "first99last": 3},
}
_ALIASES: Final[dict[str, float]] = {
    **{"First Last": 46, "first last": 3, "Last First": 2, "F. Last": 2, "first.last": 9, "f.last": 6, "word": 19},
    **{"HANDLE": 4, "han_dle": 5, "root": 2, "ubuntu": 2},
}
_FULL_NAMES: Final[dict[str, float]] = {"First Last": 50, "": 22, "word": 10, "handle": 10, "First": 8}


@dataclass(frozen=True)
class Names:
    """Name parts for a set of people, as columns."""

    first: pa.Array
    last: pa.Array
    word: pa.Array
    other_word: pa.Array
    digits: pa.Array


class People:
    """All people of the simulated Hub.

    Args:
        demography: the namespaces.
        seed: seed of the rng.
        known: fixed names of some namespaces, all of which become organizations.

    Raises:
        PopulationError: if there are more namespaces than names.
    """

    def __init__(self, demography: Demography, seed: int, known: dict[int, str]) -> None:
        self.rng = Rng(seed, "person")
        self.born = demography.born
        if len(self.born) >= MOST_NAMESPACES:
            raise PopulationError("the simulated Hub has run out of names; choose a smaller scale")
        self._known = known
        self.is_org: Flags = self.rng.happens("organization", _ORGS, np.arange(len(self.born)))
        self.is_org[list(known)] = True
        size = self.rng.uniform("team", np.arange(len(self.born)))
        # three in five organizations have one member, and one in thirty has more than twenty
        self.team: Ints = np.where(self.is_org, np.minimum(0.75 / (1 - size), 60), 1).astype(np.int64)
        self.team = np.maximum(self.team, 1)

    def person(self, namespace: Ints, position: Ints) -> Ints:
        """Return the person at a given position in a namespace's circle."""
        elsewhere = self.rng.happens("known already", _KNOWN_ALREADY, namespace, position) | (position >= CIRCLE)
        elsewhere &= (namespace > 0) & ((position > 0) | self.is_org[namespace])
        chance = self.rng.uniform("which one", namespace, position)
        # usually choose a person from a neighboring namespace, so that circles overlap and form communities
        near = self.rng.happens("near by", _NEAR_BY, namespace, position) & (position < _NEIGHBORS // 2)
        distance = np.floor(np.where(near, _NEIGHBORS * chance**2, chance * namespace)).astype(np.int64)
        other = np.maximum(namespace - 1 - distance, 0) * CIRCLE
        return np.where(elsewhere, other, namespace * CIRCLE + np.minimum(position, CIRCLE - 1))

    def anybody(self, chance: Floats, when: Ints) -> Ints:
        """Return a person who had a namespace by the given time, for each random number in (0, 1)."""
        there = np.maximum(np.searchsorted(self.born, when), 1)
        return np.floor(chance * there).astype(np.int64) * CIRCLE

    def has_account(self, people: Ints) -> Flags:
        """Return a mask of the people with a Hub account."""
        owns: Flags = (people % CIRCLE == 0) & ~self.is_org[people // CIRCLE]
        return owns | ~self.rng.happens("no account", _NO_ACCOUNT, people)

    def is_noisy(self, people: Ints) -> Flags:
        """Return a mask of the people who also use other names in git."""
        return self.rng.happens("noisy", _NOISY, people) | ~self.has_account(people)

    def _first_handles(self, people: Ints) -> pa.Array:
        names = self.names(people)
        form = self.rng.choice("handle", _HANDLES, people)
        lower_first, lower_last = pc.utf8_lower(names.first), names.last
        initial = pc.utf8_slice_codeunits(lower_first, 0, 1)
        forms = {
            "word-word": text.joined(names.word, "-", names.other_word),
            "wordword99": text.joined(names.word, names.other_word, names.digits),
            "word_word": text.joined(names.word, "_", names.other_word),
            "firstlast": text.joined(lower_first, lower_last),
            "first-last": text.joined(lower_first, "-", lower_last),
            "flast": text.joined(initial, lower_last),
            "last-first": text.joined(lower_last, "-", lower_first),
            "Firstlast": text.joined(names.first, lower_last),
            "first99last": text.joined(lower_first, names.digits, lower_last),
        }
        return pc.choose(pa.array(form), *(forms[name] for name in _HANDLES))

    def names(self, people: Ints) -> Names:
        """Return name parts; no two people have the same last name or the same pair of words."""
        first = self.rng.choice("first name", dict.fromkeys(_FIRST_NAMES, 1), people)
        return Names(
            text.of(_FIRST_NAMES, first),
            text.joined(*_syllables(_scramble(people, 0x2C1B3C6D), (0, 1, 2, 3))),
            text.joined(*_syllables(_scramble(people, 0x297A2D39), (0, 1))),
            text.joined(*_syllables(_scramble(people, 0x297A2D39), (2, 3))),
            text.numbers(10 + np.floor(self.rng.uniform("digits", people) * 90).astype(np.int64)),
        )

    def handles(self, people: Ints, when: Ints | int) -> pa.Array:
        """Return account names at a given time. People without an account get a name, too, but it is never shown."""
        handles = self._first_handles(people)
        # derive a handle from the first person's only in that person's own circle; otherwise, two circles could clash
        first = self.person(people // CIRCLE, np.zeros_like(people))
        twins = (people % CIRCLE > 0) & self.rng.happens("near twin", _NEAR_TWINS, people)
        twins &= first // CIRCLE == people // CIRCLE
        handles = text.where(
            twins, text.joined(self._first_handles(first), text.numbers(10 + people % CIRCLE)), handles
        )
        names = self.names(people)
        other = text.where(
            self.rng.happens("stays like it", 0.5, people),
            text.joined(handles, "-hf"),
            text.joined("the-", pc.utf8_lower(names.first), names.last),
        )
        return text.where(self.renamed_at(people) < when, other, handles)

    def renamed_at(self, people: Ints) -> Floats:
        """Return the time at which each account is renamed; infinity if it never is."""
        at = self.born[people // CIRCLE] + 250 * WEEK * self.rng.uniform("renamed at", people)
        return np.where(self.rng.happens("renamed", _USERS_RENAMED, people), at, np.inf)

    def aliases(self, people: Ints, which: int) -> pa.Array:
        """Return each person's first (`which` = 0) or second (1) alternative git name, which never changes."""
        names = self.names(people)
        form = self.rng.choice("alias", _ALIASES, people, which)
        lower_first = pc.utf8_lower(names.first)
        initial = pc.utf8_slice_codeunits(names.first, 0, 1)
        last = pc.utf8_capitalize(names.last)
        handles = self.handles(people, 0)
        half = pc.utf8_slice_codeunits(handles, 0, 4), pc.utf8_slice_codeunits(handles, 4, 99)
        forms = {
            "First Last": text.joined(names.first, " ", last),
            "first last": text.joined(lower_first, " ", names.last),
            "Last First": text.joined(last, " ", names.first),
            "F. Last": text.joined(initial, ". ", last),
            "first.last": text.joined(lower_first, ".", names.last),
            "f.last": text.joined(pc.utf8_lower(initial), ".", names.last),
            "word": text.joined(pc.utf8_capitalize(names.other_word), names.digits),
            "HANDLE": pc.utf8_upper(handles),
            "han_dle": text.joined(half[0], ".", half[1]),
            "root": pc.if_else(pc.is_valid(handles), "root", "root"),
            "ubuntu": pc.if_else(pc.is_valid(handles), "ubuntu", "ubuntu"),
        }
        return pc.choose(pa.array(form), *(forms[name] for name in _ALIASES))

    def full_names(self, people: Ints, now: int) -> pa.Array:
        """Return the full names on account pages; half of them are real names, and a fifth are empty."""
        names = self.names(people)
        form = self.rng.choice("full name", _FULL_NAMES, people)
        forms = {
            "First Last": text.joined(names.first, " ", pc.utf8_capitalize(names.last)),
            "": pc.if_else(pc.is_valid(names.first), "", ""),
            "word": pc.utf8_capitalize(names.word),
            "handle": self.handles(people, now),
            "First": names.first,
        }
        return pc.choose(pa.array(form), *(forms[name] for name in _FULL_NAMES))

    def owners(self, namespaces: Ints, when: Ints | int) -> pa.Array:
        """Return the names of namespaces at a given time."""
        first, last = (names.take(pa.array(namespaces)) for names in self._owners)
        return text.where(self.owner_renamed_at(namespaces) < when, last, first)

    @cached_property
    def _owners(self) -> tuple[pa.Array, pa.Array]:
        """The first and the last name of each namespace."""
        return self._owners_at(0), self._owners_at(np.iinfo(np.int64).max)

    def _owners_at(self, when: int) -> pa.Array:
        namespaces = np.arange(len(self.born))
        people = namespaces * CIRCLE
        names = self.names(people)
        suffix = text.of(("-labs", "-ai", "-research", "-org", "-lab"), people % 5)
        orgs = text.joined(names.word, names.other_word, suffix)
        owners = text.where(self.is_org, orgs, self.handles(people, when))
        for namespace, name in self._known.items():
            owners = text.where(namespaces == namespace, name, owners)
        return owners

    def owner_renamed_at(self, namespaces: Ints) -> Floats:
        """Return the time at which each namespace is renamed; infinity for organizations, which never are."""
        return np.where(self.is_org[namespaces], np.inf, self.renamed_at(namespaces * CIRCLE))

    def accounts(self, members: Ints, now: int) -> pa.Table:
        """Return all accounts: owners of namespaces, members and some bots.

        Args:
            members: people who appear in histories or organizations, including those without their own namespace.
            now: the time of the snapshot.
        """
        namespaces = np.arange(int(np.searchsorted(self.born, now)))
        users = namespaces[~self.is_org[namespaces]] * CIRCLE
        orgs = namespaces[self.is_org[namespaces]] * CIRCLE
        members = members[self.has_account(members)]
        people = np.unique(np.append(users, members))
        bots = pa.array(BOTS[1:5])
        since = np.concatenate([self.since(people), self.since(orgs), np.full(len(bots), FLOOR)])
        is_org = np.repeat([False, True, False], [len(people), len(orgs), len(bots)])
        salt = np.concatenate([people, -orgs - 1, -np.arange(len(bots)) - 2**40])
        names = pa.concat_arrays([self.handles(people, now), self.owners(orgs // CIRCLE, now), bots])
        full = pa.concat_arrays(
            [self.full_names(people, now), pc.utf8_title(names.slice(len(people), len(orgs))), bots]
        )
        return pa.table(
            {
                "_id": object_ids(self.rng, since, salt),
                "name": names,
                "type": text.where(is_org, "org", "user"),
                "fullname": full,
                "createdAt": pc.strftime(text.moments(since), "%Y-%m-%dT%H:%M:%SZ"),
                "isPro": pa.array(self.rng.happens("pro", 0.05, salt), mask=is_org),
                "isVerified": pa.array(self.rng.happens("verified", 0.2, salt), mask=~is_org),
            }
        )

    def since(self, people: Ints) -> Ints:
        """Return the times at which accounts were created, each before the first repository of its namespace."""
        early = self.rng.uniform("account", people) ** 3 * 80 * WEEK
        return (self.born[people // CIRCLE] - early - 60).astype(np.int64)

    def members(self, now: int) -> tuple[pa.Table, Ints]:
        """Return the public memberships (`org`, `user`), and the person numbers of all members, public or not."""
        orgs = np.arange(int(np.searchsorted(self.born, now)))
        orgs = orgs[self.is_org[orgs]]
        org = np.repeat(orgs, self.team[orgs])
        position = np.arange(len(org)) - np.repeat(np.cumsum(self.team[orgs]) - self.team[orgs], self.team[orgs])
        people = self.person(org, position)
        shown = self.has_account(people) & self.rng.happens("public member", 0.85, org, position)
        table = pa.table({"org": self.owners(org[shown], now), "user": self.handles(people[shown], now)})
        return table.group_by(["org", "user"], use_threads=False).aggregate([]), np.unique(people)


def object_ids(rng: Rng, created: Ints, whose: Ints) -> pa.Array:
    """Return ids like the Hub's: eight hexadecimal digits for the creation time, then sixteen random ones."""
    return text.joined(
        text.hexadecimal(created.astype(np.uint64) << np.uint64(32), 8),
        text.hexadecimal(rng.bits("_id", whose), 16),
    )


def _scramble(people: Ints, factor: int) -> npt.NDArray[np.uint32]:
    """Map numbers below 2**32 one-to-one to 32 bits."""
    bits = people.astype(np.uint32) + np.uint32(0x9E3779B9)
    for shift in (16, 15):
        bits ^= bits >> np.uint32(shift)
        bits *= np.uint32(factor | 1)
    bits ^= bits >> np.uint32(16)
    return bits


def _syllables(bits: npt.NDArray[np.uint32], which: tuple[int, ...]) -> list[pa.Array]:
    return [
        text.of(_SYLLABLES, ((bits >> np.uint32(8 * position)) & np.uint32(255)).astype(np.int64)) for position in which
    ]
