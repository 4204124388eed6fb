"""The queries of identity resolution: one SELECT per file, loaded by name.

Call `query` to load one. Which query runs when, and on which tables, belongs to the modules that call it.
"""

from functools import cache
from importlib import resources
from typing import Final

from jinja2 import Environment, StrictUndefined, Template

_ENVIRONMENT: Final = Environment(undefined=StrictUndefined, autoescape=False)


def query(name: str, /, **values: object) -> str:
    """Return the SELECT in `<name>.sql` with its Jinja variables filled in.

    Raises:
        FileNotFoundError: if there is no such file.
        jinja2.UndefinedError: if the query uses a variable that is not given.
    """
    return _template(name).render(values)


@cache
def _template(name: str) -> Template:
    return _ENVIRONMENT.from_string(resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8"))
