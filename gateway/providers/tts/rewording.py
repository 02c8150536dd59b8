"""Says some words otherwise than they are written: the replacements of Vapi's formatPlan, for the voice alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from gateway.assistant.provider_settings import ExactReplacement, RegexReplacement
from gateway.providers.base import OUTSIDE_CALL, CallContext, Preparable, Voice, VoiceCapabilities, VoiceChunk

Replacement = ExactReplacement | RegexReplacement


class RewordingVoice:
    """A voice that gets each text with its replacements made. Where their number of words differs from what is written,
    the conversation estimates when each written word was heard."""

    def __init__(self, voice: Voice, replacements: Sequence[Replacement]) -> None:
        self._voice = voice
        self._replacements = replacements

    @property
    def capabilities(self) -> VoiceCapabilities:
        """The voice's."""
        return self._voice.capabilities

    async def prepare(self) -> None:
        """Prepare the voice."""
        if isinstance(self._voice, Preparable):
            await self._voice.prepare()

    def speak(self, text: str, context: CallContext = OUTSIDE_CALL) -> AsyncIterator[VoiceChunk]:
        """The audio of the text as it is to be said; raises as the voice does."""
        return self._voice.speak(reworded(text, self._replacements), context)


def reworded(text: str, replacements: Sequence[Replacement]) -> str:
    """The text with all replacements, in their order."""
    for one in replacements:
        if isinstance(one, RegexReplacement):
            text = one.pattern.replaced(text, one.value)
        else:
            text = text.replace(one.key, one.value, -1 if one.replace_all_enabled else 1)
    return text
