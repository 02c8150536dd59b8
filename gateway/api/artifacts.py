"""What a call left behind: its recording, by side, and its log. The key is a private one, or the URL is signed."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from gateway.api.authentication import private_key
from gateway.api.byte_ranges import ranged
from gateway.api.context import ApiContext, context_of
from gateway.api.recording import Side
from gateway.api.signed_urls import UrlSigner
from gateway.api.stored_recordings import StoredRecordings
from gateway.call.calls import Calls as Records
from gateway.errors import NotFound
from gateway.recording.ladder import ladder_of, shown
from gateway.recording.pcapng import read
from gateway.store.calls import CallRow, Calls, find_call
from gateway.store.events import StoredEvent, events_of

_SIDES = {f"{side.value}-recording": side for side in Side}
_URLS = (
    "recordingUrl",
    "stereoRecordingUrl",
    "logUrl",
    "pcapUrl",
    "stereoUrl",
    "combinedUrl",
    "assistantUrl",
    "customerUrl",
)
_PCAP = "application/vnd.tcpdump.pcap"
_ABSENT = {
    "video-recording": "This server records no video.",
}


def router() -> APIRouter:
    """`/call/{id}/…`."""
    routes = APIRouter(tags=["call"])
    for name, side in _SIDES.items():
        _add_recording(routes, name, side)
    for name, why in _ABSENT.items():
        _add_absent(routes, name, why)
    _add_capture(routes)
    _add_ladder(routes)

    @routes.get("/call/{id}/call-logs", summary="Log of a call: its events, as lines of JSON")
    async def call_logs(request: Request, id: str) -> Response:  # noqa: A002
        context = context_of(request)
        row = await _call(request, id, context)
        async with context.database.reading() as session:
            events = await events_of(session, row.organisation_id, row.id)
        text = "".join(f"{_log_line(event)}\n" for event in events)
        return Response(text, media_type="application/x-ndjson")

    return routes


def _add_recording(routes: APIRouter, name: str, side: Side) -> None:
    @routes.head(f"/call/{{id}}/{name}", include_in_schema=False)
    @routes.get(
        f"/call/{{id}}/{name}",
        summary=f"Recording of a call: {side.value}",
        operation_id=name,
        responses={200: {"content": {"audio/wav": {}}}, 206: {"content": {"audio/wav": {}}}},
    )
    async def recording(request: Request, id: str) -> Response:  # noqa: A002
        context = context_of(request)
        row = await _call(request, id, context)
        stored = StoredRecordings(context.settings)
        if side is Side.BOTH and (address := await asyncio.to_thread(stored.address, row)):
            return RedirectResponse(address, status_code=302)
        found = await asyncio.to_thread(stored.found, row)
        read = functools.partial(found.read, side)
        return ranged(
            request, found.bytes_of(side), read, media_type="audio/wav", filename=f"{row.id}-{side.value}.wav"
        )


def _add_capture(routes: APIRouter) -> None:
    @routes.head("/call/{id}/pcap", include_in_schema=False)
    @routes.get(
        "/call/{id}/pcap",
        summary="Capture of a call: its SIP messages, and its packets where they are kept, as pcapng",
        operation_id="pcap",
        responses={200: {"content": {_PCAP: {}}}, 206: {"content": {_PCAP: {}}}},
    )
    async def capture(request: Request, id: str) -> Response:  # noqa: A002
        context = context_of(request)
        row = await _call(request, id, context)
        found = await asyncio.to_thread(StoredRecordings(context.settings).capture, row)
        return ranged(request, found.size, found.read, media_type=_PCAP, filename=f"{row.id}.pcapng")


def _add_ladder(routes: APIRouter) -> None:
    @routes.get(
        "/call/{id}/ladder",
        summary="Ladder of a call: its SIP messages and RTP streams, from its capture. Parley's own",
        operation_id="ladder",
    )
    async def ladder(request: Request, id: str) -> dict[str, Any]:  # noqa: A002
        context = context_of(request)
        row = await _call(request, id, context)

        def read_ladder() -> dict[str, Any]:
            return dict(shown(ladder_of(read(StoredRecordings(context.settings).capture(row).whole()))))

        return await asyncio.to_thread(read_ladder)


def _add_absent(routes: APIRouter, name: str, why: str) -> None:
    @routes.get(f"/call/{{id}}/{name}", summary=f"Always 404. {why}", operation_id=name)
    async def absent(request: Request, id: str) -> Response:  # noqa: A002
        await _call(request, id, context_of(request))
        raise NotFound(why)


async def _call(request: Request, id_: str, context: ApiContext) -> CallRow:
    """:raises NotFound: there is none, or it belongs to others"""
    if context.signer.holds(request.url.path, request.query_params):
        async with context.database.reading() as session:
            row = await find_call(session, id_)
        if row is None:
            raise NotFound(f"There is no call {id_!r}.")
        return row
    caller = await private_key(request)
    async with context.database.reading() as session:
        return await Calls(session, caller.organisation_id).get(id_)


def _log_line(event: StoredEvent) -> str:
    head = {"time": event.time_ms, "at": event.at_ms, "sequence": event.sequence, "kind": event.kind}
    return json.dumps({**head, "data": json.loads(event.data)})


def with_fresh_urls(call: Mapping[str, Any], signer: UrlSigner) -> dict[str, Any]:
    """A Call whose URLs of artifacts work from now on for as long as a new one would."""
    return {name: _fresh(name, value, signer) for name, value in call.items()}


def _fresh(name: str, value: Any, signer: UrlSigner) -> Any:
    if isinstance(value, str) and name in _URLS and value.startswith(f"{signer.base_url}/"):
        return signer.signed_url(urlsplit(value).path)
    if isinstance(value, Mapping) and name in ("artifact", "recording", "mono"):
        return with_fresh_urls(value, signer)
    return value


def remove_files(data_dir: Path, call_id: str) -> None:
    """The recording, record and events of a call on this machine."""
    records = Records(data_dir)
    for path in (
        records.recording_path(call_id),
        records.sealed_path(call_id),
        *records.capture_paths(call_id),
        records.events_path(call_id),
        records.journal_path(call_id),
        records.directory / f"{call_id}.json",
    ):
        path.unlink(missing_ok=True)
