#!/usr/bin/env bash
# Gets the system packages that Parley is built with, and a virtual environment.
# Usage: system.sh VENV
#
# Debian and its relatives only; anywhere else it says in one sentence what is missing.
set -euo pipefail

venv=$1
packages=(build-essential swig libssl-dev libopus-dev libsrtp2-dev libsamplerate0-dev uuid-dev ca-certificates)
image="Or build the container image: podman build -f deploy/Containerfile -t parley ."

fail() {
    echo "$* $image" >&2
    exit 1
}

# Python 3.11 or newer that can compile extensions and make virtual environments.
usable() {
    "$1" - 2>/dev/null <<'PYTHON'
import ensurepip, os, sys, sysconfig, venv
header = os.path.join(sysconfig.get_path("include"), "Python.h")
sys.exit(not (sys.version_info >= (3, 11) and os.path.exists(header)))
PYTHON
}

find_python() {
    local candidate
    for candidate in "${PARLEY_PYTHON:-python3}" python3.11 python3.12 python3.13 python3.14 /usr/bin/python3; do
        if command -v "$candidate" >/dev/null && usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

missing_packages() {
    local package
    for package in "${packages[@]}"; do
        dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}

install_packages() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || fail "Missing: $*, and neither root nor sudo to install them with."
        as_root=(sudo)
    fi
    echo "Installing system packages: $*"
    "${as_root[@]}" apt-get -qq update
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends "$@" >/dev/null ||
        fail "apt-get could not install: $*."
}

find_python >/dev/null || packages+=(python3 python3-dev python3-venv)
if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} -eq 0 ] || install_packages "${missing[@]}"
else
    command -v cc >/dev/null && command -v swig >/dev/null && find_python >/dev/null ||
        fail "This is no Debian: install Python 3.11 or newer with headers, a C compiler, swig and the headers of" \
            "OpenSSL 3, Opus, libsrtp2, libsamplerate and libuuid first."
fi

python=$(find_python) || fail "Missing: Python 3.11 or newer with its headers and venv (set PARLEY_PYTHON to it)."
if [ ! -x "$venv/bin/python" ]; then
    echo "Making $venv with $("$python" --version) …"
    "$python" -m venv "$venv"
fi
