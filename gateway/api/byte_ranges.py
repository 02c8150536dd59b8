"""Range requests (RFC 9110, section 14): players jump within a recording."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from gateway.api.errors import refusal

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class Unsatisfiable(ValueError):
    """The range lies behind the end."""


def byte_range(header: str | None, size: int) -> tuple[int, int] | None:
    """First byte and the one behind the last of what a Range header asks for; None for all, also where it asks for
    what is not served, such as several ranges.

    :raises Unsatisfiable: nothing of it is there
    """
    match = _RANGE.fullmatch((header or "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(int(last) + 1 if last else size, size)
    if first and last and int(last) < int(first):
        return None
    if start >= size or start >= end:
        raise Unsatisfiable
    return start, end


def ranged(
    request: Request, size: int, read: Callable[[int, int], Iterator[bytes]], *, media_type: str, filename: str
) -> Response:
    """An answer with all or a part of `size` bytes.

    :param read: bytes from a first to before a last one
    """
    headers = {"Accept-Ranges": "bytes", "Content-Disposition": f'inline; filename="{filename}"'}
    try:
        part = byte_range(request.headers.get("range"), size)
    except Unsatisfiable:
        message = f"There are {size} bytes, and the range lies behind them."
        return refusal(416, message, headers={"Content-Range": f"bytes */{size}"})
    start, end = part or (0, size)
    headers["Content-Length"] = str(end - start)
    if part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if part else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers, media_type=media_type)
    return StreamingResponse(read(start, end), status_code=status, headers=headers, media_type=media_type)
