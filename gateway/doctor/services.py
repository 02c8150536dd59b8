"""What Parley itself needs beside SIP: workers, models, the control plane, the store, users' servers. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.doctor.finding import Finding, failed, ok, skipped, warning


def judge_connection(check: str, about: str, problem: str, remedy: str) -> Finding:
    """A host that must take connections.

    :param problem: why it does not, empty when it does
    """
    return failed(check, about, f"No connection: {problem}.", remedy) if problem else ok(check, about, "It answers.")


def judge_gateway(ready: str | None) -> Finding:
    """The gateway that runs with these settings.

    :param ready: what its /readyz says when it is not ready, empty when it is; None when it does not answer
    """
    if ready is None:
        return warning(
            "gateway", "", "It runs, and its http.port does not answer.", "Look at its log, and at http.host and port."
        )
    if ready:
        return failed("gateway", "", f"It runs and takes no calls: {ready}.", "Look at its log.")
    return ok("gateway", "", "It runs and takes calls.")


def judge_models(missing: Sequence[str]) -> Finding:
    """The embedded speech models.

    :param missing: their names
    """
    if missing:
        return warning(
            "models", "", f"Missing: {', '.join(missing)}.",
            "Run `parley setup --no-native`; assistants whose providers are all elsewhere need only the VAD's.",
        )  # fmt: skip
    return ok("models", "", "They are all there.")


def judge_store(about: str, problem: str | None) -> Finding:
    """The database.

    :param problem: why it cannot be used, empty when it can; None when it is SQLite, which the data directory tells of
    """
    if problem is None:
        return skipped("database", about, "SQLite in a file, as good as its directory.")
    if problem:
        return failed("database", about, f"It cannot be used: {problem}.", "Correct store.url, or start the database.")
    return ok("database", about, "It answers.")


def judge_routes(routes: int, *, api: bool) -> Finding:
    """Whether any call can be answered."""
    if routes or api:
        return ok("routes", "", f"{routes} in the settings{', and the numbers of the API' if api else ''}.")
    return failed("routes", "", "There are none: every call is refused with 404.", "Write routes, or enable the API.")
