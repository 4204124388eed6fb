"""Response bodies for users and organizations, which share a namespace, and for the authors named in histories.

Redirects and errors belong in `app`.
"""

from typing import Any

import pyarrow as pa

from hub_assets.local_hub.population import Population

Account = dict[str, Any]


def find_account(population: Population, name: str) -> Account | None:
    """Find an account by name, ignoring case."""
    assert population.accounts is not None
    row = population.accounts_by_name.first(name)
    return None if row is None else population.accounts.slice(row, 1).to_pylist()[0]


def user_overview(population: Population, user: Account) -> dict[str, Any]:
    """Return the response body of `/api/users/{name}/overview`."""
    orgs = _members(population, "org", "user", user["name"])
    return {
        **_profile(user),
        "createdAt": user["createdAt"],
        **_counts(population, user["name"]),
        "isFollowing": False,
        "orgs": [_short(org) for org in (find_account(population, name) for name in orgs) if org],
    }


def organization_overview(population: Population, organization: Account) -> dict[str, Any]:
    """Return the response body of `/api/organizations/{name}/overview`."""
    return {
        "_id": organization["_id"],
        "name": organization["name"],
        "fullname": organization["fullname"],
        "avatarUrl": _avatar(organization),
        "isVerified": organization["isVerified"],
        "isFollowing": False,
        "numUsers": len(_members(population, "user", "org", organization["name"])),
        **_counts(population, organization["name"]),
    }


def organization_members(population: Population, organization: Account) -> list[dict[str, Any]]:
    """Return the response body of `/api/organizations/{name}/members`."""
    names = _members(population, "user", "org", organization["name"])
    users = [user for user in (find_account(population, name) for name in names) if user]
    return [_profile(user) for user in users]


def _profile(user: Account) -> dict[str, Any]:
    return {
        "_id": user["_id"],
        "user": user["name"],
        "type": "user",
        "fullname": user["fullname"],
        "avatarUrl": _avatar(user),
        "isPro": user["isPro"],
    }


def commit_author(population: Population, author: int) -> dict[str, Any]:
    """Return a commit author in the API's format; an author without a linked account has no avatar."""
    user, avatar = population.author(author)
    return {"user": user} if avatar is None else {"user": user, "avatar": avatar}


def discussion_author(population: Population, author: int) -> dict[str, Any]:
    """Return the author of a discussion in the API's format."""
    user, avatar = population.author(author)
    account = None if population.accounts is None else find_account(population, user)
    body: dict[str, Any] = {"name": user, "type": account["type"] if account else "user"}
    if account:
        body |= {"fullname": account["fullname"], "avatarUrl": avatar or _avatar(account)}
    elif avatar is not None:
        body["avatarUrl"] = avatar
    if account and account["isPro"] is not None:
        body["isPro"] = account["isPro"]
    return body | {"isHf": False, "isHfAdmin": False, "isMod": False}


def repository_owner(population: Population, namespace: str) -> dict[str, Any]:
    """Return a repository's owner in the format that discussions use, without a type if the type is unknown."""
    account = None if population.accounts is None else find_account(population, namespace)
    kind = {"type": account["type"]} if account else {}
    return {"name": namespace, "isParticipating": False, **kind}


def _members(population: Population, wanted: str, side: str, name: str) -> list[str]:
    """Return the `wanted` column of the membership rows whose `side` column holds the given name."""
    if population.members is None:
        return []
    rows = population.members_by[side].rows(name)
    names: list[str] = population.members[wanted].take(pa.array(rows)).to_pylist()
    return names


def _counts(population: Population, name: str) -> dict[str, int]:
    labels = {"model": "numModels", "dataset": "numDatasets", "space": "numSpaces"}
    return {labels[kind]: repos.count_of(name) for kind, repos in population.repos.items()}


def _short(account: Account) -> dict[str, Any]:
    return {
        "id": account["_id"],
        "name": account["name"],
        "fullname": account["fullname"],
        "avatarUrl": _avatar(account),
    }


def _avatar(account: Account) -> str:
    return f"/avatars/{account['_id']}.svg"
