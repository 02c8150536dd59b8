"""`parley check`: what the settings mean, in a few lines."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from gateway.settings import RouteSettings, Settings


def run(settings: Settings, *, file: Path | None) -> None:
    """Print what `settings`, read without a mistake from `file`, will do."""
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{file or 'Defaults and environment'}: no mistakes", markup=False)
    for line in _summary(settings):
        console.print(f"  {line}", markup=False)


def _summary(settings: Settings) -> list[str]:
    sip, (first, last) = settings.sip, settings.rtp.ports
    lines = [
        f"SIP on {sip.host}:{sip.port} ({', '.join(sip.transports)}), RTP on {first}-{last}, {sip.max_calls} calls",
        f"metrics on http://{settings.http.host}:{settings.http.port}/metrics",
        f"calls are kept in {settings.data_dir}",
    ]
    lines += [f"trunk {trunk.name}: registers at {trunk.registrar} as {trunk.username}" for trunk in settings.trunks]
    lines += [_route(route) for route in settings.routes]
    if not settings.routes:
        lines.append("no route: every call is refused with 404")
    return lines


def _route(route: RouteSettings) -> str:
    source = f"calls from trunk {route.trunk}" if route.trunk else "calls"
    number = "any number" if route.number == "*" else route.number
    return f"{source} to {number}: assistant {route.assistant}"
