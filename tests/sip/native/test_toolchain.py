"""What is said when the machine cannot compile."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

import pytest

from gateway.errors import SetupError
from gateway.sip.native import toolchain


def test_missing_programs_are_named_by_their_packages(empty_path: Path) -> None:
    with pytest.raises(SetupError) as error:
        toolchain.check(from_debian=True)
    assert str(error.value).endswith("run `apt-get install apt build-essential swig`.")


def test_missing_headers_are_named_by_their_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if any(shutil.which(tool) is None for tool in toolchain.TOOLS):
        pytest.skip("this machine cannot compile")
    monkeypatch.setitem(toolchain.HEADERS, "no/such/header.h", "libnone-dev")
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    with pytest.raises(SetupError, match=r"libnone-dev.*python3\.\d+-dev"):
        toolchain.check(from_debian=False)
