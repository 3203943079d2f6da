"""Secrets that tests plant, and where they are looked for: as they are, and as base64 and percent-encoding spell them."""

import base64
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

import asyncpg

from tests.support.database import is_sqlite, sqlite_path


def spellings(secret: str) -> set[bytes]:
    """The forms in which a secret may lie somewhere; base64 at each of its three offsets, without its ends."""
    raw = secret.encode()
    forms = {raw, quote(secret, safe="").encode()}
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + raw)
        forms.add(encoded[4 if offset else 0 : -4].rstrip(b"="))
    return {form for form in forms if len(form) >= 8}


def found_in(content: bytes, secrets: Iterable[str]) -> set[str]:
    """Which of the secrets are in there."""
    return {secret for secret in secrets if any(form in content for form in spellings(secret))}


def found_in_files(folder: Path, secrets: Iterable[str]) -> set[tuple[str, str]]:
    """(file, secret) of what any file in the folder holds; its name is the path within the folder."""
    known = list(secrets)
    return {
        (str(file.relative_to(folder)), secret)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
        for secret in found_in(file.read_bytes(), known)
    }


async def everything_in(url: str) -> bytes:
    """What a database holds: of SQLite its files, of PostgreSQL every row of every table as text, and the tables' files."""
    if is_sqlite(url):
        path = sqlite_path(url)
        files = (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"))
        return b"\0".join(file.read_bytes() for file in files if file.exists())
    connection = await asyncpg.connect(url)
    try:
        parts = []
        await connection.execute("CHECKPOINT")
        tables = "SELECT c.oid::regclass::text, pg_relation_filepath(c.oid) FROM pg_class c WHERE c.relkind IN ('r', 't', 'i') AND pg_relation_filepath(c.oid) IS NOT NULL AND (c.relnamespace = 'public'::regnamespace OR c.relkind = 't')"
        for name, file in await connection.fetch(tables):
            parts.append(await connection.fetchval("SELECT pg_read_binary_file($1)", file))
            if not name.startswith("pg_toast") and "_pkey" not in name:
                parts += [row[0].encode() for row in await _rows(connection, name)]
        return b"\0".join(parts)
    finally:
        await connection.close()


async def _rows(connection: "asyncpg.Connection[asyncpg.Record]", table: str) -> list[asyncpg.Record]:
    kind = await connection.fetchval("SELECT relkind::text FROM pg_class WHERE oid = $1::text::regclass", table)
    return await connection.fetch(f"SELECT t::text FROM {table} t") if kind == "r" else []
