"""Answers in JSON."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Response

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Json(Response):
    """What was kept, as it is: FastAPI's own answer would walk through every value first. ASCII, because texts of
    providers may hold what UTF-8 cannot."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return _encode(content).encode("ascii")
