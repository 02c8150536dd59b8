"""Shakes hands by TLS, as the stack would, to see why it would refuse."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from gateway.doctor.encryption import Certificate, Handshake
from gateway.errors import ConfigError
from gateway.sip.certificates import TlsFiles
from gateway.trunk.targets import Target

_SECONDS = 6.0


def make_context(files: TlsFiles) -> ssl.SSLContext:
    """A client's, with our certificate, believing whom the settings name.

    :raises ConfigError: when a file cannot be used
    """
    files.check(datetime.datetime.now(datetime.UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if files.authorities is not None:
        context.load_verify_locations(files.authorities)
    if files.certificate_file is not None and files.key_file is not None:
        context.load_cert_chain(files.certificate_file, files.key_file)
    return context


def believing_anybody(context: ssl.SSLContext) -> ssl.SSLContext:
    """The same context without verification."""
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def shake_hands(target: Target, name: str, files: TlsFiles) -> Handshake:
    """A handshake, and where it is refused another that believes anybody, to see whom.

    :param name: who the certificate must be for
    :raises ConfigError: when one of our files cannot be used
    """
    about = f"{name}:{target.port}"
    code, reason = 0, ""
    try:
        return await _shake(target, about, name, make_context(files))
    except ssl.SSLCertVerificationError as error:
        code, reason = error.verify_code, error.verify_message
    except (OSError, TimeoutError) as error:
        return Handshake(about, name, problem=_word(error))
    try:
        seen = await _shake(target, about, name, believing_anybody(make_context(files)))
    except (OSError, TimeoutError) as error:
        return Handshake(about, name, problem=_word(error))
    return Handshake(about, name, seen.version, seen.certificate, code, reason)


async def _shake(target: Target, about: str, name: str, context: ssl.SSLContext) -> Handshake:
    async with asyncio.timeout(_SECONDS):
        _, writer = await asyncio.open_connection(target.address, target.port, ssl=context, server_hostname=name)
    try:
        tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
        encoded = tls.getpeercert(binary_form=True)
        assert encoded is not None, "a server has a certificate"
        return Handshake(about, name, tls.version() or "", read(x509.load_der_x509_certificate(encoded)))
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), 1)


def own(files: TlsFiles) -> tuple[Certificate | None, str]:
    """Our certificate, None without one, and the sentence that tells why its files cannot be used."""
    try:
        files.check(datetime.datetime.now(datetime.UTC))
    except ConfigError as error:
        return None, str(error)
    return (_of(files.certificate_file), "") if files.certificate_file else (None, "")


def _of(path: Path) -> Certificate:
    return read(x509.load_pem_x509_certificates(path.read_bytes())[0])


def read(certificate: x509.Certificate) -> Certificate:
    """What is told of a certificate."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        subjects = [str(one.value) for one in names]
    except x509.ExtensionNotFound:
        subjects = _common_names(certificate.subject)
    issuer = ", ".join(_common_names(certificate.issuer)) or certificate.issuer.rfc4514_string()
    return Certificate(tuple(subjects), issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def _common_names(name: x509.Name) -> list[str]:
    return [str(one.value) for one in name.get_attributes_for_oid(NameOID.COMMON_NAME)]


def _word(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()
