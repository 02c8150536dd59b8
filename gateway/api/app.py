"""The application: every route of the control plane."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI

from gateway.analytics import router as analytics
from gateway.api import (
    artifacts,
    assistants,
    calls,
    cost_estimate,
    credentials,
    documentation,
    errors,
    files,
    operations,
    organisations,
    phone_numbers,
    prices,
    reference,
    squads,
    structured_outputs,
    tools,
    unoffered,
)
from gateway.api.border import Border
from gateway.api.context import ApiContext
from gateway.campaigns import do_not_call
from gateway.campaigns import router as campaigns
from gateway.chat import router as chats
from gateway.chat import sessions
from gateway.messages import feed_router
from gateway.tools import router as tool_trials
from gateway.webhooks import router as deliveries

ROUTERS: Sequence[Callable[[], APIRouter]] = (
    assistants.router,
    squads.router,
    tools.router,
    tool_trials.router,
    phone_numbers.router,
    credentials.router,
    structured_outputs.router,
    chats.router,
    sessions.router,
    feed_router.router,
    deliveries.router,
    calls.router,
    campaigns.router,
    do_not_call.router,
    artifacts.router,
    files.router,
    organisations.router,
    operations.router,
    reference.router,
    prices.router,
    cost_estimate.router,
    analytics.router,
    unoffered.router,
)
"""In the order in which they are asked: those of one fixed path before those of `{id}`."""

FORM_BYTES = 100_000
"""Of an upload, beside its file."""


def api_app(context: ApiContext) -> FastAPI:
    """The application over `context`."""
    app = FastAPI(title="Parley", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.context = context
    errors.add_handlers(app)
    for router in ROUTERS:
        app.include_router(router())
    app.add_middleware(Border, upload_bytes=context.settings.api.upload_megabytes * 1_000_000 + FORM_BYTES)
    app.openapi = lambda: _documented(app)  # type: ignore[method-assign]
    return app


def _documented(app: FastAPI) -> dict[str, object]:
    if app.openapi_schema is None:
        app.openapi_schema = documentation.document(app)
    return app.openapi_schema
