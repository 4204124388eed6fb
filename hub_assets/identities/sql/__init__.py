"""The queries of identity resolution: one SELECT per file, loaded by name.

The modules that call `query` know when each query runs and which tables it reads.
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
        jinja2.UndefinedError: if the query uses a variable without a value.
    """
    return _template(name).render(values)


@cache
def _template(name: str) -> Template:
    return _ENVIRONMENT.from_string(resources.files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8"))
