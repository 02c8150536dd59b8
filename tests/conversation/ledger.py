"""What holds for the commands of a conversation whatever the events: checked as they come."""

from __future__ import annotations

from collections import Counter

from gateway.conversation import commands as c
from gateway.conversation import events as e


class Ledger:
    """Checks the commands of one conversation as they come; what can only be known at its end is in `close`."""

    def __init__(self) -> None:
        self.prepared: list[int] = []
        self.done: set[int] = set()
        self.committed: set[int] = set()
        self.noticed: list[int] = []
        self.verdicts: Counter[int] = Counter()
        self.turns = 0
        self.reasons: list[str] = []

    def event(self, event: e.Event) -> None:
        """The machine is told this."""
        match event:
            case e.PauseNoticed(pause=pause):
                self.noticed.append(pause)
            case e.ReplyFinished(reply=reply) | e.ReplyFailed(reply=reply):
                self.done.add(reply)

    def command(self, command: c.Command) -> None:
        """The machine wants this."""
        match command:
            case c.PrepareReply(reply=reply) | c.PrepareSpeech(reply=reply):
                assert not self.prepared or self.prepared[-1] in self.done, "two replies at once"
                self.prepared.append(reply)
            case c.StopReply(reply=reply) | c.CloseReply(reply=reply):
                self.done.add(reply)
            case c.CommitReply(reply=reply):
                assert reply == self.prepared[-1], "a reply that was given up is committed"
                assert reply not in self.committed, "a reply is committed twice"
                self.committed.add(reply)
            case c.Speak(reply=reply):
                assert reply in self.committed, "a reply speaks before its commit"
            case c.CommitTurn():
                self._turn(command)
            case c.GiveVerdict(pause=pause):
                self.verdicts[pause] += 1
                assert self.verdicts[pause] == 1, f"two verdicts on pause {pause}"
            case c.HangUp(reason=reason) | c.Fail(reason=reason):
                self.reasons.append(reason)
                assert len(set(self.reasons)) == 1, f"the call ends for several reasons: {self.reasons}"
            case c.HandOff():
                assert not self.reasons, "a conversation that ended is handed over"
                self.reasons.append("handed over")
                assert not set(self.committed) - self.done, "a reply goes on after the handoff"

    def _turn(self, turn: c.CommitTurn) -> None:
        self.turns += 1
        assert turn.turn == self.turns, f"turn {turn.turn} follows turn {self.turns - 1}"
        assert turn.start_ms <= turn.end_ms, "a turn ends before it begins"
        assert turn.text, "a turn without words"

    def close(self, *, ended_by_agent: bool) -> None:
        """The conversation is over: every pause has its verdict, but for those that came when the call was over."""
        if ended_by_agent:
            assert self.reasons, "the call was never ended"
            missing = [pause for pause in self.noticed if pause not in self.verdicts]
            assert not missing or missing == self.noticed[-len(missing) :], f"no verdict on {missing}"
