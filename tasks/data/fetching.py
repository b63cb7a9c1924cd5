"""Fashion-MNIST over the network, as far as this machine allows: Debian's package where already root, else
torchvision's download with its digests. Never sudo.

``DDTBENCH_OFFLINE=1`` asks no network at all; ``DDTBENCH_FASHION_MIRROR`` is the address of another folder that holds
torchvision's four files. What was got is checked by the converter against the SHA-256 of the published files either
way.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import UserError
from harness.paths import data_root
from tasks.data.fashion_files import BY_HAND, debian_folder

PACKAGE = "dataset-fashion-mnist"
APT_OPTIONS = ("-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1", "-o", "DPkg::Lock::Timeout=60")
STDERR = 2  # where apt-get shows what it does, apart from what the command prints
APT_SECONDS, SOCKET_SECONDS = 300.0, 20.0


def fetch_fashion(convert: Callable[[Path], None]) -> None:
    """Get the four files by the first way that works and ``convert`` their folder.

    Raises UserError that says why each way failed, with the line to type on a machine that can reach them.
    """
    reasons = []
    for way in (_by_apt, _by_torchvision):
        try:
            if os.environ.get("DDTBENCH_OFFLINE", "0") not in ("", "0"):
                raise UserError("DDTBENCH_OFFLINE is set")
            way(convert)
            return
        except UserError as error:
            if str(error) not in reasons:
                reasons.append(str(error))
    raise UserError(f"Fashion-MNIST could not be fetched ({'; '.join(reasons)}): run {BY_HAND}")


def _by_apt(convert: Callable[[Path], None]) -> None:
    if shutil.which("apt-get") is None:
        raise UserError("no apt-get here")
    if os.geteuid() != 0:
        raise UserError("apt-get needs root")
    _say(f"Fashion-MNIST: installing Debian's package {PACKAGE} (30 MB)")
    _apt_get("update", "-q")  # without it a fresh container knows no package
    _apt_get("install", "-q", "-y", "--no-install-recommends", PACKAGE)
    convert(debian_folder())


def _apt_get(*words: str) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            ["apt-get", *APT_OPTIONS, *words],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=STDERR,
            timeout=APT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"apt-get {words[0]} did not end in {APT_SECONDS:.0f} s") from None
    if done.returncode:
        raise UserError(f"apt-get {words[0]} ended with {done.returncode}")


def _by_torchvision(convert: Callable[[Path], None]) -> None:
    from torchvision.datasets import FashionMNIST
    from torchvision.datasets.utils import download_url

    mirror = os.environ.get("DDTBENCH_FASHION_MIRROR")
    mirrors = [f"{mirror.rstrip('/')}/"] if mirror else FashionMNIST.mirrors
    folder = data_root() / "fashion-mnist" / "download"
    for name, md5 in FashionMNIST.resources:
        _say(f"Fashion-MNIST: downloading {name}")
        problem = ""
        for place in mirrors:
            try:
                with _patience(SOCKET_SECONDS):
                    download_url(f"{place}{name}", str(folder), name, md5)  # what is there, whole, is kept
                break
            except (OSError, RuntimeError, http.client.HTTPException, ValueError) as error:
                problem = f"{place}{name}: {error}"
        else:
            raise UserError(f"the download failed ({problem})")
    convert(folder)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """No connection is waited for longer; torchvision itself sets no limit, and a firewall may never answer."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
