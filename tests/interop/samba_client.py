"""Samba's client library, which knows `ncacn_http`: started under Debian's Python, where it is installed."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.interop.processes import run_once

DEBIAN_PYTHON = "/usr/bin/python3"
CALLS = Path(__file__).with_name("samba_calls.py")

# `ca_only` checks the certificate, not its name. Observed: this client checks names only where it was given
# the proxy by name, and it fails to resolve `localhost`.
SETTINGS = """\
[global]
    workgroup = LAB
    log level = 0
    lock directory = {folder}
    state directory = {folder}
    cache directory = {folder}
    private dir = {folder}
    tls verify peer = {verify}
    tls cafile = {ca}
"""


def http_binding(
    server: str, port: int, *, proxy: str, tls: bool, options: str = "", authentication: str = "basic"
) -> str:
    """A binding to `server` and `port` as the proxy sees them, in the spelling of Samba 4.17."""
    through = f"RpcProxy={proxy},HttpUseTls={str(tls).lower()},HttpAuthOption={authentication}"
    return f"ncacn_http:{server}[{port},{through}{options and ',' + options}]"


@dataclass(frozen=True)
class SambaClient:
    """Calls through Samba's client library, as one user or as nobody."""

    folder: Path
    user: str | None = None
    password: str = ""
    domain: str = "LAB"
    ca: Path | None = None

    def calls(self, binding: str, *calls: tuple[Any, ...], within: float = 40.0) -> list[dict[str, Any]]:
        """The answers, as `samba_calls` describes them. Each call is (name, argument…)."""
        order = {"binding": binding, "settings": str(self._settings()), "calls": calls}
        if self.user is not None:
            order |= {"user": self.user, "password": self.password, "domain": self.domain}
        said = run_once([DEBIAN_PYTHON, CALLS, json.dumps(order)], within=within)
        answers: list[dict[str, Any]] = json.loads(said)
        return answers

    def _settings(self) -> Path:
        path = self.folder / "samba-client.conf"
        verify = "ca_only" if self.ca else "no_check"
        path.write_text(SETTINGS.format(folder=self.folder, verify=verify, ca=self.ca or ""), "utf-8")
        return path
