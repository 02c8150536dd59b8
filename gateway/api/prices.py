"""`/price`: the organisation's price book, by which its calls are billed."""

from __future__ import annotations

from fastapi import APIRouter

from gateway.api.resource import Resource, resource_router
from gateway.call.prices import Price
from gateway.store.entities import Kind


class Prices(Resource):
    """Unknown fields are refused here: a price with a slip of the pen would be a wrong bill."""

    kind = Kind.PRICE
    path = "/price"
    noun = "price"
    model = Price


def router() -> APIRouter:
    """The five operations."""
    return resource_router(Prices())
