"""Makes calls with Samba's client library. Runs under Debian's own Python, where `python3-samba` is.

One JSON object comes in as the only argument: `binding`, `settings` (an smb.conf), optionally `user`,
`password` and `domain`, and `calls`, a list of [name, argument…]. One JSON list goes out, an answer for each
call: {"value": …} or {"error": […]}. Calls to one interface share one connection.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import samba
from samba.credentials import DONT_USE_KERBEROS, Credentials
from samba.dcerpc import echo, epmapper, mgmt, misc, winreg
from samba.dcerpc.base import ClientConnection
from samba.param import LoadParm

MAXIMUM_ALLOWED = 0x02000000
ALL_ENTRIES = 0


class Caller:
    """Opens a connection for each interface at its first call, and remembers it."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._binding: str = order["binding"]
        self._settings = LoadParm()
        self._settings.load(order["settings"])
        self._credentials = Credentials()
        if "user" in order:
            self._credentials.guess(self._settings)
            self._credentials.set_username(order["user"])
            self._credentials.set_password(order["password"])
            self._credentials.set_domain(order["domain"])
            self._credentials.set_kerberos_state(DONT_USE_KERBEROS)
        else:
            self._credentials.set_anonymous()
        self._opened: dict[Any, Any] = {}

    def _connection(self, interface: Any) -> Any:
        if interface not in self._opened:
            self._opened[interface] = interface(self._binding, self._settings, self._credentials)
        return self._opened[interface]

    def lookup(self, page: int) -> list[str]:
        """Every annotation in the endpoint mapper, asked for in pages."""
        mapper = self._connection(epmapper.epmapper)
        handle, names, status = misc.policy_handle(), [], 0
        while status == 0:
            handle, entries, status = mapper.epm_Lookup(ALL_ENTRIES, None, None, 1, handle, page)
            names += [entry.annotation for entry in entries]
            if str(handle.uuid) == str(misc.GUID()):
                break
        return names

    def interfaces(self) -> list[list[Any]]:
        """What interfaces the server says it offers: identifier and version."""
        found = self._connection(mgmt.mgmt).inq_if_ids()
        return [[str(entry.id.uuid), entry.id.if_version] for entry in found.if_id]

    def is_server_listening(self) -> bool:
        """What the management interface says of its own server."""
        status, listening = self._connection(mgmt.mgmt).is_server_listening()
        return status == 0 and bool(listening)

    def add_one(self, number: int) -> int:
        """Samba's echo interface: one more."""
        added: int = self._connection(echo.rpcecho).AddOne(number)
        return added

    def echo_data(self, size: int) -> bool:
        """Samba's echo interface: whether bytes come back as they went."""
        sent = [at & 0xFF for at in range(size)]
        return list(self._connection(echo.rpcecho).EchoData(sent)) == sent

    def raw(self, interface: str, opnum: int, stub: str) -> str:
        """Any operation of an interface that Samba does not know; bytes both ways as hex.

        Observed: Samba 4.17 crashes when it authenticates for such an interface, and when it adds one to a
        connection that bare NTLM protects. Added to one that SPNEGO protects it works.
        """
        answer: bytes = self._raw(interface).request(opnum, bytes.fromhex(stub))
        return answer.hex()

    def raw_sizes(self, interface: str, opnum: int, stub: str, times: int) -> list[int]:
        """The same call again and again; how many bytes each answer had."""
        connection = self._raw(interface)
        return [len(connection.request(opnum, bytes.fromhex(stub))) for _ in range(times)]

    def _raw(self, interface: str) -> Any:
        if interface not in self._opened:
            management = self._connection(mgmt.mgmt)
            management.is_server_listening()
            self._opened[interface] = ClientConnection(
                self._binding, (interface, 1), self._settings, self._credentials, basis_connection=management
            )
        return self._opened[interface]

    def registry_value(self, path: str, name: str) -> str:
        """A text from the registry below HKEY_LOCAL_MACHINE: four calls with context handles."""
        registry = self._connection(winreg.winreg)
        root = registry.OpenHKLM(None, MAXIMUM_ALLOWED)
        key = registry.OpenKey(root, registry_string(path), 0, MAXIMUM_ALLOWED)
        _, data, _, used = registry.QueryValue(key, registry_string(name), 0, [0] * 512, 512, 0)
        registry.CloseKey(key)
        return bytes(data[:used]).decode("utf-16-le").rstrip("\0")


def registry_string(text: str) -> Any:
    """A text as the registry's calls take it."""
    string = winreg.String()
    string.name = text
    return string


def answer(call: Callable[..., Any], arguments: list[Any]) -> dict[str, Any]:
    """What one call came to."""
    try:
        return {"value": call(*arguments)}
    except samba.NTSTATUSError as error:
        return {"error": list(error.args)}


def main() -> None:
    """Carries out the order given as the argument."""
    order = json.loads(sys.argv[1])
    caller = Caller(order)
    json.dump([answer(getattr(caller, name), arguments) for name, *arguments in order["calls"]], sys.stdout)


if __name__ == "__main__":
    main()
