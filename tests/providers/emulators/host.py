"""Several services of one provider behind one address, as the provider itself has them."""

from __future__ import annotations

from starlette.routing import BaseRoute, Mount

from tests.providers.emulators.emulator import Emulator


class Host(Emulator):
    """Serves the routes of its parts.

    :param under: paths below which a part's routes are, for parts that have no path of their own
    """

    def __init__(self, *parts: Emulator, under: dict[str, Emulator] | None = None, key: str = "emulated-key") -> None:
        super().__init__(key=key)
        mounted: list[BaseRoute] = [Mount(path, routes=part.routes) for path, part in (under or {}).items()]
        self.routes = [route for part in parts for route in part.routes] + mounted
