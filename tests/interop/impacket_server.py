"""A back end made with impacket's DCE/RPC server: Samba's echo interface, on a port of loopback.

It serves one connection after another, knows no authentication, and neither joins the fragments of a request
nor splits an answer: everything stays below one fragment. As a program it prints the port and serves.
"""

import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from impacket.dcerpc.v5.rpcrt import DCERPCServer

from tests.interop.processes import Program

ECHO = ("60a15ec5-4de8-11d7-a637-005056a20182", "1.0")
LARGEST = 4000


def add_one(stub: bytes) -> bytes:
    """Opnum 0: a number, and one more comes back."""
    (number,) = struct.unpack_from("<I", stub)
    return struct.pack("<I", (number + 1) & 0xFFFFFFFF)


def echo_data(stub: bytes) -> bytes:
    """Opnum 1: a length and a conformant array; the array comes back."""
    _length, count = struct.unpack_from("<II", stub)
    return struct.pack("<I", count) + stub[8 : 8 + count]


def source_data(stub: bytes) -> bytes:
    """Opnum 3: a length; a conformant array of that many counted bytes comes back."""
    (length,) = struct.unpack_from("<I", stub)
    return struct.pack("<I", length) + bytes(at & 0xFF for at in range(min(length, LARGEST)))


def main() -> None:
    """Serves until it is ended."""
    server = DCERPCServer()
    server.addCallbacks(ECHO, str(server.getListenPort()), {0: add_one, 1: echo_data, 3: source_data})
    server.daemon = True
    server.start()
    print(server.getListenPort(), flush=True)
    server.join()


@contextmanager
def impacket_serving(folder: Path) -> Iterator[int]:
    """The port of a running server."""
    program = Program([sys.executable, "-m", "tests.interop.impacket_server"], folder, name="impacket-server")
    try:
        program.wait_for(lambda: program.stdout.read_bytes().endswith(b"\n"), what="port")
        yield int(program.stdout.read_text("ascii"))
    finally:
        program.stop()


if __name__ == "__main__":
    main()
