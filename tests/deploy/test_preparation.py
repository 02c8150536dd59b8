"""What `make` does to a machine, and what it says to one that it cannot prepare."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-build.txt", "requirements-providers.txt", "requirements-dev.txt")


def programs(folder: Path, *names: str) -> Path:
    """A folder with nothing but these programs: the PATH of a poor machine."""
    folder.mkdir()
    for name in names:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    return folder


def prepare(path: Path, venv: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", str(ROOT / "deploy" / "system.sh"), str(venv)],
        env={"PATH": str(path), "HOME": os.environ.get("HOME", "/"), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_pinned_by_version_and_hash(lock: str) -> None:
    text = (ROOT / lock).read_text()
    requirements = re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip())
    assert requirements
    for requirement in requirements:
        assert re.match(r"[\w.\[\]-]+==\S+", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place_to_fetch_from(lock: str) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", (ROOT / lock).read_text())


def test_the_locks_agree() -> None:
    pins: dict[str, set[str]] = {}
    for lock in LOCKS:
        for line in re.findall(r"^[\w.\[\]-]+==[^\\\n]+", (ROOT / lock).read_text(), re.MULTILINE):
            name, _, rest = line.partition("==")
            pins.setdefault(f"{name} {rest.partition(';')[2].strip()}", set()).add(rest.split()[0])
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_a_system_that_is_no_debian_is_told_what_to_install(tmp_path: Path) -> None:
    done = prepare(programs(tmp_path / "bin", "id", "cat"), tmp_path / "venv")
    assert done.returncode == 1
    assert done.stderr.startswith("This is no Debian: install Python 3.11 or newer with headers, a C compiler, swig")
    assert done.stderr.rstrip().endswith("podman build -f deploy/Containerfile -t parley .")
    assert done.stderr.count("\n") == 1


def test_without_root_or_sudo_the_missing_packages_are_named(tmp_path: Path) -> None:
    folder = programs(tmp_path / "bin", "cat", "grep")
    for name, text in {"id": "echo 1000", "apt-get": "exit 1", "dpkg-query": "exit 1"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    done = prepare(folder, tmp_path / "venv")
    assert done.returncode == 1
    assert done.stderr.startswith("Missing: build-essential swig libssl-dev")
    assert "neither root nor sudo" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_a_prepared_machine_gets_its_environment_with_the_chosen_python(tmp_path: Path) -> None:
    if not shutil.which("dpkg-query"):
        pytest.skip("not Debian")
    base = getattr(sys, "_base_executable", sys.executable)
    path = Path(os.environ["PATH"].split(":")[0])
    done = prepare(path, tmp_path / "venv", PATH=os.environ["PATH"], PARLEY_PYTHON=base)
    assert done.returncode == 0, done.stderr
    made = subprocess.run([tmp_path / "venv/bin/python", "--version"], capture_output=True, text=True, check=True)
    assert made.stdout.split()[1] == sys.version.split()[0]


def test_ci_prints_the_closing_line_of_pytest_last_and_keeps_the_status(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci" / "run")
    (tmp_path / "Makefile").write_text(
        "test:\n\t@echo CI=$$CI\n\t@echo '== 1 failed, 2 passed, 1 warning in 3.21s (0:00:03) =='\n\t@exit 3\n"
    )
    done = subprocess.run(["bash", ".ci/run"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "CI=true" in done.stdout
    assert done.stdout.splitlines()[-1] == "== 1 failed, 2 passed, 1 warning in 3.21s (0:00:03) =="
