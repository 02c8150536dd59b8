"""The settings of recordings."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

KeyCodeText = r"^[0-9*#A-D]{1,8}$"


class UploadSettings(BaseModel):
    """Where recordings go after the call: a `url` that fsspec knows, such as s3://bucket/folder. `endpoint_url`, `key`,
    `secret` and `region` are of S3-compatible storage; without them the machine's own are used, as AWS's SDK finds
    them. The local file goes once the upload is done, unless it is to be kept (`keep_local`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(pattern=r"^[a-z][a-z0-9]*://\S+$")
    endpoint_url: str | None = None
    key: SecretStr | None = None
    secret: SecretStr | None = None
    region: str | None = None
    keep_local: bool = False


class RecordingSettings(BaseModel):
    """`enabled` records the audio of each call, `events` what happened in its conversation.

    `pause_keys` and `resume_keys` are keys of the telephone by which a recording is paused for what is confidential;
    a pause ends by itself after `pause_seconds`. `sealed` encrypts recordings, with `key` (32 bytes in URL-safe base64)
    or one that comes of the store's. `upload` sends recordings elsewhere. `signalling` keeps the SIP messages of each
    call, `packets` its RTP and RTCP, too; `capture_keys` leaves in them what decrypts the audio or proves a password,
    and `capture_megabytes` is the most for one call. The files of a call on this machine are
    deleted `keep_days` after its end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    events: bool = True
    signalling: bool = True
    packets: bool = False
    capture_keys: bool = False
    capture_megabytes: float = Field(default=50, ge=1, le=2000)
    pause_keys: str | None = Field(default=None, pattern=KeyCodeText)
    resume_keys: str | None = Field(default=None, pattern=KeyCodeText)
    pause_seconds: float = Field(default=120, ge=1, le=3600)
    sealed: bool = False
    key: SecretStr | None = None
    upload: UploadSettings | None = None
    keep_days: float | None = Field(default=None, gt=0, le=36_500)
