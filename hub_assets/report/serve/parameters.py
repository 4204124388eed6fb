"""Parameters of the server's endpoints, declared once for both reading and documenting requests.

Interpreting values belongs in the endpoints.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from hub_assets.report.serve.published import Unanswered
from hub_assets.report.text import visible

LONGEST: Final = 1_000
"""Maximum length of a value in characters: ids have up to 193, and search queries may be longer."""
LARGEST: Final = 2**62
"""Upper limit of integers whose parameter declares no limit; it fits in a BIGINT."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query string.

    Attributes:
        name: name in the query string.
        description: the meaning of the parameter, in one sentence.
        type: type of the value; dates are written as YYYY-MM-DD.
        default: value to use if the query string gives none; None means no condition.
        choices: the allowed values; empty if any value is allowed.
        low, high: inclusive limits of an integer.
        is_required: whether a request must give a nonempty value.
    """

    name: str
    description: str
    type: Literal["string", "integer", "date"] = "string"
    default: str | int | None = None
    choices: tuple[str, ...] = ()
    low: int = 0
    high: int = LARGEST
    is_required: bool = False

    def read(self, text: str) -> Any:
        """Parse a value from the query string.

        Raises:
            Unanswered: if it is invalid (400).
        """
        if len(text) > LONGEST:
            raise Unanswered(400, f"{self.name} is longer than {LONGEST:,} characters.")
        if self.choices and text not in self.choices:
            raise Unanswered(400, f"{self.name} is {visible(text)}; it can be {', '.join(self.choices)}.")
        if self.type == "integer":
            # ASCII digits only: int() also takes underscores and the digits of other scripts
            if not re.fullmatch(r"[+-]?[0-9]{1,19}", text) or not self.low <= int(text) <= self.high:
                limits = f" from {self.low:,} to {self.high:,}" if self.high < LARGEST else f" of at least {self.low:,}"
                raise Unanswered(400, f"{self.name} is {visible(text)}; it must be a whole number{limits}.")
            return int(text)
        if self.type == "date":
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise Unanswered(
                    400, f"{self.name} is {visible(text)}; it must be a date such as 2026-11-16."
                ) from None
        return text


def read_all(parameters: Sequence[Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the value of each parameter by name; an empty value counts as missing.

    Raises:
        Unanswered: if a parameter is unknown, repeated, missing or invalid (400).
    """
    known = {parameter.name: parameter for parameter in parameters}
    texts: dict[str, str] = {}
    for name, text in given:
        if name not in known:
            raise Unanswered(400, f"There is no parameter {visible(name)}; use {', '.join(known)}.")
        if name in texts:
            raise Unanswered(400, f"{name} is given twice.")
        texts[name] = text
    values: dict[str, Any] = {}
    for name, parameter in known.items():
        if texts.get(name, "").strip():
            values[name] = parameter.read(texts[name].strip())
        elif parameter.is_required:
            raise Unanswered(400, f"{name} is missing.")
        else:
            values[name] = parameter.default
    return values


def schema_of(parameter: Parameter) -> Mapping[str, Any]:
    """Return the OpenAPI 3.1 description of a parameter."""
    schema: dict[str, Any] = {"type": "integer" if parameter.type == "integer" else "string"}
    if parameter.type == "integer":
        schema["minimum"] = parameter.low
        if parameter.high < LARGEST:
            schema["maximum"] = parameter.high
    if parameter.type == "date":
        schema["format"] = "date"
    if parameter.type == "string":
        schema["maxLength"] = LONGEST
    if parameter.choices:
        schema["enum"] = list(parameter.choices)
    if parameter.default is not None:
        schema["default"] = parameter.default
    return {
        "name": parameter.name,
        "in": "query",
        "description": parameter.description,
        "required": parameter.is_required,
        "schema": schema,
    }
