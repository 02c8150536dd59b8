"""What is wrong with a request, in sentences that begin with the path: "model.messages.0.role must be a string"."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

PROBLEMS = 50
"""Sentences in one answer; a body can be wrong in more places than anybody reads."""
_LENGTH = 200

_Context = Mapping[str, Any]
_WORDS: dict[str, Callable[[_Context], str]] = {
    "missing": lambda _: "is required",
    "string_type": lambda _: "must be a string",
    "bool_type": lambda _: "must be a boolean",
    "bool_parsing": lambda _: "must be a boolean",
    "int_type": lambda _: "must be an integer",
    "int_parsing": lambda _: "must be an integer",
    "int_parsing_size": lambda _: "must be an integer within 64 bits",
    "int_from_float": lambda _: "must be an integer",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "list_type": lambda _: "must be an array",
    "greater_than_equal": lambda context: f"must not be less than {context['ge']}",
    "greater_than": lambda context: f"must be greater than {context['gt']}",
    "less_than_equal": lambda context: f"must not be greater than {context['le']}",
    "less_than": lambda context: f"must be less than {context['lt']}",
    "literal_error": lambda context: f"must be one of the following values: {context['expected']}",
    "enum": lambda context: f"must be one of the following values: {context['expected']}",
    "string_too_long": lambda context: f"must be shorter than or equal to {context['max_length']} characters",
    "string_too_short": lambda context: f"must be longer than or equal to {context['min_length']} characters",
    "string_pattern_mismatch": lambda context: f"must match {context['pattern']}",
    "too_long": lambda context: f"must contain no more than {context['max_length']} elements",
    "too_short": lambda context: f"must contain at least {context['min_length']} elements",
    "extra_forbidden": lambda _: "should not exist",
    "union_tag_not_found": lambda context: f"must say its {context['discriminator']}",
    "union_tag_invalid": lambda context: f"must be one of the following values: {context['expected_tags']}",
    "value_error": lambda context: str(context["error"]),
    "uuid_parsing": lambda _: "must be a UUID",
    "datetime_from_date_parsing": lambda _: "must be a valid ISO 8601 date string",
    "datetime_parsing": lambda _: "must be a valid ISO 8601 date string",
    "datetime_type": lambda _: "must be a valid ISO 8601 date string",
}


def sentence(error: Mapping[str, Any], *, path: Sequence[str | int] | None = None) -> str:
    """One of pydantic's errors in words.

    :param path: where it is; default: pydantic's own location
    """
    location = error["loc"] if path is None else path
    words = _WORDS.get(str(error["type"]))
    text = words(error.get("ctx", {})) if words else f"is not valid: {error['msg']}"
    where = ".".join(str(part) for part in location)
    return shortened(f"{where} {text}" if where else f"the body {text}")


def sentences(errors: Iterable[Mapping[str, Any]], *, within: Sequence[str | int] = ()) -> list[str]:
    """All of them, each once.

    :param within: path of what was validated, when it is a part of the body
    """
    found = dict.fromkeys(sentence(error, path=[*within, *error["loc"]]) for error in errors)
    return bounded(list(found))


def bounded(problems: list[str]) -> list[str]:
    """The first `PROBLEMS`, and how many more there are."""
    if len(problems) <= PROBLEMS:
        return problems
    return [*problems[:PROBLEMS], f"and {len(problems) - PROBLEMS} more problems"]


def shortened(text: str) -> str:
    """A sentence repeats what the caller sent only so far."""
    return text if len(text) <= _LENGTH else text[: _LENGTH - 1] + "…"


def problems_of(
    model: type[BaseModel] | TypeAdapter[Any], value: object, *, within: Sequence[str | int] = ()
) -> list[str]:
    """What is wrong with `value`; empty when nothing is.

    :param within: path of `value` in the body
    """
    try:
        if isinstance(model, TypeAdapter):
            model.validate_python(value)
        else:
            model.model_validate(value)
    except ValidationError as error:
        return sentences(error.errors(include_url=False, include_input=False), within=within)
    return []
