"""TLS at a trunk: its certificate, the protocol, and our own certificate. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from gateway.doctor.finding import Finding, failed, ok, warning

_SOON = timedelta(days=21)
_NAME, _ADDRESS, _EXPIRED, _NOT_YET = 62, 64, 10, 9
_SELF_SIGNED = (18, 19)
_NO_ISSUER = (2, 20, 21)
"""X509_V_ERR_… of OpenSSL."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate: whom it is for, who signed it, and from when to when it is valid."""

    names: tuple[str, ...]
    issuer: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a handshake gave. `code` is OpenSSL's of the verification, 0 when it is trusted; `problem` is told when
    there was no handshake at all. `name` is who the certificate must be for."""

    target: str
    name: str
    version: str = ""
    certificate: Certificate | None = None
    code: int = 0
    reason: str = ""
    problem: str = ""


def judge_handshake(shake: Handshake, now: datetime, *, verify: bool) -> Finding:
    """:param verify: whether the trunk's certificate is to be believed only when it proves right"""
    if shake.certificate is None:
        return failed(
            "TLS", shake.target, f"No handshake: {shake.problem}.",
            "Does the far end speak TLS 1.2 or 1.3 at this port? Asterisk: a transport with protocol=tls, cert_file and"
            " method=tlsv1_2; FreeSWITCH: tls=true, tls-sip-port 5061; Kamailio: enable_tls and tls.cfg. One that asks"
            " for our certificate closes without it: tls.certificate_file and key_file of the trunk.",
        )  # fmt: skip
    if shake.code and verify:
        found, remedy = _refused(shake, shake.certificate)
        return failed("TLS", shake.target, found, remedy)
    lasts = f"{shake.version}, certificate of {_told(shake.certificate)} by {shake.certificate.issuer}"
    if shake.code:
        return warning(
            "TLS", shake.target, f"{lasts}; it does not verify ({shake.reason}), and tls.verify is false.",
            "Anybody on the way can pose as this trunk: name the authority in tls.ca_file and verify.",
        )  # fmt: skip
    if shake.certificate.not_after - now < _SOON:
        return warning(
            "TLS", shake.target, f"{lasts}; it expires on {shake.certificate.not_after:%Y-%m-%d}.",
            "Have it renewed at the far end.",
        )  # fmt: skip
    return ok("TLS", shake.target, f"{lasts}, valid until {shake.certificate.not_after:%Y-%m-%d}.")


def _refused(shake: Handshake, certificate: Certificate) -> tuple[str, str]:
    until = f"{certificate.not_after:%Y-%m-%d}"
    if shake.code in (_NAME, _ADDRESS):
        return (
            f"The certificate is for {_told(certificate)}, not for {shake.name}.",
            f"Name the trunk's host as the certificate does, or have one issued that names {shake.name} as a subject"
            " alternative name.",
        )
    if shake.code == _EXPIRED:
        return f"The certificate expired on {until}.", "Renew it at the far end; is our clock right?"
    if shake.code == _NOT_YET:
        return f"The certificate is valid from {certificate.not_before:%Y-%m-%d} only.", "Is our clock right?"
    if shake.code in _SELF_SIGNED or shake.code in _NO_ISSUER:
        return (
            f"Nobody whom we trust signed the certificate; {certificate.issuer} did.",
            "Name the file with that authority (PEM) as tls.ca_file of the trunk, or let the far end send the"
            " certificates between (its cert_file holds the whole chain).",
        )
    return f"The certificate does not verify: {shake.reason}.", "Look at the chain: `openssl s_client -connect`."


def judge_own(about: str, certificate: Certificate | None, problem: str, now: datetime) -> Iterator[Finding]:
    """Our certificate, where there is one.

    :param problem: a sentence when its files cannot be used
    """
    if problem:
        yield failed("our certificate", about, problem, "Renew it, or correct the names of its files.")
    elif certificate is not None and certificate.not_after - now < _SOON:
        yield warning(
            "our certificate", about, f"It expires on {certificate.not_after:%Y-%m-%d}.",
            "Renew it; a SIGHUP makes the gateway read it anew.",
        )  # fmt: skip
    elif certificate is not None:
        yield ok("our certificate", about, f"{_told(certificate)}, valid until {certificate.not_after:%Y-%m-%d}.")


def _told(certificate: Certificate) -> str:
    return ", ".join(certificate.names[:4]) or "nobody"
