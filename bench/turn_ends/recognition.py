"""The embedded recogniser in virtual time: it hears at once, and answers when its computing time has passed."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from gateway.providers.base import TranscriptHint
from gateway.providers.stt.recogniser import Hypothesis, Recogniser, Samples


class TimedRecogniser:
    """Notes the processor time of each recognition, and remembers both text and time in `file` for the same audio.

    A recognition runs in one thread, so this is what it takes on a machine that has nothing else to do: what other
    programs do meanwhile is no part of it.
    """

    def __init__(self, recogniser: Recogniser, file: Path) -> None:
        self.seconds = 0.0
        """Of the latest recognition."""
        self._recogniser = recogniser
        self._file = file
        lines = file.read_text().splitlines() if file.is_file() else []
        self._known = {entry["key"]: entry for entry in map(json.loads, lines)}

    def recognise(self, samples: Samples, hint: TranscriptHint) -> Hypothesis:
        """As the recogniser."""
        key = hashlib.sha256(samples.tobytes() + hint.expects.encode()).hexdigest()[:32]
        if key not in self._known:
            self._known[key] = self._measured(key, samples, hint)
            with self._file.open("a") as file:
                file.write(json.dumps(self._known[key]) + "\n")
        entry = self._known[key]
        self.seconds = entry["seconds"]
        return Hypothesis(**entry["heard"])

    def _measured(self, key: str, samples: Samples, hint: TranscriptHint) -> dict[str, Any]:
        began = time.process_time()
        heard = self._recogniser.recognise(samples, hint)
        seconds = time.process_time() - began
        fields = {name: getattr(heard, name) for name in Hypothesis.__slots__}
        return {"key": key, "seconds": round(seconds, 4), "heard": fields}


class VirtualPool(Executor):
    """The recognition pool of a process with one call: work is done when it is submitted, its result comes later."""

    def __init__(self, recogniser: TimedRecogniser, now_ms: Callable[[], float]) -> None:
        self.recognitions = 0
        self._recogniser = recogniser
        self._now_ms = now_ms
        self._results: list[tuple[float, int, Future[Any], Any]] = []
        self._order = itertools.count()

    def submit(self, fn: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        """As an executor with a free thread."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        result = fn(*arguments, **keywords)
        due = self._now_ms() + 1000 * self._recogniser.seconds
        heapq.heappush(self._results, (due, next(self._order), future, result))
        self.recognitions += 1
        return future

    @property
    def next_ms(self) -> float:
        """When the next result comes."""
        return self._results[0][0] if self._results else float("inf")

    def release(self) -> None:
        """Give out what is due."""
        while self._results and self._results[0][0] <= self._now_ms():
            _, _, future, result = heapq.heappop(self._results)
            future.set_result(result)
