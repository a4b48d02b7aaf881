"""squid as the HTTP proxy on the way, with its own Basic helper, or with NTLM judged by our own acceptor."""

import asyncio
import base64
import secrets
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rpch.auth.accounts import Identity, MemoryAccounts
from rpch.auth.mechanism import Continue, Done
from rpch.auth.ntlm.acceptor import CHALLENGE_SIZE, NtlmAcceptor
from rpch.auth.ntlm.settings import NtlmSettings
from rpch.client.credentials import Credentials
from tests.interop.processes import Program, free_port
from tests.interop.reverse_proxies import serving

CAROL = Credentials("carol", "c4rol:s secret")
NCSA_HELPER = "/usr/lib/squid/basic_ncsa_auth"
HELPER_TIMEOUT = 20

# squid runs its helpers as its own user, who may read little: this one only passes lines on.
PASS_ON = """
import socket, sys
server = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=%d)
answers = server.makefile("r")
for line in sys.stdin:
    server.sendall(line.encode())
    print(answers.readline(), end="", flush=True)
"""

SETTINGS = """
http_port 127.0.0.1:{port}
pid_filename {folder}/squid.pid
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
coredump_dir {folder}
cache deny all
request_body_max_size 0
shutdown_lifetime 0 seconds
pinger_enable off
cache_mem 8 MB
{authentication}
"""

OPEN = "http_access allow localhost\nhttp_access deny all"
USERS_ONLY = "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all"
NOBODY = "http_access deny all"


@dataclass(frozen=True)
class Squid:
    """A running squid."""

    port: int
    folder: Path

    @property
    def address(self) -> str:
        """As a binding names it."""
        return f"127.0.0.1:{self.port}"

    def requests(self) -> list[tuple[str, str, str]]:
        """What it has served so far: result, method and user, of requests that have ended."""
        lines = (self.folder / "access.log").read_text("utf-8").splitlines()
        fields = [line.split() for line in lines]
        return [(field[3], field[5], field[7]) for field in fields]


@contextmanager
def squid(authentication: str = OPEN, *, hosts: str = "") -> Iterator[Squid]:
    """squid with these lines for who may use it, and these names besides those that everybody knows."""
    with tempfile.TemporaryDirectory(prefix="squid-") as name:
        folder, port = Path(name), free_port()
        folder.chmod(0o777)  # squid gives up its rights before it writes
        (folder / "hosts").write_text(hosts, "utf-8")
        settings = folder / "squid.conf"
        authentication = authentication.replace("{folder}", name)
        settings.write_text(SETTINGS.format(port=port, folder=name, authentication=authentication), "utf-8")
        with serving(Program(["squid", "-N", "-f", settings], folder), port):
            yield Squid(port, folder)


@contextmanager
def squid_with_basic() -> Iterator[Squid]:
    """squid that wants Carol's password, by the helper that squid brings."""
    with tempfile.TemporaryDirectory(prefix="squid-users-") as name:
        folder, users = Path(name), Path(name) / "users"
        folder.chmod(0o755)
        hashed = ["openssl", "passwd", "-apr1", "-stdin"]
        done = subprocess.run(hashed, input=CAROL.password, capture_output=True, text=True, check=True)
        users.write_text(f"{CAROL.user}:{done.stdout.strip()}\n", "utf-8")
        basic = [
            f"auth_param basic program {NCSA_HELPER} {users}",
            "auth_param basic realm squid",
            USERS_ONLY,
        ]
        with squid("\n".join(basic)) as running:
            yield running


@contextmanager
def squid_with_ntlm() -> Iterator[Squid]:
    """squid that wants Carol's NTLM, which our own acceptor judges."""
    with tempfile.TemporaryDirectory(prefix="squid-helper-") as name, _judge() as port:
        folder, helper = Path(name), Path(name) / "helper.py"
        folder.chmod(0o755)
        helper.write_text(PASS_ON % HELPER_TIMEOUT, "utf-8")
        ntlm = [
            f"auth_param ntlm program /usr/bin/python3 {helper} {port}",
            "auth_param ntlm children 8 startup=1",
            "auth_param ntlm keep_alive on",
            USERS_ONLY,
        ]
        with squid("\n".join(ntlm)) as running:
            yield running


class _Judge(socketserver.StreamRequestHandler):
    """Answers one helper of squid, which asks for one client at a time."""

    def handle(self) -> None:
        acceptor = None
        for raw in self.rfile:
            order, _, token = raw.decode().strip().partition(" ")
            if order == "YR":
                acceptor = _acceptor()
            assert acceptor is not None, "squid sent the end of an exchange first"
            step = asyncio.run(acceptor.step(base64.b64decode(token), time.time()))
            match step:
                case Continue(token=challenge):
                    answer = f"TT {base64.b64encode(challenge).decode()}"
                case Done(established=established):
                    answer = f"AF {established.identity.name}"
                case failed:
                    answer = f"NA {failed.failure.rule}"
            self.wfile.write(f"{answer}\n".encode())


def _acceptor() -> NtlmAcceptor:
    accounts = MemoryAccounts({Identity(CAROL.user, "SQUID"): CAROL.password})
    settings = NtlmSettings.standalone("squid.test", domain="SQUID")
    return NtlmAcceptor(settings, accounts, server_challenge=secrets.token_bytes(CHALLENGE_SIZE))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def _judge() -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Judge) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
