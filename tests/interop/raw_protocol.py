"""Samba's tests of raw RPC (`samba.tests.dcerpc.raw_protocol`) against our server, and the page about them.

    python -m tests.interop.raw_protocol        writes docs/raw-protocol.md from a run

The tests are Samba's: they are run where Debian installs them, and nothing of them is here.
"""

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from tests.interop.kdc import REALM, SERVER, Kdc, kdc_serving
from tests.interop.processes import run_once
from tests.interop.rpc_server import DOMAIN, PASSWORD, USER, RpcServerProgram, rpc_server
from tests.interop.samba_client import DEBIAN_PYTHON

PAGE = Path(__file__).parents[2] / "docs" / "raw-protocol.md"
NO_REALM = Path(__file__).parents[1] / "no_realm.conf"
RUNNER = Path(__file__).with_name("raw_protocol_runner.py")
PARTS = 3
LONGEST = 240.0  # seconds; one case opens 2049 security contexts
NETLOGON = "12345678-1234-abcd-ef00-01234567cffb"

SETTINGS = """\
[global]
    workgroup = {domain}
    realm = {realm}
    log level = 0
    lock directory = {folder}
    state directory = {folder}
    cache directory = {folder}
    private dir = {folder}
"""


@dataclass(frozen=True)
class Case:
    """What one case of the suite came to."""

    name: str
    outcome: str
    asked: Sequence[str]
    complaint: str

    @property
    def passes(self) -> bool:
        return self.outcome == "passes"

    @property
    def uses_netlogon(self) -> bool:
        return NETLOGON in self.asked


@dataclass(frozen=True)
class Reason:
    """Why some cases cannot pass, and what they then complain about."""

    cases: str
    complaint: str
    why: str

    def explains(self, case: Case) -> bool:
        """Whether it is about this case and fits what it said."""
        named = re.fullmatch(self.cases, case.name) is not None
        return named and re.search(self.complaint, case.complaint) is not None


REASONS = (
    Reason(
        r"test_lsa_multi_auth_\w+|test_assoc_group_(fail3|ok2)",
        r"The requested operation was unsuccessful",
        "calls through a named pipe of SMB, and this server has none",
    ),
)


@dataclass(frozen=True)
class Figures:
    """How many cases pass: without netlogon and a KDC, without a KDC, and with both."""

    plain: int
    with_netlogon: int
    with_kerberos: int

    @classmethod
    def of(cls, with_kdc: Sequence[Case], without_kdc: Sequence[Case]) -> "Figures":
        """What two runs came to."""
        passing = [case for case in without_kdc if case.passes]
        plain = [case for case in passing if not case.uses_netlogon]
        return cls(len(plain), len(passing), len([case for case in with_kdc if case.passes]))


# What was asked for, of the 194 cases of Samba 4.17.
PROMISED = Figures(155, 171, 182)


def reason_for(case: Case) -> Reason | None:
    """Why a case does not pass, if that is known."""
    return next((reason for reason in REASONS if reason.explains(case)), None)


def run_suite(server: RpcServerProgram, kdc: Kdc | None, folder: Path) -> list[Case]:
    """Every case of the suite, in the order of their names. Without a KDC there is no realm at all."""
    settings = folder / "raw-smb.conf"
    settings.write_text(SETTINGS.format(domain=DOMAIN, realm=REALM, folder=folder), "utf-8")
    environment = {
        "SERVER": server.address,
        "TARGET_HOSTNAME": SERVER,
        "DOMAIN": DOMAIN,
        "REALM": REALM,
        "USERNAME": USER,
        "PASSWORD": PASSWORD,
        "SMB_CONF_PATH": str(settings),
        **(kdc.env if kdc else {"KRB5_CONFIG": str(NO_REALM), "KRB5CCNAME": f"FILE:{folder}/nobody"}),
    }

    def run_part(part: int) -> list[Case]:
        words = [str(part), str(PARTS), *([] if kdc else ["ntlm"])]
        said = run_once([DEBIAN_PYTHON, RUNNER, *words], within=LONGEST, env=environment)
        return [Case(**json.loads(line)) for line in said.splitlines() if line.startswith("{")]

    with ThreadPoolExecutor(PARTS) as pool:
        parts = list(pool.map(run_part, range(PARTS)))
    return sorted((case for part in parts for case in part), key=lambda case: case.name)


def samba_version() -> str:
    """Major and minor version of the Samba whose tests these are."""
    said = run_once([DEBIAN_PYTHON, "-c", "import samba; print(samba.version)"])
    return ".".join(said.split(".")[:2])


def page(version: str, found: Sequence[Case], without_kdc: Sequence[Case]) -> str:
    """The page about a run, and about one without a KDC."""
    return "\n".join(_lines(version, found, Figures.of(found, without_kdc))) + "\n"


def _lines(version: str, found: Sequence[Case], figures: Figures) -> Iterator[str]:
    passing = [case for case in found if case.passes]
    yield f"""\
# Samba's tests of raw RPC against our server

Written by `python -m tests.interop.raw_protocol`; `make interop` runs the tests again and fails when one has
changed its state. They are `samba.tests.dcerpc.raw_protocol` of Samba {version}, as Debian installs them.

**{len(passing)} of {len(found)} cases pass**, and `make interop` holds us to these figures:

| with | pass | promised |
|---|---|---|
| the mapper and the management interface, NTLM and SPNEGO | {figures.plain} | {PROMISED.plain} |
| netlogon besides, of which the server under test offers one operation (`rpch.testing.netlogon`) \
| {figures.with_netlogon} | {PROMISED.with_netlogon} |
| a key distribution centre of MIT's, for Kerberos bare and within SPNEGO | {figures.with_kerberos} \
| {PROMISED.with_kerberos} |

The server runs with `Limits(legacy_bind=True)`: up to this version Samba let the body of a bind count as
padding of its token and gave no reason for refusing a bind without contexts, and its tests expect that. Later
versions expect what our server does otherwise.

## Cases that do not pass

| case | why |
|---|---|"""
    for case in found:
        if not case.passes:
            reason = reason_for(case)
            yield f"| `{case.name}` | {reason.why if reason else '**unexplained**: ' + case.complaint} |"
    yield "\n## Cases that pass\n"
    for case in passing:
        yield f"- `{case.name}`" + (" (netlogon)" if case.uses_netlogon else "")


def main() -> None:
    """Writes the page from a run of its own."""
    quiet = redirect_stdout(StringIO())  # the server's log is no news
    with (
        tempfile.TemporaryDirectory() as name,
        quiet,
        kdc_serving(Path(name)) as kdc,
        rpc_server(Path(name), kdc=kdc) as server,
        rpc_server(Path(name)) as alone,
    ):
        found, without_kdc = run_suite(server, kdc, Path(name)), run_suite(alone, None, Path(name))
    text = page(samba_version(), found, without_kdc)
    PAGE.write_text(text, "utf-8")
    print(f"{PAGE} is written")


if __name__ == "__main__":
    main()
