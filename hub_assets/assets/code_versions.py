"""Code versions of Python steps: a hash of the functions and modules behind each step.

A step's version covers its builder in `hub_assets.assets`, the functions and constants of that package that the builder
uses, and the modules of the computing packages that this code imports. Comments, docstrings and layout do not count,
and neither does wiring such as metadata and resources, because none of these changes a value. SQL models have their own
versions (`hub_assets.warehouse.sql_project`).
"""

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

import hub_assets
from hub_assets.warehouse.sql_project import digest

PACKAGE: Final = "hub_assets"
ASSETS: Final = "hub_assets.assets"
COMPUTING: Final = tuple(
    f"{PACKAGE}.{room}"
    for room in ("identities", "networks", "statistics", "figures", "trust", "search", "vocabulary", "report.ledger")
)
"""Packages and modules that determine values. A whole module counts, because its functions call each other. A YAML file
with the same name in the same folder counts, too."""
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C loader is eight times as fast
WIRING: Final = tuple(f"{ASSETS}.{name}" for name in ("code_versions", "tables"))


def code_version(function: Callable[..., Any]) -> str:
    """Return the version of the code behind the function of a step or a figure.

    Args:
        function: a function of a module in `hub_assets.assets`; a nested function counts as its outermost function.
    """
    seen: dict[tuple[str, str], str] = {}
    _visit(function.__module__, function.__qualname__.partition(".")[0], seen)
    return digest(*(f"{module} {name}\n{seen[module, name]}" for module, name in sorted(seen)))


def _visit(module: str, name: str, seen: dict[tuple[str, str], str]) -> None:
    """Add to `seen` a top-level name of a module in `hub_assets.assets`, and everything that its definition uses."""
    definitions, imports = _contents(module)
    if (module, name) in seen or name not in definitions:
        return
    node = definitions[name]
    seen[module, name] = ast.unparse(node)
    used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    for each in used & definitions.keys():
        _visit(module, each, seen)
    for source, imported in [*_imports(ast.walk(node)).values(), *(imports[each] for each in used & imports.keys())]:
        if source.startswith(COMPUTING):
            _visit_module(source, seen)
        elif source.startswith(f"{ASSETS}.") and not source.startswith(WIRING):
            _visit(source, imported, seen)


def _visit_module(module: str, seen: dict[tuple[str, str], str]) -> None:
    """Add to `seen` a whole module of a computing package, and the modules that it imports."""
    if (module, "") in seen:
        return
    tree = _tree(module)
    seen[module, ""] = _text(module)
    for source, _ in _imports(ast.walk(tree)).values():
        if source.startswith(COMPUTING):
            _visit_module(source, seen)


@cache
def _contents(module: str) -> tuple[dict[str, ast.stmt], dict[str, tuple[str, str]]]:
    """Return a module's top-level definitions by name, and its imports."""
    body = [inner for node in _tree(module).body for inner in (node.body if isinstance(node, ast.If) else [node])]
    definitions: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            definitions |= {
                each.id: node for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)
            }
    return definitions, _imports(body)


def _imports(nodes: Iterable[ast.AST]) -> dict[str, tuple[str, str]]:
    """Return the project's own imports among some nodes: each local name, with its module and original name."""
    found = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found[alias.asname or alias.name] = (inner if _path(inner) else str(node.module), alias.name)
    return found


@cache
def _path(module: str) -> Path | None:
    """Return a module's file; None if there is no such module."""
    base = Path(hub_assets.__file__).parent.parent / module.replace(".", "/")
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists()), None)


@cache
def _tree(module: str) -> ast.Module:
    """Return a module's syntax tree without docstrings. Comments and layout are not part of a syntax tree."""
    path = _path(module)
    tree = ast.parse(path.read_text(encoding="utf-8") if path else "")
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef):
            node.body = list(_without_texts(node.body)) or [ast.Pass()]
    return tree


@cache
def _text(module: str) -> str:
    path = _path(module)
    data = path.with_suffix(".yml") if path else None
    content = yaml.load(data.read_text(encoding="utf-8"), _LOADER) if data and data.exists() else ""
    return f"{ast.unparse(_tree(module))}{content}"


def _without_texts(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if not (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            yield node
