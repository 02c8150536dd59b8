"""What the bodies of requests are made of. They check the types and ranges that are known; other fields are kept."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import jsonschema
import phonenumbers
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

_URL = re.compile(r"https?://[^\s/?#]+", re.IGNORECASE)
_TOOL_NAME = r"^[a-zA-Z0-9_-]{1,64}$"


class Body(BaseModel):
    """A part of a body: camelCase outside. A number is no text and a text no number; null is as good as left out."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="allow",
        frozen=True,
        strict=True,
        protected_namespaces=(),
    )


def _http_url(text: str) -> str:
    if not _URL.match(text):
        raise ValueError("must be a URL that begins with http:// or https://")
    return text


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        where = ".".join(str(part) for part in error.absolute_path)
        raise ValueError(f"must be a JSON schema: {where + ': ' if where else ''}{error.message}") from None
    except RecursionError:
        raise ValueError("must be a JSON schema of fewer levels") from None
    return schema


HttpUrl = Annotated[str, AfterValidator(_http_url)]
JsonSchema = Annotated[dict[str, Any], AfterValidator(_json_schema)]
Name = Annotated[str, StringConstraints(max_length=40)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class BackoffPlanBody(Body):
    """When a request is tried again."""

    type: Literal["fixed", "exponential"]
    max_retries: float = Field(ge=0, le=10)
    base_delay_seconds: float = Field(ge=0, le=10)
    excluded_status_codes: list[int] | None = None


class ServerBody(Body):
    """Where messages go."""

    url: HttpUrl | None = None
    timeout_seconds: float | None = Field(default=None, ge=1, le=300)
    headers: dict[str, Any] | None = None
    credential_id: Id | None = None
    secret: str | None = None
    backoff_plan: BackoffPlanBody | None = None


class CustomerBody(Body):
    """Who is called."""

    number: str | None = None
    sip_uri: str | None = None
    number_e164_check_enabled: bool | None = Field(default=None, alias="numberE164CheckEnabled")
    extension: str | None = Field(default=None, max_length=10)
    name: Name | None = None
    email: Name | None = None
    external_id: Name | None = None
    assistant_overrides: dict[str, Any] | None = None
    squad_overrides: dict[str, Any] | None = None


class SchedulePlanBody(Body):
    """When a call begins."""

    earliest_at: str
    latest_at: str | None = None


class FunctionBody(Body):
    """What a model is told of a function."""

    name: str = Field(pattern=_TOOL_NAME)
    description: str | None = None
    parameters: JsonSchema | None = None
    strict: bool | None = None


def number_problem(number: str, *, e164: bool = True) -> str | None:
    """What is wrong with a telephone number; None when nothing is.

    :param e164: false lets any letters and digits be a number, for PBXs
    """
    if not 3 <= len(number) <= 40:
        return "must have 3 to 40 characters"
    if not e164:
        return None if re.fullmatch(r"\+?[a-zA-Z0-9]+", number) else "must match ^\\+?[a-zA-Z0-9]+$"
    hint = "with its country code, such as +14155552671, or numberE164CheckEnabled false"
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return f"must be a telephone number in E.164 form {hint}"
    if not number.startswith("+") or not phonenumbers.is_possible_number(parsed):
        return f"must be a telephone number in E.164 form {hint}"
    return None
