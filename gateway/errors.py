"""Every error that Parley raises on purpose.

ParleyError                   something a user can act on: str() is one plain sentence with the remedy
├── ConfigError               a setting is wrong: file, line, key, what is expected (exit code 2)
│   ├── InvalidAssistant      an assistant of the API cannot be used; carries every problem with its path
│   └── InvalidTool           a tool of the API cannot be used; carries every problem with its path
├── SetupError                this machine lacks something: a compiler, a model, a free port
│   └── NativeMissing         pjsua2 with the media bridge is not installed, or was built too small
├── ModelError                a model file is missing or its checksum is wrong
├── CallRefused               an incoming call is refused before answer; carries the SIP status
│   ├── NoWorker              503: no worker takes the call
│   ├── OverCapacity          503: all places are taken
│   ├── CallRate              503: more calls begin in a second than may
│   ├── Overloaded            503: another call would hurt those that are up
│   ├── Draining              503: this gateway takes no new calls
│   ├── Unauthenticated       401: the caller must say who it is
│   ├── NoRoute               404: no route matches
│   └── Unresolved              the control plane says so, or is away
├── LegError                  a leg could not do what was asked (dial, transfer, hold)
├── DialRefused               an outbound call was not placed, or was not answered
│   ├── NotRegistered         its trunk is not registered now
│   └── OnDoNotCallList       whoever is there does not want calls
├── UnknownMember             a destination names an assistant that this call does not have
├── InvalidControl            a message of live control is not valid
├── NotLive                   there is no such live call, or it cannot do that now
├── NoGateway                 no gateway runs here that could be controlled
├── LinkError                 the stream between gateway and worker failed
├── PlaneAway                 the control plane is not attached, or did not answer in time
├── CommandRefused            a gateway refuses what the control plane told it; carries the HTTP status that fits
├── ApiError                  a request to the REST API is refused; carries the HTTP status and every problem
│   ├── BadRequest            400
│   ├── Unauthorized          401: no key, or one that is not known
│   ├── Forbidden             403: the key may not do this
│   ├── NotFound              404: also for what belongs to another organisation
│   ├── Conflict              409: not as things are now
│   ├── Gone                  410: it was deleted, as the settings say
│   ├── TooLarge              413
│   ├── UnsupportedMedia      415
│   ├── Unprocessable         422: another request under an idempotency key that was used
│   └── Unavailable           503: not now; nothing was done
├── ForbiddenAddress          a URL that a user wrote leads to an address that is not public and not allowed
├── SigningError              a request cannot be signed with the credential that its server names
├── ResponseTooLarge          a server answered with more than is read
├── StoreError                the database cannot be used, or not as asked
├── StorageAway               the storage of recordings does not answer, or refuses
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

from collections.abc import Sequence


class ParleyError(Exception):
    """Base of all. `str(error)` is one sentence that a user understands."""


class ConfigError(ParleyError):
    """A setting is wrong."""


class InvalidAssistant(ConfigError):
    """An assistant cannot be used.

    :param problems: sentences that begin with the path of what is wrong: "model.temperature must be at most 2"
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"The assistant is not valid: {'; '.join(problems)}.")
        self.problems = list(problems)


class InvalidTool(ConfigError):
    """A tool cannot be used.

    :param problems: sentences that begin with the path of what is wrong: "function.name must match …"
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__(f"The tool is not valid: {'; '.join(problems)}.")
        self.problems = list(problems)


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
    headers: Sequence[tuple[str, str]] = ()
    """Of the answer."""

    def __init__(self, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unauthenticated(CallRefused):
    """The caller must say who it is.

    :param headers: WWW-Authenticate
    """

    status = 401
    reason = "unauthenticated"

    def __init__(self, message: str, *, headers: Sequence[tuple[str, str]]) -> None:
        super().__init__(message)
        self.headers = headers


class NoWorker(CallRefused):
    """No worker takes the call."""

    status = 503
    reason = "no-worker"


class OverCapacity(CallRefused):
    """All places for calls are taken."""

    status = 503
    reason = "over-capacity"


class CallRate(CallRefused):
    """More calls begin in a second than the settings allow."""

    status = 503
    reason = "call-rate"


class Overloaded(CallRefused):
    """Another call would hurt those that are up.

    :param reason: what the machine suffers from, a word of a short list
    """

    status = 503

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class OverLimit(CallRefused):
    """A trunk carries as many calls as it may, or began as many in this second."""

    status = 503
    reason = "over-limit"


class Draining(CallRefused):
    """This gateway is going down and takes no new calls."""

    status = 503
    reason = "draining"


class NoRoute(CallRefused):
    """No route matches the called number and trunk."""

    status = 404
    reason = "no-route"


class Unresolved(CallRefused):
    """No route matches, and the control plane has nobody who answers.

    :param status: of SIP
    :param reason: endedReason, or why the control plane could not be asked
    """

    def __init__(self, message: str, *, status: int, reason: str, retry_after: int | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.reason = reason


class LegError(ParleyError):
    """A leg could not do what was asked."""


class DialRefused(ParleyError):
    """An outbound call was not placed, or was not answered."""


class NotRegistered(DialRefused):
    """The trunk of an outbound call is not registered now."""


class OnDoNotCallList(DialRefused):
    """Whoever would be called does not want that."""


class UnknownMember(ParleyError):
    """A destination names an assistant that this call does not have."""


class InvalidControl(ParleyError):
    """A message of live control is not valid; says every problem with its place."""


class NotLive(ParleyError):
    """There is no such live call, or it is not in a state in which it can do what was asked."""


class NoGateway(ParleyError):
    """No gateway runs here that could be controlled."""


class LinkError(ParleyError):
    """The stream between gateway and worker failed."""


class PlaneAway(ParleyError):
    """The gateway has no control plane now, or it did not answer in time."""


class CommandRefused(ParleyError):
    """A gateway refuses a command.

    :param status: HTTP status that fits: 404 no such call, 409 not now, 503 no place, 504 no answer in time
    """

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class ApiError(ParleyError):
    """A request is refused. The answer's body is `{"message": …, "error": …, "statusCode": …}`.

    :param problems: one sentence, or a list of those that each begin with the path of what is wrong in the body:
        "model.messages.0.role must be one of …"
    :param retry_after: seconds for the Retry-After header, None for no header
    """

    status = 500

    def __init__(self, problems: str | Sequence[str], *, retry_after: int | None = None) -> None:
        self.message: str | list[str] = problems if isinstance(problems, str) else list(problems)
        super().__init__(problems if isinstance(problems, str) else "; ".join(problems))
        self.retry_after = retry_after


class BadRequest(ApiError):
    """The request is not valid."""

    status = 400


class Unauthorized(ApiError):
    """There is no key, or one that is not known or was revoked."""

    status = 401


class Forbidden(ApiError):
    """The key may not do this."""

    status = 403


class NotFound(ApiError):
    """There is no such thing in this organisation."""

    status = 404


class Conflict(ApiError):
    """It cannot be done as things are now."""

    status = 409


class Gone(ApiError):
    """It was there, and the settings had it deleted."""

    status = 410


class TooLarge(ApiError):
    """More bytes than are taken."""

    status = 413


class UnsupportedMedia(ApiError):
    """The body is of a type that is not read here."""

    status = 415


class Unprocessable(ApiError):
    """The idempotency key was used for another request."""

    status = 422


class TooManyCalls(ApiError):
    """The organisation has as many calls as it may have, or began as many in this second."""

    status = 429


class Unavailable(ApiError):
    """It cannot be done now; nothing was done."""

    status = 503


class ForbiddenAddress(ParleyError):
    """A URL that a user wrote leads to an address that is not public, and that egress.allow does not name."""


class SigningError(ParleyError):
    """A request to a user's server cannot be signed with the credential that the server names."""


class ResponseTooLarge(ParleyError):
    """A server that a user named answered with more than is read."""


class StoreError(ParleyError):
    """The database cannot be used, or not as asked."""


class StorageAway(ParleyError):
    """The storage of recordings does not answer, or refuses."""


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
