"""The recipe as far as seconds allow: what it refuses, where it fails, and what it finds in the cache."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.errors import SetupError
from gateway.sip.native import recipe, toolchain
from gateway.sip.native.__main__ import main
from gateway.sip.native.wheel import wheel_tag

VERSION_MAK = "export PJ_VERSION_MAJOR  := 9\nexport PJ_VERSION_MINOR  := 8\nexport PJ_VERSION_REV    :=\n"

MakeArchive = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return recipe.cache_folder()


@pytest.fixture
def make_archive(tmp_path: Path) -> MakeArchive:
    """Makes an archive of source files."""

    def make(files: dict[str, str]) -> Path:
        path = tmp_path / "source.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, text in files.items():
                member = tarfile.TarInfo(f"pjproject-9.8/{name}")
                member.size, member.mode = len(text), 0o755
                archive.addfile(member, io.BytesIO(text.encode()))
        return path

    return make


@pytest.fixture
def compiler() -> None:
    missing = [tool for tool in toolchain.TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"this machine has no {' '.join(missing)}")


def pjproject_files(configure: str) -> dict[str, str]:
    return {
        "version.mak": VERSION_MAK,
        "configure": f"#!/bin/sh\n{configure}\n",
        "pjlib/include/pj/config.h": "",
        "pjmedia/src/pjmedia-audiodev/null_dev.c": "",
        "pjsip/src/pjsua2/endpoint.cpp": "",
    }


def shelve(source: str) -> Path:
    """Puts a wheel where the recipe looks for the one of `source`."""
    shelf = recipe.cache_folder() / "wheels" / recipe.wheel_key(source, None)
    shelf.mkdir(parents=True)
    path = shelf / f"pjsua2-9.8+parley.x-{wheel_tag()}.whl"
    path.touch()
    return path


def test_a_wheel_in_the_cache_needs_no_compiler_and_no_source(empty_path: Path, tmp_path: Path) -> None:
    kept = shelve("https://nowhere.example/pjproject.tar.gz")
    assert recipe.ensure(source="https://nowhere.example/pjproject.tar.gz") == kept


def test_another_source_or_checksum_is_another_wheel(make_archive: MakeArchive) -> None:
    archive = make_archive({"a": "1"})
    keys = {recipe.wheel_key(None, None), recipe.wheel_key(str(archive), None), recipe.wheel_key(str(archive), "00")}
    make_archive({"a": "a longer file"})
    keys.add(recipe.wheel_key(str(archive), None))
    assert len(keys) == 4


def test_a_machine_without_a_compiler_is_told_before_anything_is_fetched(empty_path: Path, cache: Path) -> None:
    with pytest.raises(SetupError, match=r"apt-get install .*build-essential"):
        recipe.ensure()
    assert not (cache / "sources").exists()


@pytest.mark.usefixtures("compiler")
def test_an_archive_of_something_else_is_refused(make_archive: MakeArchive) -> None:
    with pytest.raises(SetupError, match="not an archive of pjproject"):
        recipe.ensure(source=str(make_archive({"README": "hello"})))


@pytest.mark.usefixtures("compiler")
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with pytest.raises(SetupError, match="cannot be unpacked"):
        recipe.ensure(source=str(tmp_path / "text"))


@pytest.mark.usefixtures("compiler")
def test_a_build_that_fails_names_its_stage_and_its_log(make_archive: MakeArchive, cache: Path) -> None:
    archive = make_archive(pjproject_files("echo no such luck; exit 1"))
    with pytest.raises(SetupError, match=r"\(configure pjproject\)"):
        recipe.ensure(source=str(archive))
    (log,) = (cache / "logs").iterdir()
    assert "no such luck" in log.read_text()


@pytest.mark.usefixtures("compiler")
def test_a_pjproject_without_tls_is_not_built(make_archive: MakeArchive) -> None:
    files = pjproject_files("exit 0") | {
        "pjlib/include/pj/compat/os_auto.h": "#define PJ_HAS_SSL_SOCK 0\n",
        "pjmedia/include/pjmedia-codec/config_auto.h": "#define PJMEDIA_HAS_OPUS_CODEC 1\n",
    }
    with pytest.raises(SetupError, match="PJ_HAS_SSL_SOCK"):
        recipe.ensure(source=str(make_archive(files)))


def test_the_installed_wheel_is_not_installed_again() -> None:
    version = recipe.installed_version()
    if version is None:
        pytest.skip("pjsua2 is not installed")
    assert recipe.install(Path(f"pjsua2-{version}-{wheel_tag()}.whl")) is False


def test_the_command_prints_where_the_wheel_is(capsys: pytest.CaptureFixture[str]) -> None:
    kept = shelve("https://nowhere.example/pjproject.tar.gz")
    assert main(["build", "--source", "https://nowhere.example/pjproject.tar.gz"]) == 0
    assert capsys.readouterr().out.strip() == str(kept)


def test_the_command_says_what_is_missing(capsys: pytest.CaptureFixture[str], empty_path: Path) -> None:
    assert main(["build"]) == 1
    assert "apt-get install" in capsys.readouterr().err
