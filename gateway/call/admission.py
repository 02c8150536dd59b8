"""Whether one more call is taken. Pure."""

from __future__ import annotations

from gateway.errors import Draining, OverCapacity

RETRY_AFTER_SECONDS = 10
"""Told to a caller who is refused because all places are taken: about when one will be free."""
DRAINING_RETRY_AFTER_SECONDS = 30


class Admission:
    """Places for calls.

    :param places: calls at most, those that still ring or end included
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self.draining = False

    def admit(self, calls: int) -> None:
        """Let one more in besides `calls`.

        :raises Draining: when this gateway is going down
        :raises OverCapacity: when all places are taken
        """
        if self.draining:
            raise Draining("This gateway takes no new calls.", retry_after=DRAINING_RETRY_AFTER_SECONDS)
        if calls >= self._places:
            raise OverCapacity(f"All {self._places} places for calls are taken.", retry_after=RETRY_AFTER_SECONDS)
