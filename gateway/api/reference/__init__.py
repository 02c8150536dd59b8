"""`/reference`: a page that shows /openapi.json. Nothing on it comes from another host."""

from __future__ import annotations

from importlib import resources

from fastapi import APIRouter, Response

_FILES = {
    "": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "max-age=3600",
}


def router() -> APIRouter:
    """The page and its two files."""
    routes = APIRouter(include_in_schema=False)
    for path, (name, kind) in _FILES.items():
        _add_file(routes, f"/reference{path}", name, kind)
    return routes


def _add_file(routes: APIRouter, path: str, name: str, kind: str) -> None:
    content = resources.files(__name__).joinpath(name).read_bytes()

    @routes.get(path)
    async def send() -> Response:
        return Response(content, media_type=kind, headers=_HEADERS)
