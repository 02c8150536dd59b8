"""What a registrar's answer means, and what to change. Pure."""

from __future__ import annotations

from gateway.doctor.finding import Finding, failed, ok, skipped, warning
from gateway.trunk.registration import RegistrationState

_CREDENTIALS = (
    "Compare username, password and realm with the PBX's. Asterisk: the auth section named by the endpoint (`pjsip show"
    " auth NAME`), with username = ours; FreeSWITCH: the user's password parameter in the directory; Kamailio: the"
    " subscriber table, whose domain must be the realm. Another realm than the challenge's is never answered: leave"
    " realm out."
)
_MEANING: dict[int, tuple[str, str]] = {
    401: ("The registrar does not believe the password.", _CREDENTIALS),
    407: ("The registrar does not believe the password.", _CREDENTIALS),
    403: (
        "The registrar forbids it: a wrong password, or this address may not register.",
        _CREDENTIALS + " An acl or a ban (fail2ban) by address answers so, too.",
    ),
    404: (
        "The registrar does not know the user.",
        "Make the account there, or correct username and domain. Asterisk: there must be an aor section of the user's"
        " name, and the endpoint must name it in aors.",
    ),
    423: (
        "The registrar wants a longer interval.",
        "Raise register_seconds, or lower the registrar's minimum (Asterisk: minimum_expiration of the aor).",
    ),
    408: (
        "The registrar does not answer.",
        "Look at the reachability of the trunk above: address, transport, firewall; a ban for earlier wrong passwords"
        " drops without a word.",
    ),
    503: ("The registrar says that it cannot serve now.", "Look at the registrar; Parley goes on trying."),
}
_NOT_YET = ("Nothing came back to REGISTER within the time.", _MEANING[408][1])


def judge_registration(about: str, state: RegistrationState | None) -> Finding:
    """:param about: the trunk
    :param state: None for a trunk without a registrar
    """
    if state is None:
        return skipped("registration", about, "The trunk registers nowhere.")
    if state.registered:
        return ok("registration", about, f"Registered for {state.expires_seconds} s ({state.status} {state.reason}).")
    found, remedy = _MEANING.get(state.status, _NOT_YET if not state.status else (_other(state), _MEANING[408][1]))
    told = f" It said {state.status} {state.reason}." if state.status else ""
    judged = warning if state.status == 503 else failed
    return judged("registration", about, f"{found}{told}", remedy)


def _other(state: RegistrationState) -> str:
    kind = "The registrar refuses." if 400 <= state.status < 700 else "The registration failed."
    return f"{kind} Attempts in a row that failed: {state.failures}."
