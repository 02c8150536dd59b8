"""Requests inside a dialog and their answers, on the owner thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from gateway.sip.library import pj

OnAnswer = Callable[[int, str], None]
"""Told the status and the reason of a request's final answer; 408 when none came."""


class SentRequests:
    """The requests of one dialog that wait for their answers; of one method, answers come in the order of asking."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[OnAnswer]] = {}
        self._answered: set[int] = set()
        """Transactions that are told once more, when the stack forgets them."""

    def add(self, method: str, on_answer: OnAnswer) -> None:
        """A request goes out."""
        self._waiting.setdefault(method, deque()).append(on_answer)

    def withdraw(self, method: str) -> None:
        """The latest one could not be sent."""
        self._waiting[method].pop()

    def changed(self, transaction: Any) -> None:
        """A transaction of ours went on."""
        identity, over = int(transaction.pjTransaction), transaction.state == pj.PJSIP_TSX_STATE_TERMINATED
        if identity in self._answered:
            if over:
                self._answered.discard(identity)
            return
        waiting = self._waiting.get(str(transaction.method))
        if not waiting or not (over or transaction.state == pj.PJSIP_TSX_STATE_COMPLETED):
            return
        if not over:
            self._answered.add(identity)
        waiting.popleft()(int(transaction.statusCode), str(transaction.statusText))

    def give_up(self) -> None:
        """The dialog is gone."""
        for waiting in self._waiting.values():
            while waiting:
                waiting.popleft()(481, "the call has ended")
