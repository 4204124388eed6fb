"""Translates a model's SELECT from DuckDB's SQL to Spark's, so that both engines return the same rows.

sqlglot does most of the work. This module handles constructs that sqlglot passes through unchanged, or whose meaning
silently differs, mostly for nulls. Many more differ than the models use, so everything that they do not use is refused.
Running the result belongs in `spark`.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from hub_assets.warehouse.sql_project import Model, ModelError, Table

_NAMES: Final = """
Abs Add Alias And Anonymous AnyValue ArgMax Array ArrayAgg ArrayFilter ArraySize ArraySort Avg Between Boolean Bracket
CTE Case Cast Coalesce Column Concat Count DataType DataTypeParam DateDiff Distinct Div Dot EQ Explode Filter From GT
GTE GenerateSeries Greatest Group GroupConcat Having Identifier If IgnoreNulls In Intersect Interval Is
JSONExtractScalar JSONPath JSONPathKey JSONPathRoot JSONPathSubscript JSONPathWildcard JSONType Join LT LTE Lag Lambda
Lead Least Length Like Literal LogicalAnd LogicalOr Lower Max Median Min Mul NEQ Neg Not Null NullSafeEQ NullSafeNEQ
Nullif Or Order Ordered Paren PercentileCont PropertyEQ RegexpExtract RegexpFullMatch RegexpLike RegexpReplace Round
RowNumber Select SplitPart Star StartsWith StddevSamp StrPosition Struct Sub Substring Sum Table TableAlias
TimestampTrunc Transform Trim TryCast Tuple Union Values Var Where Window WindowSpec With
"""
KNOWN: Final = frozenset(_NAMES.split())
"""sqlglot's names for the constructs that return the same on both engines, some of them after a conversion.

`integration/test_spark.py` compares the engines on every model. Add a name together with the first model that needs it.
"""
KNOWN_BY_NAME: Final = frozenset({"generate_subscripts", "json_valid"})
"""The functions that return the same on both engines but have no class in sqlglot."""
REFUSED: Final = ("PERCENTILE_APPROX", "APPROX_PERCENTILE", "APPROX_COUNT_DISTINCT")
"""Spark functions that approximate. A translation that contains one is refused, because another version of sqlglot may
translate a known construct to it.
"""
_INTEGERS: Final = exp.DataType.INTEGER_TYPES
_JSON_TYPES: Final = (("ARRAY%", "ARRAY"), ("OBJECT%", "OBJECT"), ("STRING", "VARCHAR"), ("VOID", "NULL"))
_JAVA_ESCAPES: Final = r".-/\[](){}?*+^$|dws"
"""Characters that mean the same in Java after a backslash, `s` after a conversion."""
_SPACES_AROUND: Final = r"^\p{Zs}+|\p{Zs}+\z"


def spark_sql(model: Model, snapshot_date: date, tables: Mapping[str, Table]) -> str:
    """Return a model's SELECT for one week in Spark's SQL; its columns have the same types as in DuckDB.

    The Spark session must use UTC and treat `TIMESTAMP` as a timestamp without a time zone.

    Args:
        model: the model.
        snapshot_date: the week; ignored for a view.
        tables: the project's tables by name, which give the types of the model's inputs.

    Raises:
        ModelError: if a construct has no exact counterpart in Spark, or the translation would approximate.
    """
    try:
        typed = annotated(model, snapshot_date, tables)
        for node in typed.walk():
            _require_known(node)
        for node in reversed(list(typed.walk())):  # children first, because a conversion may copy them
            if (convert := _CONVERSIONS.get(type(node))) and (converted := convert(node)) is not node:
                converted.type = node.type
                node.replace(converted)
        for select in typed.find_all(exp.Select):
            _unnest(select)
        sql = typed.sql(dialect="spark", identify=True, comments=False, unsupported_level=sqlglot.ErrorLevel.RAISE)
    except SqlglotError as error:
        raise ModelError(model.path, None, f"Spark has no exact counterpart: {str(error).splitlines()[0]}") from None
    if approximate := [name for name in REFUSED if name in sql.upper()]:
        raise ModelError(model.path, None, f"Spark would approximate it with {approximate[0]}")
    columns = (f"CAST(`{column.name}` AS {spark_type(column.type)}) AS `{column.name}`" for column in model.columns)
    return f"SELECT {', '.join(columns)} FROM ({sql})"


def annotated(model: Model, snapshot_date: date, tables: Mapping[str, Table]) -> exp.Expr:
    """Return a model's SELECT for one week, parsed, with the type of each expression in DuckDB.

    Args:
        model: the model.
        snapshot_date: the week; ignored for a view.
        tables: the project's tables by name, which give the types of the model's inputs.
    """
    schema: dict[str, object] = {
        name: {column.name: column.type for column in tables[name].columns} for name in model.upstream
    }
    tree = sqlglot.parse_one(model.render(snapshot_date), read="duckdb")
    qualified = qualify(tree, schema=schema, dialect="duckdb", validate_qualify_columns=False)
    return annotate_types(qualified, schema=schema, dialect="duckdb")


def spark_type(duckdb_type: str) -> str:
    """Return Spark's name for a DuckDB type."""
    kind = exp.DataType.build(duckdb_type, dialect="duckdb")
    # INT128 is DuckDB's type for sums of integers. Spark has integers of up to 64 bits and decimals of up to 38 digits
    return "DECIMAL(38, 0)" if kind.is_type("INT128") else kind.sql(dialect="spark", identify=True)


def _require_known(node: exp.Expr) -> None:
    """Refuse what is not known to return the same on both engines."""
    name = type(node).__name__
    if name not in KNOWN or (isinstance(node, exp.Anonymous) and node.name.lower() not in KNOWN_BY_NAME):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} may return something else in Spark; see KNOWN")


def _cte(node: exp.Expr) -> exp.Expr:
    node.set("materialized", None)
    return node


def _length(node: exp.Expr) -> exp.Expr:
    """In Spark, `len` is the length of a string; the length of a list has another name."""
    if node.this.is_type("ARRAY"):
        return exp.ArraySize(this=node.this)
    if not node.this.is_type("TEXT", "VARCHAR"):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} may be the length of a list; write array_length(x)")
    return node


def _element(node: exp.Expr) -> exp.Expr:
    """Past the end of a list, DuckDB returns null, but Spark fails. sqlglot has already subtracted 1 from the index."""
    (position,) = node.expressions
    # a position of 0 or less, which counts from the end, has become negative
    if not (isinstance(position, exp.Literal) and position.is_int):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} does not index a list by a positive constant")
    return exp.func("TRY_ELEMENT_AT", node.this, exp.Literal.number(int(position.name) + 1))


def _cast(node: exp.Expr) -> exp.Expr:
    """When casting to integers, DuckDB rounds (doubles half to even, decimals half away from zero); Spark truncates.

    Fractions are written differently as text. A literal such as 2.5 is a decimal in DuckDB, but a double to sqlglot.
    """
    if node.this.type is None:
        return node
    is_fraction = node.this.type.this in exp.DataType.NUMERIC_TYPES - _INTEGERS
    if is_fraction and (isinstance(node.this, exp.Literal) or node.args["to"].this in exp.DataType.TEXT_TYPES):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} casts a fraction")
    if node.args["to"].this not in _INTEGERS:
        return node
    if node.this.type.this in exp.DataType.FLOAT_TYPES:
        node.set("this", exp.func("RINT", node.this))
    elif node.this.type.this in exp.DataType.NUMERIC_TYPES - _INTEGERS:
        node.set("this", exp.func("ROUND", node.this))
    return node


def _divide(node: exp.Expr) -> exp.Expr:
    """DuckDB divides numbers as doubles and follows IEEE 754 if the divisor is 0. Spark divides decimals as decimals,
    which have fewer digits, and fails if the divisor is 0.
    """
    double = exp.DataType.build("double")
    above, below = (exp.Cast(this=exp.paren(each), to=double.copy()) for each in (node.this, node.expression))
    if isinstance(node.expression, exp.Nullif) or (node.expression.is_number and float(node.expression.name) != 0):
        return exp.Div(this=above, expression=below)
    is_zero = exp.EQ(this=below.copy(), expression=exp.Literal.number(0))
    infinity = exp.Cast(this=exp.Literal.string("Infinity"), to=double)
    infinite = exp.Mul(this=above.copy(), expression=infinity)
    return exp.case().when(is_zero, infinite).else_(exp.Div(this=above, expression=below))


def _extreme(node: exp.Expr) -> exp.Expr:
    """DuckDB sorts a struct's null fields last, but Spark sorts them first. A null flag before each field makes both
    orders the same.
    """
    struct = node.this
    if isinstance(struct, exp.Tuple) or (not isinstance(struct, exp.Struct) and struct.is_type("STRUCT", "ARRAY")):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')}: write struct_pack(...)")
    if not isinstance(struct, exp.Struct):
        return node
    fields = []
    for number, field in enumerate(struct.expressions):
        flag = exp.to_identifier(f"is_null_{number}")
        fields += [exp.PropertyEQ(this=flag, expression=_is_null(field.expression)), field]
    struct.set("expressions", fields)
    return node


def _arg_max(node: exp.Expr) -> exp.Expr:
    """DuckDB skips rows whose value is null; Spark skips only rows whose key is null."""
    key = exp.case().when(exp.Not(this=_is_null(node.this)), node.expression)
    node.set("expression", key)
    return node


def _list(node: exp.Expr) -> exp.Expr:
    """Collect structs of null flags, keys and the value, and sort the structs, because Spark's aggregates drop nulls
    and have no ORDER BY. If there are no rows, return null, as DuckDB does, instead of Spark's empty list.
    """
    order = node.this.expressions if isinstance(node.this, exp.Order) else []
    value = node.this.this if order else node.this
    if any(each.args.get("desc") or each.args.get("nulls_first") for each in order):
        raise sqlglot.UnsupportedError("list(... order by ...) with desc or nulls first")
    aggregate: type[exp.Expr] = exp.ArrayAgg
    if isinstance(value, exp.Distinct):
        if order and [each.this for each in order] != value.expressions:
            raise sqlglot.UnsupportedError("list(distinct ...) ordered by another expression")
        aggregate, value = exp.ArrayUniqueAgg, value.expressions[0]
    keys = [part for each in order for part in (_is_null(each.this), each.this)]
    names = [*(f"key_{number}" for number in range(len(keys))), "value"]
    fields = [part for name, key in zip(names, [*keys, value], strict=True) for part in (exp.Literal.string(name), key)]
    rows = aggregate(this=exp.Anonymous(this="NAMED_STRUCT", expressions=[field.copy() for field in fields]))
    rows = exp.Anonymous(this="NULLIF", expressions=[rows, exp.Array()])
    if order:
        rows = exp.Anonymous(this="ARRAY_SORT", expressions=[rows])
    row, field = exp.to_identifier("row"), exp.to_identifier("value")
    value_of = exp.Lambda(this=exp.Dot(this=row.copy(), expression=field), expressions=[row])
    return exp.Anonymous(this="TRANSFORM", expressions=[rows, value_of])


def _filter(node: exp.Expr) -> exp.Expr:
    """Move a FILTER from a list to the aggregate inside it."""
    if isinstance(node.this, exp.Anonymous) and (rows := node.this.find(exp.ArrayAgg, exp.ArrayUniqueAgg)):
        rows.replace(exp.Filter(this=rows.copy(), expression=node.expression))
        return node.this
    return node


def _is_null(value: exp.Expr) -> exp.Expr:
    return exp.Is(this=value.copy(), expression=exp.Null())


def _percentile(node: exp.Expr) -> exp.Expr:
    if node.expression is None:
        raise sqlglot.UnsupportedError("percentile_cont ... within group; write quantile_cont(x, p)")
    return exp.func("PERCENTILE", node.this, node.expression)


def _order(node: exp.Expr) -> exp.Expr:
    """Drop the ORDER BY inside a standard deviation, where it affects only the last digit; lists keep theirs.

    Spark's aggregates have no ORDER BY.
    """
    if isinstance(node.parent, exp.StddevSamp):
        value: exp.Expr = node.this
        return value
    if isinstance(node.parent, exp.AggFunc) and not isinstance(node.parent, exp.ArrayAgg | exp.GroupConcat):
        raise sqlglot.UnsupportedError(f"{node.parent.sql('duckdb')}: ORDER BY")
    return node


def _date_diff(node: exp.Expr) -> exp.Expr:
    """DuckDB counts the boundaries between two moments; Spark counts whole units, so it must start at boundaries."""
    unit = node.args["unit"].name.upper()
    if unit == "DAY" and all(each.is_type("DATE") for each in (node.this, node.expression)):
        return node
    if unit != "SECOND":
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} counts neither days between dates nor seconds")
    for name in ("this", "expression"):
        node.set(name, exp.TimestampTrunc(this=node.args[name], unit=exp.var("SECOND")))
    return node


def _like(node: exp.Expr) -> exp.Expr:
    """In Spark, a backslash escapes the next character unless another escape is given; no pattern contains this one."""
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "\\" not in pattern.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\x01"))


def _substring(node: exp.Expr) -> exp.Expr:
    """Before the first character, DuckDB counts positions, but Spark starts at the first or from the end."""
    start = node.args["start"]
    is_after = isinstance(start, exp.Add) and isinstance(start.this, exp.StrPosition) and start.expression.is_int
    if not is_after and not (isinstance(start, exp.Literal) and start.is_int and int(start.name) > 0):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} does not start at a positive constant")
    return node


def _series(node: exp.Expr) -> exp.Expr:
    """If the end is before the start, DuckDB's series is empty, but Spark's counts down."""
    if node.args.get("step") or node.args.get("is_end_exclusive"):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')}: write generate_series(start, end)")
    start, end = node.args["start"], node.args["end"]
    return exp.func("IF", exp.LTE(this=start.copy(), expression=end.copy()), node, exp.Null())


def _trim(node: exp.Expr) -> exp.Expr:
    """Trim all Unicode spaces, as DuckDB does; Spark trims only the ASCII space. Neither trims tabs or newlines."""
    if node.expression or node.args.get("position"):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')}: use trim(x)")
    return exp.Anonymous(
        this="REGEXP_REPLACE", expressions=[node.this, exp.Literal.string(_SPACES_AROUND), exp.Literal.string("")]
    )


def _lower(node: exp.Expr) -> exp.Expr:
    """DuckDB lowers each character separately; Spark turns `İ` into two characters, and a final `Σ` into `ς`."""
    translated = exp.func("TRANSLATE", node.this, exp.Literal.string("İΣ"), exp.Literal.string("iσ"))
    node.set("this", translated)
    return node


def _pattern(node: exp.Expr) -> str:
    """Return a literal RE2 regular expression translated into Java's dialect."""
    if not (isinstance(node, exp.Literal) and node.is_string):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')} is not a literal pattern")
    return java_pattern(node.name)


def java_pattern(pattern: str) -> str:
    r"""Return an RE2 regular expression in Java's dialect.

    In Java, `$` also matches before a final newline, `.` excludes more than newlines (unless `(?d)` is set), `\s`
    includes the vertical tab, and `(?i)` applies to ASCII only.

    Raises:
        sqlglot.UnsupportedError: for other flags and escapes, character classes with names, and `[` or `&&` in a class.
    """
    if flags := re.search(r"(?<!\\)\(\?(?!i\)|:)[^)]*", pattern):
        raise sqlglot.UnsupportedError(f"{flags[0]} in the pattern {pattern}")
    java: list[str] = []
    is_in_class = False
    for part in re.findall(r"\\.|\[\^?\]?|\]|\(\?i\)|.", pattern, re.DOTALL):
        match part:
            case r"\s":
                java.append(r"\t\n\f\r " if is_in_class else r"[\t\n\f\r ]")
            case "$" if not is_in_class:
                java.append(r"\z")
            case "(?i)":
                java.append("(?iu)")
            case _:
                is_escape = len(part) == 2 and part.startswith("\\")
                if (is_escape and part[1] not in _JAVA_ESCAPES) or (is_in_class and part.startswith(("[", "&"))):
                    raise sqlglot.UnsupportedError(f"{part} in the pattern {pattern}")
                is_in_class = part.startswith("[") or (is_in_class and part != "]")
                java.append(part)
    return "(?d)" + "".join(java)


def _full_match(node: exp.Expr) -> exp.Expr:
    pattern = _pattern(node.expression).removeprefix("(?d)")
    return exp.RegexpLike(this=node.this, expression=exp.Literal.string(rf"(?d)^(?:{pattern})\z"))


def _match(node: exp.Expr) -> exp.Expr:
    if node.args.get("flag") or node.args.get("parameters"):
        raise sqlglot.UnsupportedError(f"{node.sql('duckdb')}: write options in the pattern, as (?i)")
    if not (isinstance(node.expression, exp.Literal) and node.expression.name.startswith("(?d)")):
        node.set("expression", exp.Literal.string(_pattern(node.expression)))
    return node


def _replace(node: exp.Expr) -> exp.Expr:
    """DuckDB replaces only the first match, but Spark replaces all matches. The pattern is therefore extended to match
    from the start of the text through the first match, and the text before the match is put back.
    """
    if node.args.get("modifiers") or not node.args.get("single_replace"):
        raise sqlglot.UnsupportedError("regexp_replace with options")
    if node.args["replacement"].name:
        raise sqlglot.UnsupportedError("regexp_replace with a replacement other than an empty string")
    pattern = _pattern(node.expression).removeprefix("(?d)")
    first = rf"(?d)\A((?s:.*?))(?:{pattern})"
    return exp.Anonymous(
        this="REGEXP_REPLACE", expressions=[node.this, exp.Literal.string(first), exp.Literal.string("$1")]
    )


def _anonymous(node: exp.Expr) -> exp.Expr:
    if node.name.lower() == "json_valid":
        (text,) = node.expressions
        return exp.case().when(exp.Not(this=_is_null(text)), exp.Not(this=_is_null(_json(text))))
    return node


def _json(text: exp.Expr, path: str | None = None, kind: str = "variant") -> exp.Expr:
    parsed = exp.Anonymous(this="TRY_PARSE_JSON", expressions=[text.copy()])
    if path is None:
        return parsed
    return exp.Anonymous(
        this="TRY_VARIANT_GET", expressions=[parsed, exp.Literal.string(path), exp.Literal.string(kind)]
    )


def _json_type(node: exp.Expr) -> exp.Expr:
    path = node.expression.name
    schema = exp.Anonymous(this="SCHEMA_OF_VARIANT", expressions=[_json(node.this, path)])
    case = exp.case()
    for spark, duckdb in _JSON_TYPES:
        case = case.when(exp.Like(this=schema.copy(), expression=exp.Literal.string(spark)), exp.Literal.string(duckdb))
    return case


def _json_text(node: exp.Expr) -> exp.Expr:
    path = node.expression.sql(dialect="duckdb").strip("'")
    if path.endswith("[*]"):
        return _json(node.this, path.removesuffix("[*]"), "array<string>")
    return _json(node.this, path, "string")


_CONVERSIONS: Final[dict[type[exp.Expr], Callable[[exp.Expr], exp.Expr]]] = {
    exp.CTE: _cte,
    exp.Length: _length,
    exp.Bracket: _element,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Div: _divide,
    exp.Min: _extreme,
    exp.Max: _extreme,
    exp.ArgMax: _arg_max,
    exp.DateDiff: _date_diff,
    exp.Like: _like,
    exp.Substring: _substring,
    exp.ArrayAgg: _list,
    exp.Filter: _filter,
    exp.PercentileCont: _percentile,
    exp.Order: _order,
    exp.GenerateSeries: _series,
    exp.Trim: _trim,
    exp.Lower: _lower,
    exp.RegexpFullMatch: _full_match,
    exp.RegexpLike: _match,
    exp.RegexpExtract: _match,
    exp.RegexpReplace: _replace,
    exp.Anonymous: _anonymous,
    exp.JSONType: _json_type,
    exp.JSONExtractScalar: _json_text,
}


def _unnest(select: exp.Select) -> None:
    """Turn `unnest`, with or without `generate_subscripts` of the same list, into a lateral view.

    Spark allows only one generator per SELECT, and its positions start at 0.
    """
    lists = [node for item in select.expressions for node in item.find_all(exp.Explode)]
    positions = [
        node
        for item in select.expressions
        for node in item.find_all(exp.Anonymous)
        if node.name.lower() == "generate_subscripts"
    ]
    if not lists:
        return
    unnested = lists[0].this.copy()
    if any(node.this != unnested for node in lists) or any(node.expressions[0] != unnested for node in positions):
        raise sqlglot.UnsupportedError("a SELECT unnests different lists")
    for node in lists:
        node.replace(exp.column("item", table="unnested"))
    for node in positions:
        place = exp.Add(this=exp.column("place", table="unnested"), expression=exp.Literal.number(1))
        node.replace(exp.cast(exp.Paren(this=place), "bigint"))
    alias = exp.TableAlias(
        this=exp.to_identifier("unnested"), columns=[exp.to_identifier("place"), exp.to_identifier("item")]
    )
    select.append("laterals", exp.Lateral(this=exp.Posexplode(this=unnested), view=True, alias=alias))
