"""All settings as one typed object. `gateway.config` reads it from YAML and environment."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_core import PydanticCustomError

from gateway.assistant.assistant import Assistant
from gateway.assistant.defaults import AssistantDefaults
from gateway.call.prices import Price
from gateway.providers.credentials import Credential
from gateway.recording.settings import RecordingSettings
from gateway.routing.settings import RouteSettings
from gateway.sip.settings import SipSettings
from gateway.trunk.settings import TrunkSettings

PORTS_PER_CALL = 2
"""RTP and RTCP."""


class Section(BaseModel):
    """A part of the settings; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _port_range(value: object) -> object:
    if isinstance(value, str) and (match := re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", value)):
        first, last = int(match[1]), int(match[2])
        if 1024 <= first < last <= 65535:
            return first, last
    elif isinstance(value, tuple):
        return value
    raise PydanticCustomError("port_range", "a range of ports within 1024-65535, such as 20000-20999")


PortRange = Annotated[tuple[int, int], BeforeValidator(_port_range)]
"""First and last port, written as 20000-20999."""


class RtpSettings(Section):
    """An answered call ends when the far end gives no first sign of life, RTP or RTCP, for `start_timeout_seconds`, and
    when it gives none any more for `timeout_seconds`; 0 is never, and a call on hold does not end so."""

    ports: PortRange = (20000, 20999)
    start_timeout_seconds: float = Field(default=20, ge=0, le=3600)
    timeout_seconds: float = Field(default=30, ge=0, le=3600)


class DiskSettings(Section):
    """For the day when the disk of `data_dir` is full. `reserve_megabytes` of it are kept for journals; while it takes
    none, `memory_megabytes` of them wait in memory before calls are refused."""

    reserve_megabytes: int = Field(default=16, ge=0, le=100_000)
    memory_megabytes: int = Field(default=64, ge=1, le=100_000)


class AdmissionSettings(Section):
    """When new calls are refused so that those that are up are not hurt; without a number, never for that.

    `calls_per_second` in the long run, `burst` at once. `processor` and `memory` are parts of what this machine or its
    control group has. `media_late_ms` is how late the media clock, `loop_late_ms` how late the event loop may be.
    """

    calls_per_second: float | None = Field(default=50, gt=0, le=10_000)
    burst: int = Field(default=100, ge=1, le=10_000)
    processor: float | None = Field(default=None, gt=0, le=1)
    memory: float | None = Field(default=0.95, gt=0, le=1)
    media_late_ms: float | None = Field(default=40, gt=0, le=10_000)
    loop_late_ms: float | None = Field(default=500, gt=0, le=10_000)


class HttpSettings(Section):
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)


class ApiSettings(Section):
    """The control plane: REST, server messages, records. `parley serve` starts one on this machine, unless `address`
    names the `link` of one that runs elsewhere.

    `link` is where gateways attach (gRPC); `link_token` protects it where gateway and control plane do not share a data
    directory. `public_url` is how others reach `host` and `port`. `bootstrap_key` is a
    private key that works from the first start. `assistant_request_seconds` is how long a server may think about who
    answers. `upload_megabytes` is the most that a file may have. `organisation_calls` at once, and
    `organisation_calls_per_second`, are the most that an organisation may have. Calls of a gateway that is not attached
    for `gateway_away_seconds` are closed.
    """

    enabled: bool = True
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = None
    link: str = "127.0.0.1:0"
    link_token: SecretStr | None = None
    address: str | None = None
    bootstrap_key: SecretStr | None = None
    assistant_request_seconds: float = Field(default=7.5, ge=0.1, le=60)
    upload_megabytes: int = Field(default=50, ge=1, le=10_000)
    organisation_calls: int | None = Field(default=None, ge=1)
    organisation_calls_per_second: float | None = Field(default=None, gt=0, le=1000)
    gateway_away_seconds: float = Field(default=600, ge=60, le=86_400)


class StoreSettings(Section):
    """Where the control plane keeps everything: `sqlite+aiosqlite:///…` or `postgresql+asyncpg://…`. Without a URL it
    is SQLite in `data_dir`. `secret_key` encrypts the secrets of credentials (32 bytes in URL-safe base64); without it
    one is made in `data_dir`."""

    url: SecretStr | None = None
    secret_key: SecretStr | None = None


class MediaSettings(Section):
    """The gateway's port for sockets that carry audio, and for the control of live calls. `public_url` is how others
    reach it."""

    host: str = "127.0.0.1"
    port: int = Field(default=8081, ge=0, le=65535)
    public_url: str | None = None


class EgressSettings(Section):
    """Whom URLs in assistants, tools and webhooks may name. Public addresses always; private, loopback and link-local
    ones only when `allow` names them: host names as shell patterns, addresses as CIDR."""

    allow: list[str] = []


class WebhookSettings(Section):
    """How messages reach users' servers. One whose server has no backoffPlan is tried for `retry_seconds`; `per_host`
    attempts at once go to one host and port; what was delivered can be seen and replayed for `keep_days`. The report of
    a call waits `analysis_seconds` for the call's analysis."""

    retry_seconds: float = Field(default=259_200, ge=0, le=2_592_000)
    per_host: int = Field(default=8, ge=1, le=1000)
    keep_days: float = Field(default=7, gt=0, le=3650)
    analysis_seconds: float = Field(default=60, ge=0, le=3600)


class WorkerSettings(Section):
    """`count` local processes are started by `parley serve`; `addresses` are workers that run elsewhere."""

    count: int = Field(default=2, ge=0, le=64)
    """Two, so that calls go on when one is lost."""
    addresses: list[str] = []
    listen: str = "127.0.0.1:0"
    capacity: int = Field(default=50, ge=1, le=2000)


class LogSettings(Section):
    format: Literal["console", "json"] = "console"
    level: Literal["debug", "info", "warning", "error"] = "info"
    sip: bool = False


class OutboundSettings(Section):
    """Calls that Parley makes. `direct` are shell patterns of hosts whose SIP URIs may be called without a trunk.
    `trunks` stand in for each other, the first that can take a call has it."""

    direct: list[str] = []
    trunks: list[str] = []


class FailoverSettings(Section):
    """When a provider is given up for the next one. All but `breaker_failures` are seconds.

    `transcript_seconds`: for the text of what was said. `first_token_seconds`, `token_seconds`: for a model's first
    piece and each further one; `hedge`: ask a second time when the first token is later than usual.
    `first_audio_seconds`: for a voice's first sound; `audio_seconds`: for each further one, once the caller has heard
    nearly all that came.
    `breaker_failures` in a row take a provider out of use for `breaker_seconds`, twice as long each further time.
    """

    connect_seconds: float = Field(default=1.2, gt=0, le=30)
    transcript_seconds: float = Field(default=1.0, gt=0, le=30)
    first_token_seconds: float = Field(default=1.5, gt=0, le=60)
    token_seconds: float = Field(default=1.5, gt=0, le=60)
    first_audio_seconds: float = Field(default=1.0, gt=0, le=30)
    audio_seconds: float = Field(default=0.3, gt=0, le=30)
    hedge: bool = True
    breaker_failures: int = Field(default=3, ge=1, le=100)
    breaker_seconds: float = Field(default=10, gt=0, le=300)


class VoiceCacheSettings(Section):
    """Phrases that are said again and again are kept as audio in `data_dir`."""

    enabled: bool = True
    megabytes: int = Field(default=256, ge=1, le=100_000)


class DemoSettings(Section):
    """The small HTTP order service that the demo assistant's tool calls."""

    enabled: bool = False
    port: int = Field(default=8089, ge=1, le=65535)


class Settings(Section):
    data_dir: Path = Path(".parley")
    sip: SipSettings = SipSettings()
    rtp: RtpSettings = RtpSettings()
    admission: AdmissionSettings = AdmissionSettings()
    disk: DiskSettings = DiskSettings()
    http: HttpSettings = HttpSettings()
    api: ApiSettings = ApiSettings()
    store: StoreSettings = StoreSettings()
    media: MediaSettings = MediaSettings()
    egress: EgressSettings = EgressSettings()
    webhooks: WebhookSettings = WebhookSettings()
    worker: WorkerSettings = WorkerSettings()
    log: LogSettings = LogSettings()
    recording: RecordingSettings = RecordingSettings()
    drain_seconds: float = Field(default=300, ge=0, le=86400)
    trunks: list[TrunkSettings] = []
    routes: list[RouteSettings] = []
    outbound: OutboundSettings = OutboundSettings()
    assistants: dict[str, Assistant] = {}
    assistant_defaults: AssistantDefaults = AssistantDefaults()
    credentials: list[Credential] = []
    failover: FailoverSettings = FailoverSettings()
    voice_cache: VoiceCacheSettings = VoiceCacheSettings()
    prices: list[Price] = []
    demo: DemoSettings = DemoSettings()

    @property
    def capacity(self) -> int:
        """Calls that fit: sip.max_calls, or fewer where there are fewer RTP ports.

        Two of the ports stay free, because a call has its ports before it can be refused.
        """
        first, last = self.rtp.ports
        return min(self.sip.max_calls, (last - first + 1) // PORTS_PER_CALL - 1)
