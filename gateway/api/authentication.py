"""Who asks: `Authorization: Bearer KEY`.

A private key may do everything in its organisation; a public one, which stands in the source of web pages, only what a
route allows with `any_key`.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from gateway.api.context import context_of
from gateway.errors import Forbidden, Unauthorized
from gateway.store.keys import KeyHolder, authenticate


async def any_key(request: Request) -> KeyHolder:
    """The holder of the request's key, private or public; a dependency of routes.

    :raises Unauthorized: there is no key, or one that is unknown or revoked
    """
    key = bearer(request.headers.get("authorization", ""))
    if not key:
        raise Unauthorized("Send an API key: `Authorization: Bearer KEY`. `parley key create` makes one.")
    async with context_of(request).database.reading() as session:
        holder = await authenticate(session, key)
    if holder is None:
        raise Unauthorized("This API key is not known here, or was revoked. `parley key create` makes one.")
    return holder


async def private_key(request: Request) -> KeyHolder:
    """The holder of the request's private key; a dependency of routes.

    :raises Unauthorized: as `any_key`
    :raises Forbidden: the key is a public one
    """
    holder = await any_key(request)
    if holder.scope != "private":
        raise Forbidden("A public key may not do this: use a private one.")
    return holder


PrivateCaller = Annotated[KeyHolder, Depends(private_key)]
"""The parameter of a route for private keys."""
AnyCaller = Annotated[KeyHolder, Depends(any_key)]
"""The parameter of a route for private and public keys."""


def bearer(header: str) -> str:
    """The key in an Authorization header; empty when it has none."""
    scheme, _, key = header.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""
