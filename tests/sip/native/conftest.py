"""The C rings, compiled by themselves: they need neither pjproject nor a clock."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.sip.native.extension import BRIDGE, BRIDGE_FLAGS

PURE = ("playout", "ticks", "gate", "level", "keytones")


@pytest.fixture(scope="session")
def rings(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The sources of PURE as a library, with the checks of the undefined-behaviour sanitizer."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed")
    library = tmp_path_factory.mktemp("rings") / "rings.so"
    sources = [str(BRIDGE / f"{name}.c") for name in PURE]
    checks = ["-fsanitize=undefined", "-fno-sanitize-recover", "-static-libubsan"]
    command = ["gcc", *BRIDGE_FLAGS, *checks, "-shared", "-fPIC", "-o", str(library), *sources, "-lpthread", "-lm"]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(library))


@pytest.fixture
def empty_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine on which no program is installed."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path
