"""What tshark makes of the traffic between two programs: captured on loopback, decoded afterwards."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.interop.processes import Program, run_once

COLUMNS = ("frame.number", "tcp.stream", "tcp.srcport", "_ws.col.Protocol", "_ws.col.Info")
# Observed: tshark 4.0 calls every RTS PDU without commands malformed, and those are Ping and Echo.
MALFORMED = "(_ws.malformed && !(dcerpc.cn_rts_commands_nb == 0)) || dcerpc.cn_rts_command.unknown"


@dataclass(frozen=True)
class Packet:
    """One TCP segment with payload, as tshark shows it in its list."""

    number: int
    stream: int
    source: int
    protocol: str
    info: str


@dataclass
class Capture:
    """A capture that is complete once its `capturing` block has ended."""

    path: Path
    options: tuple[str, ...] = field(default=())

    def packets(self, shown: str = "tcp.len > 0") -> list[Packet]:
        """The segments that a display filter selects. tshark finds RPC by itself, also behind a banner."""
        rows = self.fields(shown, *COLUMNS)
        return [Packet(int(number), int(stream), int(port), *rest) for number, stream, port, *rest in rows]

    def fields(self, shown: str, *names: str) -> list[list[str]]:
        """Fields of the segments that a display filter selects; the last one may hold anything."""
        asked = [argument for name in names for argument in ("-e", name)]
        listed = self._tshark("-Y", shown, "-T", "fields", "-E", "separator=/t", *asked)
        return [line.split("\t", len(names) - 1) for line in listed.splitlines()]

    def flaws(self) -> list[Packet]:
        """What tshark calls malformed or does not know."""
        unknown = [packet for packet in self.packets() if "unknown" in packet.info.lower()]
        return self.packets(MALFORMED) + unknown

    def details(self, shown: str) -> str:
        """The whole decoding of the segments that a display filter selects."""
        return self._tshark("-V", "-Y", shown)

    def _tshark(self, *args: str) -> str:
        return run_once(["tshark", "-r", self.path, *self.options, *args])


@contextmanager
def capturing(folder: Path, *ports: int, host: str | None = None) -> Iterator[Capture]:
    """Captures what goes through these ports of loopback while the block runs."""
    wanted = " or ".join(f"tcp port {port}" for port in ports)
    if host:
        wanted = f"host {host} and ({wanted})"
    capture = Capture(folder / "capture.pcapng")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marks:
        marks.bind(("127.0.0.1", 0))
        wanted += f" or udp port {marks.getsockname()[1]}"
        program = Program(["dumpcap", "-q", "-i", "lo", "-f", wanted, "-w", capture.path], folder)
        try:
            program.wait_for(lambda: has_seen(b"first mark", capture, marks), what="capture")
            yield capture
            # The kernel hands packets over in blocks: when a later mark is there, so is all before it.
            program.wait_for(lambda: has_seen(b"last mark", capture, marks), what="end of the capture")
        finally:
            program.stop()


def has_seen(mark: bytes, capture: Capture, marks: socket.socket) -> bool:
    """Whether a datagram with this mark has reached the file; sends it once more."""
    marks.sendto(mark, marks.getsockname())
    return capture.path.exists() and mark in capture.path.read_bytes()
