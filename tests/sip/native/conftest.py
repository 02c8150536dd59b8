"""The C rings and the rules of the jitter buffer, compiled by themselves: they need neither pjproject nor a clock."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.sip.native.extension import BRIDGE, BRIDGE_FLAGS
from gateway.sip.native.pjproject import JITTER

PURE = ("playout", "ticks", "gate", "level", "keytones")


@pytest.fixture(scope="session")
def rings(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The sources of PURE as a library."""
    return _compiled([BRIDGE / f"{name}.c" for name in PURE], tmp_path_factory.mktemp("rings"))


@pytest.fixture(scope="session")
def jitter(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The rules of the jitter buffer as a library."""
    return _compiled([Path(__file__).with_name("jitter.c")], tmp_path_factory.mktemp("jitter"))


def _compiled(sources: list[Path], folder: Path) -> ctypes.CDLL:
    """A library with the checks of the undefined-behaviour sanitizer."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    library = folder / "library.so"
    flags = [*BRIDGE_FLAGS, f"-I{JITTER}", "-fsanitize=undefined", "-fno-sanitize-recover", "-static-libubsan"]
    command = ["gcc", *flags, "-shared", "-fPIC", "-o", str(library), *map(str, sources), "-lpthread", "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which no program is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path
