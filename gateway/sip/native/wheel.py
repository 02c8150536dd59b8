"""Writes a binary wheel (PEP 427) from files that are there already."""

from __future__ import annotations

import base64
import hashlib
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

NAME = "pjsua2"
EARLIEST = (1980, 1, 1, 0, 0, 0)
"""Time stamp of every member, so that the same build gives the same wheel."""


def wheel_tag() -> str:
    """Python, ABI and platform of the running interpreter, such as cp311-cp311-linux_x86_64."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    return f"{python}-{python}{sys.abiflags}-{platform}"


def write_wheel(folder: Path, *, version: str, files: Mapping[str, Path], license_file: Path) -> Path:
    """Packs `files` (name in the wheel to file) as the distribution pjsua2; returns the wheel."""
    info = f"{NAME}-{version}.dist-info"
    members = {name: path.read_bytes() for name, path in files.items()}
    members[f"{info}/licenses/COPYING"] = license_file.read_bytes()
    members[f"{info}/METADATA"] = _metadata(version).encode()
    members[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: parley\nRoot-Is-Purelib: false\nTag: {wheel_tag()}\n".encode()
    )
    record = [_record_line(name, content) for name, content in members.items()]
    members[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NAME}-{version}-{wheel_tag()}.whl"
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            member = zipfile.ZipInfo(name, EARLIEST)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(member, content)
    return part.rename(path)


def _metadata(version: str) -> str:
    return (
        f"Metadata-Version: 2.4\nName: {NAME}\nVersion: {version}\n"
        "Summary: PJSUA2 of pjproject for Python, with Parley's media bridge\n"
        "License-Expression: GPL-2.0-or-later AND Apache-2.0\nLicense-File: COPYING\n"
    )


def _record_line(name: str, content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(content)}"
