"""Progress of the build on the terminal, and everything its commands print in a file."""

from __future__ import annotations

import os
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from gateway.errors import SetupError

SHOWN_LINES = 15
"""Lines of the log shown when a command fails."""


class BuildLog:
    """Runs commands in named stages.

    On a terminal a bar moves by the stages' usual seconds; elsewhere each stage is a line.
    """

    def __init__(self, path: Path, *, stages: Mapping[str, float], console: Console | None = None) -> None:
        self._path = path
        self._stages = stages
        self._console = console or Console(stderr=True)
        self._tail: deque[str] = deque(maxlen=SHOWN_LINES)
        self._stage = ""
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task = self._progress.add_task("pjsua2", total=sum(stages.values()))

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("w", encoding="utf-8")
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
        self._file.close()

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Yields a function that is told which part of the stage, 0 to 1, is done."""
        self._stage = name
        before = self._progress.tasks[0].completed
        weight = self._stages[name]
        self._progress.update(self._task, description=f"pjsua2: {name}")
        if not self._console.is_terminal:
            self._console.print(f"pjsua2: {name}")
        started = time.monotonic()
        yield lambda part: self._progress.update(self._task, completed=before + weight * min(part, 1.0))
        self._progress.update(self._task, completed=before + weight)
        self._write(f"--- {name}: {time.monotonic() - started:.1f} s\n")

    def run(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        """Runs a command of the current stage; every line it prints goes to the log and to `on_line`.

        :raises SetupError: when it fails; its last lines have been shown by then
        """
        self._write(f"$ {' '.join(map(str, command))}\n")
        with subprocess.Popen(  # noqa: S603  the recipe's own commands
            [str(word) for word in command],
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                self._write(line)
                if on_line:
                    on_line(line)
        if process.returncode:
            self._fail()

    def _write(self, line: str) -> None:
        self._file.write(line)
        self._tail.append(line.rstrip())

    def _fail(self) -> None:
        self._progress.stop()
        for line in self._tail:
            self._console.print(f"  {escape(line)}", style="dim", overflow="fold", highlight=False)
        raise SetupError(f"pjsua2 could not be built ({self._stage}); everything it printed is in {self._path}.")
