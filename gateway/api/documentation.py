"""What /openapi.json says about bodies, which the routes read themselves."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel, ConfigDict, create_model

from gateway import __version__

Document = dict[str, Any]
_PUBLIC = ("/healthz", "/readyz", "/metrics")
_DESCRIPTION = """
Assistants, squads, tools, phone numbers and calls of a Parley gateway, with the paths, bodies and errors of Vapi's API:
its SDKs work here with another base URL and key. Fields that are not listed are kept and given back.
"""


class Refusal(BaseModel):
    """`message` is a sentence, or a list of sentences that begin with the path of what is wrong."""

    message: str | list[str]
    error: str
    statusCode: int  # noqa: N815  its name on the wire


class PageMetadata(BaseModel):
    """Where a page stands."""

    model_config = ConfigDict(extra="allow")
    itemsPerPage: int  # noqa: N815
    totalItems: int  # noqa: N815
    currentPage: int  # noqa: N815
    totalPages: int  # noqa: N815
    hasNextPage: bool  # noqa: N815
    sortOrder: str  # noqa: N815


def body_of(model: type[BaseModel]) -> Document:
    """`openapi_extra` of a route that reads a body of `model`."""
    schema = model.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def entity_of(model: type[BaseModel], noun: str, *, many: bool = False) -> dict[str, Any]:
    """An entry of `responses`: `model` with what every kept thing has."""
    shown = _shown(model)
    return {"model": list[shown] if many else shown, "description": f"The {noun}."}  # type: ignore[valid-type]


def page_of(model: type[BaseModel], noun: str) -> dict[str, Any]:
    """An entry of `responses`: a page of them."""
    shown = _shown(model)
    page = create_model(f"{shown.__name__}Page", results=(list[shown], ...), metadata=(PageMetadata, ...))  # type: ignore[valid-type]
    return {"model": page, "description": f"A page of {noun}."}


@functools.cache
def _shown(model: type[BaseModel]) -> type[BaseModel]:
    name = model.__name__.removesuffix("Body")
    fields: dict[str, Any] = dict.fromkeys(("id", "orgId", "createdAt", "updatedAt"), (str, ...))
    return create_model(name, __base__=model, __module__=__name__, **fields)


def document(app: FastAPI) -> Document:
    """/openapi.json."""
    found = get_openapi(
        title="Parley", version=__version__, description=_DESCRIPTION.strip(), routes=app.routes, tags=app.openapi_tags
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    found["security"] = [{"key": []}]
    schemas["Refusal"] = Refusal.model_json_schema()
    for path, operation in _operations(found):
        schemas.update(_definitions(operation))
        if path in _PUBLIC:
            operation["security"] = []
        else:
            _add_refusals(operation)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return found


def _operations(found: Document) -> Iterator[tuple[str, Document]]:
    for path, operations in found["paths"].items():
        for operation in operations.values():
            yield path, operation


def _definitions(operation: Document) -> Document:
    """Taken out of the body's schema, which names them where components stand."""
    content = operation.get("requestBody", {}).get("content", {})
    return content.get("application/json", {}).get("schema", {}).pop("$defs", {})  # type: ignore[no-any-return]


def _add_refusals(operation: Document) -> None:
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}
    operation["responses"].pop("422", None)
    for status, meaning in (("400", "Not valid."), ("401", "No valid key."), ("404", "Not found.")):
        operation["responses"].setdefault(status, {"description": meaning, "content": answer})
