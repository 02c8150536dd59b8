"""Every error that Parley raises on purpose.

ParleyError                   something a user can act on: str() is one plain sentence with the remedy
├── ConfigError               a setting is wrong: file, line, key, what is expected (exit code 2)
├── SetupError                this machine lacks something: a compiler, a model, a free port
│   └── NativeMissing         pjsua2 with the media bridge is not installed, or was built too small
├── ModelError                a model file is missing or its checksum is wrong
├── CallRefused               an incoming call is refused before answer; carries the SIP status
│   ├── NoWorker              503: no worker takes the call
│   ├── OverCapacity          503: all places are taken
│   ├── Draining              503: this gateway takes no new calls
│   └── NoRoute               404: no route matches
├── LegError                  a leg could not do what was asked (dial, transfer, hold)
├── DialRefused               an outbound call was not placed, or was not answered
├── NotLive                   there is no such live call, or it cannot do that now
├── NoGateway                 no gateway runs here that could be controlled
├── LinkError                 the stream between gateway and worker failed
├── RecordingError            a recording of a conversation cannot be read, or not be made what was asked
└── ProviderError             a transcriber, model or voice failed; `permanent` tells if a retry can help
    ├── ProviderAuthentication    permanent
    ├── ProviderQuota             permanent
    ├── ProviderRateLimit
    ├── ProviderTimeout
    ├── ProviderUnavailable
    └── ProviderBadRequest        permanent
"""

from __future__ import annotations


class ParleyError(Exception):
    """Base of all. `str(error)` is one sentence that a user understands."""


class ConfigError(ParleyError):
    """A setting is wrong."""


class SetupError(ParleyError):
    """This machine lacks something that Parley needs."""


class NativeMissing(SetupError):
    """pjsua2 with the media bridge is not installed, or its compiled limits are too small."""


class ModelError(ParleyError):
    """A model file is missing or damaged."""


class CallRefused(ParleyError):
    """An incoming call is refused before answer.

    :param retry_after: seconds for the Retry-After header, None for no header
    """

    status = 500
    reason = "call-refused"

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoWorker(CallRefused):
    """No worker takes the call."""

    status = 503
    reason = "no-worker"


class OverCapacity(CallRefused):
    """All places for calls are taken."""

    status = 503
    reason = "over-capacity"


class Draining(CallRefused):
    """This gateway is going down and takes no new calls."""

    status = 503
    reason = "draining"


class NoRoute(CallRefused):
    """No route matches the called number and trunk."""

    status = 404
    reason = "no-route"


class LegError(ParleyError):
    """A leg could not do what was asked."""


class DialRefused(ParleyError):
    """An outbound call was not placed, or was not answered."""


class NotLive(ParleyError):
    """There is no such live call, or it is not in a state in which it can do what was asked."""


class NoGateway(ParleyError):
    """No gateway runs here that could be controlled."""


class LinkError(ParleyError):
    """The stream between gateway and worker failed."""


class RecordingError(ParleyError):
    """A recording of a conversation cannot be read, or not be made what was asked."""


class ProviderError(ParleyError):
    """A transcriber, model or voice failed.

    :param retry_after: seconds for which the provider asked to be left alone, None when it did not
    """

    permanent = False

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProviderAuthentication(ProviderError):
    """The key is missing, wrong or not allowed."""

    permanent = True


class ProviderQuota(ProviderError):
    """The account has no credit or quota left."""

    permanent = True


class ProviderRateLimit(ProviderError):
    """Too many requests; may work later."""


class ProviderTimeout(ProviderError):
    """No answer within the deadline."""


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached or answered with a server error."""


class ProviderBadRequest(ProviderError):
    """The provider refuses what was asked."""

    permanent = True
