"""Parameters of the server's addresses: declared once, for reading a request and for describing it.

What a value means belongs to the endpoint that has it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from hub_assets.report.serve.published import Unanswered
from hub_assets.report.text import visible

LONGEST: Final = 1_000
"""Characters of a value: an id has up to 193, and a question more."""
LARGEST: Final = 2**62


@dataclass(frozen=True)
class Parameter:
    """A parameter of the query string.

    Attributes:
        name: as in the address.
        description: one sentence.
        type: of its value; a date is YYYY-MM-DD.
        default: the value if the address has none; None means that there is no condition.
        choices: the values allowed, if they are few.
        low, high: limits of a number, inclusive.
        is_required: whether it must be given and not empty.
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
        """Return a value.

        Raises:
            Unanswered: if it is not one.
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
                raise Unanswered(400, f"{self.name} is {visible(text)}, which is not a day like 2026-11-16.") from None
        return text


def read_all(parameters: Sequence[Parameter], given: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Return the value of each parameter; an empty value counts as none.

    Raises:
        Unanswered: if a parameter is unknown, repeated, missing or wrong.
    """
    known = {parameter.name: parameter for parameter in parameters}
    texts: dict[str, str] = {}
    for name, text in given:
        if name not in known:
            raise Unanswered(400, f"There is no parameter {visible(name)}; there are {', '.join(known)}.")
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
    """Return a parameter as OpenAPI 3.1 describes it."""
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
