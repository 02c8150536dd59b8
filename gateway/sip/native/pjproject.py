"""Configures and compiles pjproject's libraries. The compiled tree is kept for its source and settings."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from gateway.errors import SetupError
from gateway.sip.native.buildlog import BuildLog
from gateway.sip.native.patches import PATCHES
from gateway.sip.native.source import Tarball

CONFIG_SITE = Path(__file__).with_name("config_site.h")
JITTER = Path(__file__).with_name("jitter")
"""Headers that the patched pjmedia includes, as `pjmedia/parley_….h`."""

CONFIGURE = (
    "--enable-epoll",
    "--disable-sound",
    "--disable-video",
    "--disable-libwebrtc",
    "--disable-libwebrtc-aec3",
    "--disable-speex-codec",
    "--disable-speex-aec",
    "--disable-ilbc-codec",
    "--disable-gsm-codec",
    "--disable-g7221-codec",
    "--disable-l16-codec",
    "--disable-libyuv",
    "--disable-bcg729",
    "--disable-silk",
    "--disable-resample",
    "--enable-libsamplerate",
    "--with-external-srtp",
    "--disable-upnp",
)
COMPILER_FLAGS = "-O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2"
"""It parses what strangers send."""

EMPTY_FILES = ("pjmedia/src/pjmedia-audiodev/bdimad_dev.c",)
"""Named by the makefiles, without effect on Linux, and taken out of Debian's archive."""

EXPECTED = {
    "pjlib/include/pj/compat/os_auto.h": ("PJ_HAS_SSL_SOCK 1", "PJ_IOQUEUE_IMP PJ_IOQUEUE_IMP_EPOLL"),
    "pjmedia/include/pjmedia-codec/config_auto.h": ("PJMEDIA_HAS_OPUS_CODEC 1",),
}
"""What configure must have found; it goes on without what it does not find."""

COMPILED = ".compiled"


def compile_tree(tarball: Tarball, *, folder: Path, jobs: int, log: BuildLog) -> Path:
    """The compiled source tree, made now or before.

    :param folder: keeps the trees
    :raises SetupError: when it does not compile
    """
    tree = folder / _key(tarball)
    if (tree / COMPILED).exists():
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    with log.stage("unpack the source"):
        _unpack(tarball, tree)
    with log.stage("configure pjproject"):
        environment = {"CFLAGS": COMPILER_FLAGS, "CXXFLAGS": COMPILER_FLAGS}
        log.run(["./configure", *CONFIGURE], cwd=tree, environment=environment)
        _check_configuration(tree)
    with log.stage("find dependencies"):
        log.run(["make", "dep"], cwd=tree)
    with log.stage("compile pjproject") as advance:
        log.run(["make", f"-j{jobs}", "lib"], cwd=tree, on_line=_count_objects(tree, advance))
    (tree / COMPILED).touch()
    return tree


def version(tree: Path) -> str:
    """pjproject's version, such as 2.17."""
    text = (tree / "version.mak").read_text()
    parts = dict(re.findall(r"^export PJ_VERSION_(MAJOR|MINOR|REV)\s*:=\s*(\d*)", text, re.MULTILINE))
    return ".".join(part for part in (parts["MAJOR"], parts["MINOR"], parts.get("REV")) if part)


def _key(tarball: Tarball) -> str:
    settings = [tarball.sha256, CONFIG_SITE.read_text(), *CONFIGURE, COMPILER_FLAGS, platform.machine()]
    settings += [word for patch in PATCHES for word in patch]
    settings += [path.read_text() for path in sorted(JITTER.glob("*.h"))]
    return hashlib.sha256("\0".join(settings).encode()).hexdigest()[:16]


def _unpack(tarball: Tarball, tree: Path) -> None:
    """:raises SetupError: when the archive is not pjproject's source"""
    part = tree.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with tarfile.open(tarball.path) as archive:
            # Set this way and not as an argument, because Debian 12's Python 3.11.2 has no filters.
            archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
            archive.extractall(part)  # noqa: S202  filtered where Python can, from a signed source package
    except tarfile.TarError as error:
        raise SetupError(f"{tarball.path} cannot be unpacked: {error}.") from error
    roots = [path.parent for path in part.glob("*/version.mak")]
    if not roots:
        raise SetupError(f"{tarball.path} is not an archive of pjproject: it has no version.mak in its one folder.")
    roots[0].rename(tree)
    shutil.rmtree(part)
    shutil.copy(CONFIG_SITE, tree / "pjlib/include/pj/config_site.h")
    (tree / "pjmedia/include/pjmedia").mkdir(parents=True, exist_ok=True)
    for path in JITTER.glob("*.h"):
        shutil.copy(path, tree / f"pjmedia/include/pjmedia/parley_{path.name}")
    for name in EMPTY_FILES:
        (tree / name).touch()
    for name, old, new in PATCHES:
        if (tree / name).exists():
            (tree / name).write_text((tree / name).read_text().replace(old, new))


def _check_configuration(tree: Path) -> None:
    for name, definitions in EXPECTED.items():
        lines = (tree / name).read_text().splitlines()
        for definition in definitions:
            if f"#define {definition}" not in lines:
                raise SetupError(f"pjproject's configure did not set {definition}: see what it found in the log.")


def _count_objects(tree: Path, advance: Callable[[float], None]) -> Callable[[str], None]:
    lists = [path for path in tree.glob("*/build/.*.depend") if "-test-" not in path.name]
    expected = sum(len(re.findall(r"^output/\S+\.o:", path.read_text(), re.MULTILINE)) for path in lists)
    compiled = 0

    def on_line(line: str) -> None:
        nonlocal compiled
        if "-c -o " in line:
            compiled += 1
            advance(compiled / max(expected, 1))

    return on_line
