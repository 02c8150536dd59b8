"""The settings of recordings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

KeyCodeText = r"^[0-9*#A-D]{1,8}$"


class RecordingSettings(BaseModel):
    """`enabled` records the audio of each call, `events` what happened in its conversation.

    `pause_keys` and `resume_keys` are keys of the telephone by which a recording is paused for what is confidential;
    a pause ends by itself after `pause_seconds`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    events: bool = True
    pause_keys: str | None = Field(default=None, pattern=KeyCodeText)
    resume_keys: str | None = Field(default=None, pattern=KeyCodeText)
    pause_seconds: float = Field(default=120, ge=1, le=3600)
