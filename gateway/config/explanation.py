"""pydantic's validation errors as sentences that say what is expected."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from gateway.config.source import Path, Problem, Source

_EXPECTED: Mapping[str, str] = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "finite_number": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "path_type": "a path",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "key: value lines",
    "model_type": "key: value lines",
    "model_attributes_type": "key: value lines",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "string_too_long": "at most {max_length} characters",
    "string_too_short": "at least {min_length} characters",
    "too_short": "at least {min_length} of them",
    "literal_error": "{expected}",
}
_SECRET = re.compile(r"password|secret|token|api_?key|authorization", re.IGNORECASE)


def explain(error: ValidationError, source: Source, model: type[BaseModel]) -> list[Problem]:
    """One problem for each thing that pydantic found wrong in `source` when validating it as `model`."""
    return [source.problem(*_sentence(details, source, model)) for details in error.errors()]


def _sentence(details: ErrorDetails, source: Source, model: type[BaseModel]) -> tuple[Path, str]:
    path = _existing(details["loc"], source.data)
    match details["type"]:
        case "extra_forbidden":
            return path, f"unknown key{_suggestion(path, model)}"
        case "missing":
            return path, "expected a value, got none"
        case "union_tag_not_found":
            return (*path, _discriminator(details)), "expected a value, got none"
        case "union_tag_invalid":
            tags, tag = _listed(details["ctx"]["expected_tags"]), details["ctx"]["tag"]
            return (*path, _discriminator(details)), f"expected {tags}, got {tag!r}"
        case "incomplete":
            # what is there instead may hold a secret
            return path, f"expected {details['msg']}"
        case kind:
            return path, f"expected {_expected(kind, details)}, got {_got(path, details['input'], kind)}"


def _expected(kind: str, details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return _alternatives(context["pattern"])
    if template := _EXPECTED.get(kind):
        return template.format(**context)
    return details["msg"]


def _discriminator(details: ErrorDetails) -> str:
    """The key that says which branch of a union is meant."""
    return str(details["ctx"]["discriminator"]).strip("'")


def _listed(names: str) -> str:
    """Pydantic's "a, b, c" as "a, b or c"."""
    return " or ".join(names.rsplit(", ", 1))


def _alternatives(pattern: str) -> str:
    words = re.fullmatch(r"\^\(([\w|-]+)\)\$", pattern)
    return " or ".join(repr(word) for word in words[1].split("|")) if words else f"text that matches {pattern}"


def _got(path: Path, value: object, kind: str) -> str:
    if any(_SECRET.search(str(part)) for part in path):
        return "something else"
    if value is None:
        return "nothing"
    text = repr(value)
    text = text if len(text) <= 60 else f"{text[:57]}…"
    plain = kind == "string_type" and not isinstance(value, dict | list)
    return f"{text} (write it in quotes)" if plain else text


def _existing(location: tuple[int | str, ...], data: Any) -> Path:
    """Pydantic's location without the parts that name no key, such as the branch of a union."""
    path: Path = ()
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(data, Mapping) and (part in data or last):
            path, data = (*path, part), data.get(part)
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            path, data = (*path, part), data[part]
    return path


def _suggestion(path: Path, model: type[BaseModel]) -> str:
    holders = _models_at(model, path[:-1])
    names = [name for holder in holders for name in _keys(holder)]
    if not names:
        return ""
    nearest = difflib.get_close_matches(str(path[-1]), names, n=1, cutoff=0.6)
    return f", did you mean {nearest[0]}?" if nearest else f", expected one of {', '.join(dict.fromkeys(names))}"


def _keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _models_at(model: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The models that may hold the keys at `path`; none where they are free."""
    entries: list[Any] = [model]
    for part in path:
        entries = [found for entry in entries for found in _below(entry, part)]
    return [entry for entry in entries if _is_model(entry)]


def _below(entry: Any, part: int | str) -> Iterator[Any]:
    if not _is_model(entry):
        yield from _structured(get_args(entry)[-1])
    elif field := _keys(entry).get(str(part)) or entry.model_fields.get(str(part)):
        yield from _structured(field.annotation)


def _structured(annotation: Any) -> Iterator[Any]:
    """The models, lists and mappings that an annotation may hold."""
    if get_origin(annotation) is Annotated:
        yield from _structured(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for branch in get_args(annotation):
            yield from _structured(branch)
    elif get_origin(annotation) in (list, dict) or _is_model(annotation):
        yield annotation


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
