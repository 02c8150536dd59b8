"""Vapi's official SDKs, each in a folder of its own: the Python one wants other versions of packages than Parley."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.peers.cache import exclusive, peers_folder
from tests.peers.missing import PeerMissing

PYTHON_SDK = "vapi_server_sdk==3.0.0"
TYPESCRIPT_SDK = "@vapi-ai/server-sdk@2.0.1"


def vapi_python() -> Path:
    """The interpreter that has the Python SDK, made on first use.

    :raises PeerMissing: when it cannot be installed
    """
    folder = peers_folder() / f"vapi-python-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin/python"
    install = [str(python), "-m", "pip", "install", "-q", "--only-binary=:all:", PYTHON_SDK]
    _once("vapi-python", folder, PYTHON_SDK, [[sys.executable, "-m", "venv", "--clear", str(folder)], install])
    return python


def vapi_typescript() -> Path:
    """The folder whose node_modules has the TypeScript SDK, made on first use.

    :raises PeerMissing: when there is no npm, or it cannot be installed
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PeerMissing("the TypeScript SDK needs npm; install Node.js 20 or newer")
    folder = peers_folder() / "vapi-typescript"
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), TYPESCRIPT_SDK]
    _once("vapi-typescript", folder, TYPESCRIPT_SDK, [install])
    return folder


def _once(name: str, folder: Path, wanted: str, commands: list[list[str]]) -> None:
    receipt = folder / ".requirement"
    with exclusive(name):
        if receipt.exists() and receipt.read_text() == wanted:
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}\n')
        for command in commands:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise PeerMissing(f"{wanted} cannot be installed: {done.stderr.strip()[-300:]}")
        receipt.write_text(wanted)
