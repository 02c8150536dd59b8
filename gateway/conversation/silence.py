"""Silence: the caller says nothing and the agent has nothing to say.

Silence counts from the moment at which the caller has heard the end of what the agent said. What a prompt ("Are you
still there?") takes is left out, then the same silence goes on, so that a prompt does not put the end of the call
off. A prompt is due after its time, after twice its time, and so on; of several that are due together the one with the
longest time is said, and at the end of the call none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

TIMED_OUT = "silence-timed-out"
ASSISTANT_ENDED = "assistant-ended-call"


@dataclass(frozen=True, slots=True)
class Prompt:
    """Said after each `after_ms` of silence, at most `most` times in the call, or since the caller's last words when
    these `begin_anew`. The texts are said in turn. `hook` is the number of a hook that is carried out instead."""

    after_ms: int
    texts: tuple[str, ...]
    most: int = 1
    begins_anew: bool = False
    ends_call: bool = False
    hook: int | None = None

    @property
    def does_something(self) -> bool:
        """It has any effect."""
        return bool(self.texts) or self.ends_call or self.hook is not None


@dataclass(frozen=True, slots=True)
class SilencePlan:
    """After `timeout_ms` of silence the call ends; `message`, which may be empty, is said before."""

    timeout_ms: int = 30_000
    message: str = ""
    prompts: tuple[Prompt, ...] = (Prompt(15_000, ("Are you still there?",), begins_anew=True),)


@dataclass(frozen=True, slots=True)
class Due:
    """`text` is to be said, if there is one, and then the call to be ended, if there is a `reason`; or a `hook` is to
    be carried out."""

    text: str
    reason: str = ""
    hook: int | None = None


@dataclass(slots=True)
class _Count:
    """How often a prompt was said, and the silence in ms after which it is due again."""

    next_ms: int
    spoken: int = 0
    total: int = 0


@dataclass(slots=True)
class Silence:
    """One call's silence. Times are ms of the call clock."""

    plan: SilencePlan
    _since: int = 0
    _before: int = 0
    _counts: list[_Count] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._counts = [_Count(prompt.after_ms) for prompt in self.plan.prompts]

    def caller_spoke(self, at: int) -> None:
        """The caller said something until `at`."""
        self.begins(at)
        for prompt, count in zip(self.plan.prompts, self._counts, strict=True):
            if prompt.begins_anew:
                count.spoken = 0

    def begins(self, at: int) -> None:
        """Silence begins anew: until `at` somebody spoke, or nobody was meant to."""
        self._since, self._before = at, 0
        for prompt, count in zip(self.plan.prompts, self._counts, strict=True):
            count.next_ms = prompt.after_ms

    def goes_on(self, at: int) -> None:
        """A prompt was said until `at`."""
        self._since = at

    @property
    def next(self) -> int:
        """When `due` will have something to say."""
        silent = min((count.next_ms for _, count in self._open()), default=self.plan.timeout_ms)
        return self._since + silent - self._before

    def due(self, at: int) -> Due | None:
        """What silence that lasts until `at` asks for, None for nothing."""
        silent = self._before + at - self._since
        if silent >= self.plan.timeout_ms:
            return Due(self.plan.message, TIMED_OUT)
        ready = [(prompt, count) for prompt, count in self._open() if count.next_ms <= silent]
        if not ready:
            return None
        for prompt, count in ready:
            count.next_ms = silent + prompt.after_ms
        prompt, count = max(ready, key=lambda one: one[0].after_ms)
        text = prompt.texts[count.total % len(prompt.texts)] if prompt.texts else ""
        count.spoken, count.total = count.spoken + 1, count.total + 1
        self._since, self._before = at, silent
        return Due(text, ASSISTANT_ENDED if prompt.ends_call else "", prompt.hook)

    def _open(self) -> list[tuple[Prompt, _Count]]:
        """Prompts that may still be said, before the end of the call."""
        return [
            (prompt, count)
            for prompt, count in zip(self.plan.prompts, self._counts, strict=True)
            if count.spoken < prompt.most and count.next_ms < self.plan.timeout_ms and prompt.does_something
        ]
