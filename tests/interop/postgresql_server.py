"""PostgreSQL from a folder of its own, on a free port of loopback; never as root, which it refuses."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from tests.interop.processes import Program, free_port, run_once

USER, PASSWORD = "rpch", "Passw0rd"


@dataclass
class Postgresql:
    """A running server."""

    port: int
    programs: Path
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def new_database(self) -> str:
        """The URL of a database with nothing in it."""
        name = f"test{next(self._numbers)}"
        self.run("createdb", name)
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def run(self, program: str, *args: str) -> str:
        """Run one of its commands."""
        place = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
        return run_once([self.programs / program, *place, *args], env={"PGPASSWORD": PASSWORD})


@contextmanager
def postgresql_serving(folder: Path) -> Iterator[Postgresql]:
    """The server, from when it answers until the tests are over. `folder` takes what it prints."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    data = Path(tempfile.mkdtemp(prefix="rpch-postgresql-"))
    password = data / "password"
    password.write_text(PASSWORD)
    as_user: list[str] = []
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        as_user = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
        for each in (data, password):
            os.chown(each, owner.pw_uid, owner.pw_gid)
    making = ["--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"]
    run_once([*as_user, programs / "initdb", "-D", data / "db", "-U", USER, f"--pwfile={password}", *making])
    port = free_port()
    settings = {"fsync": "off", "listen_addresses": "127.0.0.1", "unix_socket_directories": str(data)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    serve: list[str | Path] = [programs / "postgres", "-D", data / "db", "-p", str(port), *options]
    program = Program([*as_user, *serve], folder, name="postgres")
    server = Postgresql(port, programs)
    try:
        program.wait_for(lambda: _answers(server), what="an answer")
        yield server
    finally:
        program.stop()
        shutil.rmtree(data, ignore_errors=True)


def _answers(server: Postgresql) -> bool:
    try:
        server.run("psql", "-c", "SELECT 1", "postgres")
    except AssertionError:
        return False
    return True
