"""What the API tells of users and organisations, which share one namespace.

Bodies alone; who is redirected where, and what is answered for nobody, belongs to `app`.
"""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hub_assets.local_hub.population import Population

Account = dict[str, Any]


def find_account(population: Population, name: str) -> Account | None:
    """Return the row of a name, however its letters are cased."""
    accounts = population.accounts
    assert accounts is not None
    place: int = pc.index(pc.utf8_lower(accounts["name"]), name.lower()).as_py()
    return None if place < 0 else accounts.slice(place, 1).to_pylist()[0]


def user_overview(population: Population, user: Account) -> dict[str, Any]:
    """Return the answer of `/api/users/{name}/overview`."""
    orgs = _members(population, "user", user["name"])["org"].to_pylist()
    return {
        "_id": user["_id"],
        "user": user["name"],
        "type": "user",
        "fullname": user["fullname"],
        "avatarUrl": _avatar(user),
        "isPro": user["isPro"],
        "createdAt": user["createdAt"],
        **_counts(population, user["name"]),
        "isFollowing": False,
        "orgs": [_short(org) for org in (find_account(population, name) for name in orgs) if org],
    }


def organization_overview(population: Population, organization: Account) -> dict[str, Any]:
    """Return the answer of `/api/organizations/{name}/overview`."""
    return {
        "_id": organization["_id"],
        "name": organization["name"],
        "fullname": organization["fullname"],
        "avatarUrl": _avatar(organization),
        "isVerified": organization["isVerified"],
        "isFollowing": False,
        "numUsers": len(_members(population, "org", organization["name"])),
        **_counts(population, organization["name"]),
    }


def organization_members(population: Population, organization: Account) -> list[dict[str, Any]]:
    """Return the answer of `/api/organizations/{name}/members`."""
    names = _members(population, "org", organization["name"])["user"].to_pylist()
    users = [user for user in (find_account(population, name) for name in names) if user]
    return [
        {
            "_id": user["_id"],
            "user": user["name"],
            "type": "user",
            "fullname": user["fullname"],
            "avatarUrl": _avatar(user),
            "isPro": user["isPro"],
        }
        for user in users
    ]


def _members(population: Population, side: str, name: str) -> pa.Table:
    members = population.members
    if members is None:
        return pa.table({"org": pa.array([], pa.string()), "user": pa.array([], pa.string())})
    return members.filter(pc.equal(members[side], name))


def _counts(population: Population, name: str) -> dict[str, int]:
    labels = {"model": "numModels", "dataset": "numDatasets", "space": "numSpaces"}
    return {
        labels[kind]: int(repos.where("author", lambda column: pc.equal(column, name)).sum())
        for kind, repos in population.repos.items()
    }


def _short(account: Account) -> dict[str, Any]:
    return {
        "id": account["_id"],
        "name": account["name"],
        "fullname": account["fullname"],
        "avatarUrl": _avatar(account),
    }


def _avatar(account: Account) -> str:
    return f"/avatars/{account['_id']}.svg"
