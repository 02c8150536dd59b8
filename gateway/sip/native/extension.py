"""The Python extension: pjsua2's SWIG wrapper and Parley's media bridge in one shared object, over one pjlib."""

from __future__ import annotations

import hashlib
import re
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from gateway.sip.native.buildlog import BuildLog

BRIDGE = Path(__file__).with_name("bridge")
SWIG_FLAGS = ("-c++", "-python", "-threads", "-w312")
WRAPPER_FLAGS = ("-O1",)
"""The wrapper is 6 MB of generated C++: more optimisation doubles its time and gains nothing."""
BRIDGE_FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter")
LINK_FLAGS = ("-shared", "-s", "-Wl,-z,relro,-z,now", "-Wl,-Bsymbolic")
LIBRARIES = ("pjlib", "pjlib-util", "pjnath", "pjmedia", "pjsip")


@dataclass(frozen=True, slots=True)
class Extension:
    """The two files that make `import pjsua2` work."""

    module: Path
    shared_object: Path


def build_extension(tree: Path, *, log: BuildLog) -> Extension:
    """Generates, compiles and links. The compiled wrapper is kept: a change of the bridge costs seconds.

    :param tree: a compiled pjproject
    :raises SetupError: when a step fails
    """
    folder = tree / f"python-{_key()}"
    wrapper = folder / "pjsua2_wrap.o"
    if not wrapper.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        _compile_wrapper(tree, wrapper, log)
    shared_object = folder / f"_pjsua2{sysconfig.get_config_var('EXT_SUFFIX')}"
    with log.stage("compile the media bridge"):
        objects = [_compile_bridge(tree, source, folder, log) for source in sorted(BRIDGE.glob("*.c"))]
        words = [*_make_words(tree, "ldflags", log), *(f"-l{name}" for name in _make_words(tree, "libs", log))]
        log.run(["g++", *LINK_FLAGS, "-o", shared_object, wrapper, *objects, *words], cwd=folder)
    return Extension(module=folder / "pjsua2.py", shared_object=shared_object)


def _key() -> str:
    parts = [str(sysconfig.get_config_var("EXT_SUFFIX")), sysconfig.get_path("include"), *SWIG_FLAGS, *WRAPPER_FLAGS]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _compile_wrapper(tree: Path, wrapper: Path, log: BuildLog) -> None:
    folder, swig = wrapper.parent, tree / "pjsip-apps/src/swig"
    source = folder / "pjsua2_wrap.cpp"
    includes = [f"-I{tree / name / 'include'}" for name in LIBRARIES]
    with log.stage("generate the Python binding"):
        log.run(["swig", *SWIG_FLAGS, *includes, "-outdir", folder, "-o", source, swig / "pjsua2.i"], cwd=swig)
    part = wrapper.with_suffix(".part.o")
    with log.stage("compile the Python binding"):
        flags = [*_make_words(tree, "cflags", log), *WRAPPER_FLAGS, f"-I{sysconfig.get_path('include')}"]
        log.run(["g++", *flags, "-w", "-c", source, "-o", part], cwd=folder)
    part.rename(wrapper)
    source.unlink()


def _compile_bridge(tree: Path, source: Path, folder: Path, log: BuildLog) -> Path:
    compiled = folder / f"{source.stem}.o"
    # pjproject's headers as system headers: their warnings are not ours
    flags = [re.sub("^-I", "-isystem", word) for word in _make_words(tree, "cflags", log)]
    log.run(["gcc", *flags, *BRIDGE_FLAGS, "-c", source, "-o", compiled], cwd=folder)
    return compiled


def _make_words(tree: Path, target: str, log: BuildLog) -> list[str]:
    """Flags as pjproject's own makefiles know them."""
    words: list[str] = []
    command = ["make", "--no-print-directory", "-f", "helper.mak", target]
    log.run(command, cwd=tree / "pjsip-apps/src/swig/python", on_line=lambda line: words.extend(line.split()))
    return words
