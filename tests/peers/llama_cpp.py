"""llama.cpp's own HTTP server, an OpenAI-compatible server made by others, out of a wheel from PyPI (xllamacpp).

The model that it serves is made here (`bakery_model`): a language model of a few hundred tokens that answers as it is
meant to. Tokenizer, chat template, sampling, tool call parser, slots, cache, errors and events are llama.cpp's.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.peers.cache import exclusive, peers_folder
from tests.peers.missing import PeerMissing
from tests.peers.ports import LOOPBACK, free_port
from tests.peers.process import ChildProcess, PeerFailed

REQUIREMENTS = ("xllamacpp==2026.10.11549", "gguf==0.19.0")
"""The server, and what writes its model files."""
KEY = "llama-key"
CONTEXT_TOKENS = 1024
_HERE = Path(__file__).parent


def llama_cpp_folder() -> Path:
    """The folder with the packages, and the model in it; made on first use.

    :raises PeerMissing: when the wheels cannot be installed
    """
    folder = peers_folder() / f"llama-cpp-{sys.version_info.major}.{sys.version_info.minor}"
    receipt, wanted = folder / ".requirements", "\n".join([*REQUIREMENTS, (_HERE / "bakery_model.py").read_text()])
    with exclusive("llama-cpp"):
        if receipt.exists() and receipt.read_text() == wanted:
            return folder
        # What gguf needs beside is here already, or is for its commands only.
        pip = ["-m", "pip", "install", "-q", "--upgrade", "--no-deps", "--only-binary=:all:", "--target", str(folder)]
        for command in ([*pip, *REQUIREMENTS], [str(_HERE / "bakery_model.py"), str(model_file(folder))]):
            done = subprocess.run(
                [sys.executable, *command], env=_environment(folder), capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise PeerMissing(f"llama.cpp ({REQUIREMENTS[0]}) cannot be installed: {done.stderr.strip()[-300:]}")
        receipt.write_text(wanted)
    return folder


def model_file(folder: Path) -> Path:
    """The model in the folder of the packages."""
    return folder / "bakery.gguf"


@dataclass(frozen=True, slots=True)
class LlamaCpp:
    """A running server. It wants `KEY`."""

    port: int

    @property
    def url(self) -> str:
        """The base, up to and with /v1."""
        return f"http://{LOOPBACK}:{self.port}/v1"

    async def slots(self) -> list[dict[str, Any]]:
        """What it works on, in its own words: one entry for each request that fits."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(
                f"http://{LOOPBACK}:{self.port}/slots", headers={"Authorization": f"Bearer {KEY}"}
            )
        found: list[dict[str, Any]] = answer.json()
        return found

    async def idle(self, *, seconds: float = 5) -> None:
        """:raises TimeoutError: it still works on something"""
        async with asyncio.timeout(seconds):
            while any(slot["is_processing"] for slot in await self.slots()):  # noqa: ASYNC110  another process works
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running_llama_cpp(folder: Path) -> AsyncIterator[LlamaCpp]:
    """llama.cpp while the block runs, its log in `folder`.

    :raises PeerMissing: when it cannot be installed
    :raises PeerFailed: when it does not start
    """
    packages = await asyncio.to_thread(llama_cpp_folder)
    server = LlamaCpp(free_port())
    arguments = [str(model_file(packages)), str(server.port), KEY, str(CONTEXT_TOKENS)]
    child = await ChildProcess.start(
        [sys.executable, str(_HERE / "llama_cpp_server.py"), *arguments],
        log=folder / "llama.log",
        env=_environment(packages),
    )
    try:
        await _ready(server, child)
        yield server
    finally:
        await child.stop()


async def _ready(server: LlamaCpp, child: ChildProcess) -> None:
    for _ in range(200):
        child.require_running()
        try:
            await server.slots()
        except httpx.TransportError:
            await asyncio.sleep(0.1)
        else:
            return
    raise PeerFailed(f"llama.cpp is not ready after 20 s.\n{child.tail()}")


def _environment(packages: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(packages), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
