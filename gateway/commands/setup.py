"""`parley setup`: the SIP stack and the speech models."""

from __future__ import annotations

from rich.console import Console


def run(*, native: bool, models: bool, smart_turn: bool) -> None:
    """Build and install the SIP stack, fetch the models; what is there is left alone.

    :raises SetupError: when the build or the download fails
    :raises ModelError: when a model that was fetched is not the expected one
    """
    console = Console(highlight=False, soft_wrap=True)
    if native:
        from gateway.sip.native import recipe

        fresh = recipe.install(recipe.ensure())
        console.print("The SIP stack is installed." if fresh else "The SIP stack was installed already.")
    if models or smart_turn:
        from gateway.models.__main__ import fetch_with_progress
        from gateway.models.catalogue import CATALOGUE, SMART_TURN

        fetch_with_progress(console, (*(CATALOGUE if models else ()), *((SMART_TURN,) if smart_turn else ())))
