"""What one part of the settings says about another: routes and assistants, ports and the calls they carry."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from gateway.assistant.start_speaking_plan import CustomEndpointing
from gateway.assistant.tool import ToolBase
from gateway.config.source import Path
from gateway.settings import PORTS_PER_CALL, Settings

Finding = tuple[Path, str]


def check(settings: Settings) -> Iterator[Finding]:
    """Yield the path of each value that does not fit another, and what was expected."""
    yield from _trunk_names(settings)
    yield from _routes(settings)
    yield from _ports(settings)
    yield from _tools(settings)
    yield from _endpointing(settings)
    if not settings.worker.count and not settings.worker.addresses:
        yield ("worker", "count"), "expected at least 1, or an address in worker.addresses, got 0"


def _trunk_names(settings: Settings) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, trunk in enumerate(settings.trunks):
        if trunk.name in seen:
            yield ("trunks", index, "name"), f"expected a name of its own, got {trunk.name!r} again"
        seen.add(trunk.name)


def _routes(settings: Settings) -> Iterator[Finding]:
    trunks = [trunk.name for trunk in settings.trunks]
    for index, route in enumerate(settings.routes):
        key = "assistant" if route.assistant else "split"
        for assistant in route.assistants:
            if assistant not in settings.assistants:
                yield ("routes", index, key), _named("an assistant", assistant, settings.assistants)
        if route.server is not None and not settings.api.enabled:
            yield ("routes", index, "server"), "expected api.enabled: true, which asks the server, got false"
        if route.trunk is not None and route.trunk not in trunks:
            yield ("routes", index, "trunk"), _named("a trunk", route.trunk, trunks)


def _named(what: str, name: str, names: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name, list(names), n=1)
    hint = f", did you mean {nearest[0]}?" if nearest else ""
    known = ", ".join(names) or "none is configured"
    return f"expected {what} ({known}), got {name!r}{hint}"


def _ports(settings: Settings) -> Iterator[Finding]:
    first, last = settings.rtp.ports
    if settings.capacity < 1:
        yield ("rtp", "ports"), f"expected at least {2 * PORTS_PER_CALL} ports, got {first}-{last}"
    if first <= settings.sip.port <= last:
        yield ("sip", "port"), f"expected a port outside rtp.ports {first}-{last}, got {settings.sip.port}"
    taken: dict[int, str] = {}
    for section, port in _listened(settings):
        if port and port in taken:
            yield (section, "port"), f"expected another port than {taken[port]}.port, got {port}"
        taken.setdefault(port, section)


def _listened(settings: Settings) -> Iterator[tuple[str, int]]:
    """Sections with the TCP ports that this machine listens on."""
    yield "http", settings.http.port
    yield "media", settings.media.port
    if settings.api.enabled and not settings.api.address:
        yield "api", settings.api.port
    if settings.demo.enabled:
        yield "demo", settings.demo.port


def _tools(settings: Settings) -> Iterator[Finding]:
    for name, assistant in settings.assistants.items():
        for index, tool in enumerate(assistant.model.tools):
            path: Path = ("assistants", name, "model", "tools", index)
            yield from _tool(path, tool, served=assistant.server is not None)


def _tool(path: Path, tool: ToolBase, *, served: bool) -> Iterator[Finding]:
    if tool.type != "function":
        return
    if tool.function is None:
        yield (*path, "function"), "expected the function's name, description and parameters, got nothing"
    if tool.server is None and not served:
        yield (*path, "server"), "expected a server with the url to call, here or for the assistant, got nothing"


def _endpointing(settings: Settings) -> Iterator[Finding]:
    for name, assistant in settings.assistants.items():
        plan = assistant.start_speaking_plan.smart
        if isinstance(plan, CustomEndpointing) and plan.server is None and assistant.server is None:
            path: Path = ("assistants", name, "startSpeakingPlan", "smartEndpointingPlan", "server")
            yield path, "expected a server with the url to ask, here or for the assistant, got nothing"
