"""Files of a run folder, on this machine or on any fsspec path: written whole or not at all, by one writer.

On a local path a file is written by ``harness.writing``; on an object store it is one PUT. The lock is ``flock`` on a
local path (released by the kernel when its holder dies) and an exclusive create elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fsspec.core import url_to_fs

from harness.errors import UserError
from harness.isolation import DISK_FULL
from harness.paths import user_path
from harness.redaction import redacted_anywhere
from harness.store.holder import read_holder, written_holder
from harness.store.remote import Remote
from harness.writing import TEMPORARY, written_whole

_CURE = "delete it and repeat the command that made it; nothing is asked twice"
LOCK = "lock"


def _last(entry: dict[str, Any]) -> str:
    return str(entry["name"]).rstrip("/").rpartition("/")[2]


def _local(fs: Any) -> bool:
    protocols = (fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol
    return "file" in protocols


class Folder:
    """A folder addressed by path or URL. Names inside use ``/``."""

    def __init__(self, url: str | os.PathLike[str]) -> None:
        if not os.fspath(url):
            raise UserError("an empty path names no folder: name one, for example runs")
        user_path(url)  # raises for what is no path at all
        self.url = os.fspath(url).rstrip("/") or "/"
        try:
            fs, self._root = url_to_fs(self.url, use_listings_cache=False)
        except (ValueError, ImportError) as error:
            cure = ": pip install 'ddtbench[s3]'" if self.url.startswith("s3:") else ""
            raise UserError(f"cannot open {self.url}: {error}{cure}") from error
        self.local = _local(fs)
        self._fs: Any = fs if self.local else Remote(fs, self.url)
        self._lock: int | None = None

    def __str__(self) -> str:
        return self.url

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.url}/{name}")

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def local_path(self, name: str = "") -> str:
        """The path on this machine; only of a ``local`` folder."""
        return self._path(name)

    def place(self, name: str = "") -> str:
        """The path or URL as a process that stands in another folder, or on another machine, names it."""
        if self.local:
            return os.path.abspath(self._path(name))
        return f"{self.url}/{name}" if name else self.url

    def exists(self, name: str = "") -> bool:
        """Whether there is a file or folder of that name."""
        return bool(self._fs.exists(self._path(name)))

    def names(self, name: str = "", folders: bool = False) -> list[str]:
        """The sorted names of the files (or folders) in a folder, temporary ones left out; none if it is absent.

        A link is what it leads to; one that leads nowhere is nothing (``broken_links``).
        """
        kind = "directory" if folders else "file"
        found = {_last(entry) for entry in self._entries(name) if self._kind(entry) == kind}
        return sorted(item for item in found if item and not item.startswith(TEMPORARY))

    def broken_links(self, name: str = "") -> list[str]:
        """The sorted names of the links in a folder that lead nowhere."""
        return sorted(_last(entry) for entry in self._entries(name) if self._kind(entry) == "nothing")

    def _entries(self, name: str) -> list[dict[str, Any]]:
        try:
            return list(self._fs.ls(self._path(name), detail=True))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _kind(self, entry: dict[str, Any]) -> str:
        """``file``, ``directory``, ``nothing`` or another, of what an entry is or leads to."""
        if not entry.get("islink"):
            return str(entry["type"])
        try:
            return str(self._fs.info(entry["name"])["type"]) if self._fs.exists(entry["name"]) else "nothing"
        except OSError:  # a link in a circle
            return "nothing"

    def read(self, name: str) -> bytes:
        """The whole file. Raises UserError if it cannot be read."""
        try:
            return bytes(self._fs.cat_file(self._path(name)))
        except OSError as error:
            raise UserError(f"cannot read {self.url}/{name}: {error.strerror or error}") from error

    def read_json(self, name: str) -> dict[str, Any]:
        """A JSON object; an empty one if there is no such file."""
        if not self.exists(name):
            return {}
        try:
            value = json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise UserError(f"{self.url}/{name} is damaged ({error}): {_CURE}") from error
        if not isinstance(value, dict):
            raise UserError(f"{self.url}/{name} is damaged (no JSON object): {_CURE}")
        return value

    def write(self, name: str, data: bytes) -> None:
        """Write a file so that it is never seen half-written. Raises UserError if the disk is full or refuses."""
        try:
            if self.local:
                with written_whole(Path(self._path(name))) as file:
                    file.write_bytes(data)
            else:
                self._fs.pipe_file(self._path(name), data)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise UserError(
                    f"the disk of {self.url} is full: free some and run again; what is finished is kept"
                ) from error
            raise UserError(f"cannot write {self.url}/{name}: {error.strerror or error}") from error

    def write_json(self, name: str, value: Any) -> None:
        """Indented JSON in the given key order, without secrets (``harness.redaction``)."""
        self.write(name, (json.dumps(redacted_anywhere(value), indent=2, allow_nan=False) + "\n").encode())

    def remove(self, name: str) -> None:
        """Remove a file if it is there. Raises UserError if the folder does not let it go."""
        try:
            with contextlib.suppress(FileNotFoundError):
                self._fs.rm_file(self._path(name))
        except OSError as error:
            raise UserError(f"cannot remove {self.url}/{name}: {error.strerror or error}") from error

    def sizes(self, name: str) -> dict[str, int]:
        """Every file under a folder, however deep, with its bytes (a link has none); {} if the folder is not there."""
        found: dict[str, dict[str, Any]] = self._fs.find(self._path(name), detail=True)
        return {self._name(path): 0 if entry.get("islink") else int(entry["size"]) for path, entry in found.items()}

    def stamps(self, name: str = "", deepest: int = 4) -> dict[str, tuple[int, float]]:
        """Every file under a folder, links followed, temporary ones left out, with its bytes and when it changed last
        (0 where the store does not say): what tells that something changed. {} if the folder is not there."""
        if not self.local:
            start = f"{name}/" if name else ""
            return {found.removeprefix(start): (size, 0.0) for found, size in self.sizes(name).items()}
        found: dict[str, tuple[int, float]] = {}
        top = self._path(name)
        waiting = [(top, deepest)]
        while waiting:
            place, deeper = waiting.pop()
            with contextlib.suppress(OSError), os.scandir(place) as entries:
                for entry in entries:
                    with contextlib.suppress(OSError):  # gone meanwhile, or a link that leads nowhere
                        if entry.is_dir() and deeper:
                            waiting.append((entry.path, deeper - 1))
                        elif entry.is_file() and not entry.name.startswith(TEMPORARY):
                            seen = entry.stat()
                            found[entry.path[len(top) :].strip("/")] = seen.st_size, seen.st_mtime
        return found

    def leftovers(self) -> dict[str, int]:
        """What killed writers left under temporary names, with its bytes: what ``clean`` removes."""
        everything = self.sizes("") if self.local else {}
        return {name: size for name, size in everything.items() if name.rpartition("/")[2].startswith(TEMPORARY)}

    def _name(self, path: str) -> str:
        return path.removeprefix(str(self._root).rstrip("/") + "/")

    def remove_folder(self, name: str) -> None:
        """Remove a folder with all that is in it, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            self._fs.rm(self._path(name), recursive=True)

    def clean(self) -> None:
        """Remove what killed writers left under temporary names. Only the holder of the lock may."""
        if not self.local:
            return
        for parent, _, files in os.walk(self._root):
            for file in files:
                if file.startswith(TEMPORARY):
                    try:
                        os.unlink(os.path.join(parent, file))
                    except OSError as error:
                        raise UserError(f"cannot write in {parent}: {error.strerror}") from error

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder alone. Raises UserError that names the other holder."""
        with self._flock() if self.local else self._exclusive_create():
            yield

    @contextlib.contextmanager
    def _flock(self) -> Iterator[None]:
        path = self._path(LOCK)
        try:
            os.makedirs(self._root, exist_ok=True)
            # a folder of others could hold a link here, and what it leads to would be written over
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise UserError(f"{path} is a link, which a lock never is: remove it") from None
            raise UserError(f"cannot write in {self.url}: {error.strerror or error}") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise UserError(f"cannot lock {path}: {error.strerror}") from error
                raise self._in_use(os.pread(handle, 1000, 0)) from None
            self._lock = handle
            self.tell()
            yield
        finally:
            self._lock = None
            os.close(handle)

    def tell(self, said: Mapping[str, Any] | None = None) -> None:
        """Say in the lock who holds it and how far they are (``holder``): only a courtesy to whoever looks. On an
        object store, where the lock could be another's by now, nothing is said."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                content = written_holder(said)
                os.pwrite(self._lock, content, 0)
                os.ftruncate(self._lock, len(content))

    @contextlib.contextmanager
    def _exclusive_create(self) -> Iterator[None]:
        path = self._path(LOCK)
        for last in (False, True):
            try:
                self._fs.pipe_file(path, written_holder(), mode="create")
                break
            except FileExistsError:
                content = bytes(self._fs.cat_file(path))
                holder = read_holder(content)
                if last or holder is None or not holder.ended:
                    raise self._in_use(content) from None
                self._fs.rm_file(path)
            except OSError as error:
                raise UserError(f"cannot write in {self.url}: {error.strerror or error}") from error
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                self._fs.rm_file(path)

    def _in_use(self, content: bytes) -> UserError:
        holder = read_holder(content)
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        cure = "wait for it to end" if self.local else f"wait for it to end, or delete {self.url}/{LOCK} if it is gone"
        return UserError(f"the run folder {self.url} is in use by {who}: {cure}")
