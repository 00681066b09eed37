"""The programs, written by others, that some tests talk with."""

import glob
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import NoReturn

import pytest

_LIST = Path(__file__).parent.parent / ".ci" / "programs"

# Debian keeps daemons out of an ordinary user's PATH, and PostgreSQL out of everybody's.
_SEARCH_PATH = os.pathsep.join(
    [
        os.environ.get("PATH", os.defpath),
        "/usr/local/sbin",
        "/usr/sbin",
        "/sbin",
        *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True),
    ]
)


def require(program: str) -> str:
    """Return the path of `program`; without it, skip the test, or fail it where CI=true."""
    path = find(program)
    if path is None:
        package = _packages().get(program, program)
        _do_without(f"{program} is not installed; on Debian or Ubuntu: apt-get install {package}")
    return path


def find(program: str) -> str | None:
    """Return the path of `program`, or of its equivalent in `.ci/programs`, or None."""
    names = next((names for names in _equivalents() if program in names), (program,))
    paths = (shutil.which(name, path=_SEARCH_PATH) for name in names)
    return next((path for path in paths if path), None)


def require_network_namespaces() -> None:
    """Return if this process may make network namespaces and links; else skip or fail."""
    ip = require("ip")
    if not _may_make_network_namespaces(ip):
        _do_without("needs network namespaces; run as root, in a container with --privileged")


@cache
def _may_make_network_namespaces(ip: str) -> bool:
    trial = [ip, "link", "add", "trial0", "type", "veth", "peer", "name", "trial1"]
    result = subprocess.run(["unshare", "--net", "--mount", *trial], capture_output=True)
    return result.returncode == 0


def _do_without(what: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


@cache
def _equivalents() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(names.split(",")) for names, _ in _rows())


@cache
def _packages() -> dict[str, str]:
    return {name: package for names, package in _rows() for name in names.split(",")}


def _rows() -> list[tuple[str, str]]:
    lines = (line.split() for line in _LIST.read_text().splitlines() if not line.startswith("#"))
    return [(names, package) for names, package in lines]
