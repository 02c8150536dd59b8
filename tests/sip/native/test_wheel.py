"""The wheel that the recipe writes."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gateway.sip.native.wheel import wheel_tag, write_wheel


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    module, shared = tmp_path / "module.py", tmp_path / "shared.so"
    module.write_text("ANSWER = 42\n")
    shared.write_bytes(b"\x7fELF")
    return {"pjsua2.py": module, "_pjsua2.so": shared}


@pytest.fixture
def wheel(files: dict[str, Path], tmp_path: Path) -> Path:
    terms = tmp_path / "COPYING"
    terms.write_text("GPL")
    return write_wheel(tmp_path / "shelf", version="2.17+parley.abc", files=files, license_file=terms)


def test_it_is_named_for_this_python(wheel: Path) -> None:
    assert wheel.name == f"pjsua2-2.17+parley.abc-{wheel_tag()}.whl"
    assert f"cp{sys.version_info.major}{sys.version_info.minor}-" in wheel.name


def test_pip_installs_it_and_finds_every_file_in_its_record(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(target)]
    subprocess.run([*command, str(wheel)], check=True)
    assert (target / "pjsua2.py").read_text() == "ANSWER = 42\n"
    (distribution,) = importlib.metadata.distributions(path=[str(target)])
    assert distribution.version == "2.17+parley.abc"
    assert distribution.metadata["License-Expression"] == "GPL-2.0-or-later AND Apache-2.0"
    assert {str(file) for file in distribution.files or []} >= {"pjsua2.py", "_pjsua2.so"}


def test_the_same_files_give_the_same_wheel(files: dict[str, Path], wheel: Path, tmp_path: Path) -> None:
    again = write_wheel(tmp_path / "other", version="2.17+parley.abc", files=files, license_file=tmp_path / "COPYING")
    assert again.read_bytes() == wheel.read_bytes()


def test_the_terms_of_pjproject_travel_with_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("pjsua2-2.17+parley.abc.dist-info/licenses/COPYING") == b"GPL"
