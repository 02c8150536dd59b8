"""What a human is told of a call that is transferred to them: texts with their templates filled in, and a summary of
the conversation by the model of who has the call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any, Protocol

import structlog

from gateway.analysis.material import Material
from gateway.analysis.prompts import SUMMARY, prompt
from gateway.call.transfer.plan import SUMMARY_HEADER, WITH_SUMMARY_HEADER, read_plan, text_of
from gateway.conversation.context import Context
from gateway.conversation.context_plan import LAST, NONE, ContextPlan
from gateway.conversation.templates import render
from gateway.errors import ConfigError, ProviderError
from gateway.providers.base import CallContext, ChatMessage, ChatRequest, LanguageModel, TextDelta
from gateway.worker.opening import Opening
from gateway.worker.transfer_assistant import TransferTalk, transfer_talk, wants_summary

logger = structlog.get_logger(__name__)

SUMMARY_SECONDS = 5.0
_LONGEST_HEADER = 800
"""Characters: a REFER has to fit into one datagram."""
_SPOKEN = {"user": "User", "assistant": "AI"}


class Writing(Protocol):
    """Who writes a summary: the part of `Resources` that is used here."""

    @property
    def model(self) -> LanguageModel:
        """Of who has the call."""

    @property
    def context(self) -> CallContext:
        """For the model, which meters what the summary takes."""


class Briefing:
    """Of one conversation."""

    def __init__(self, opening: Opening, resources: Writing, conversation: Context) -> None:
        self._opening = opening
        self._model = resources.model
        self._conversation = conversation
        self._variables = opening.variables
        self._context = resources.context

    async def completed(self, destination: Mapping[str, Any]) -> Mapping[str, Any]:
        """Vapi's destination, with what the gateway needs to carry it out. A summary that is not there in time is left
        out, and the message is said in its place."""
        given = destination.get("transferPlan")
        if not isinstance(given, Mapping):
            return destination
        plan: dict[str, Any] = dict(given)
        for name in ("message", "introduction"):
            if text := text_of(plan.get(name)):
                plan[name] = self._rendered(text)
        mode = read_plan(destination).mode
        if not mode.endswith("-say-summary") and mode != WITH_SUMMARY_HEADER:
            return {**destination, "transferPlan": plan}
        summary = await self._summary(plan.get("summaryPlan"))
        if summary and mode == WITH_SUMMARY_HEADER:
            headers = destination.get("sipHeaders")
            known = dict(headers) if isinstance(headers, Mapping) else {}
            header = " ".join(summary.split())[:_LONGEST_HEADER]
            return {**destination, "transferPlan": plan, "sipHeaders": {**known, SUMMARY_HEADER: header}}
        if summary:
            plan["message"] = summary
        return {**destination, "transferPlan": plan}

    async def transfer_talk(self, destination: Mapping[str, Any]) -> TransferTalk:
        """Who talks with the human before the caller does, and what it knows; nobody where the plan names nobody.

        :raises ParleyError: the transferAssistant cannot be used
        """
        plan = destination.get("transferPlan")
        if not isinstance(plan, Mapping) or read_plan(destination).assistant_seconds is None:
            return TransferTalk()
        summary = await self._summary(plan.get("summaryPlan")) if wants_summary(plan["transferAssistant"]) else ""
        known = {"transcript": self._material().transcript, "summary": summary}
        return transfer_talk(plan, self._opening, {**self._variables, **known}, self._lines(plan))

    def _lines(self, plan: Mapping[str, Any]) -> str:
        """What was said, as far as the plan's contextEngineeringPlan lets the transfer assistant know it."""
        wanted = ContextPlan.of(plan)
        lines = self._material().transcript.splitlines()
        if wanted.mode == NONE:
            return ""
        return "\n".join(lines[max(0, len(lines) - wanted.messages) :] if wanted.mode == LAST else lines)

    async def _summary(self, given: Any) -> str:
        plan: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
        seconds = plan.get("timeoutSeconds")
        seconds = float(seconds) if isinstance(seconds, int | float) and 1 <= seconds <= 60 else SUMMARY_SECONDS
        if plan.get("enabled") is False:
            return ""
        try:
            messages = prompt(plan.get("messages") or SUMMARY, self._material(), self._variables)
            async with asyncio.timeout(seconds):
                return await self._answer(messages)
        except (ConfigError, ProviderError, TimeoutError) as error:
            logger.info("no summary for a transfer", error=str(error) or f"no answer within {seconds:g} s")
            return ""

    async def _answer(self, messages: Sequence[ChatMessage]) -> str:
        request = ChatRequest(messages, context=self._context)
        async with aclosing(self._model.reply(request)) as parts:  # type: ignore[type-var]  # every model is a generator
            return "".join([part.text async for part in parts if isinstance(part, TextDelta)]).strip()

    def _material(self) -> Material:
        messages = self._conversation.messages()
        spoken = [f"{_SPOKEN[one.role]}: {one.content}" for one in messages if one.role in _SPOKEN and one.content]
        system = "\n".join(one.content for one in messages if one.role == "system")
        return Material(transcript="\n".join(spoken), system_prompt=system)

    def _rendered(self, text: str) -> str:
        try:
            return render(text, self._variables)
        except ConfigError:
            return text
