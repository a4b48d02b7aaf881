"""Wireshark reads the captures that we write, and we read those that its tools write."""

from io import BytesIO
from pathlib import Path

import pytest

from rpch.decode.export import Exporter
from rpch.decode.pcapng import PcapngWriter
from rpch.decode.sources import decode_source
from rpch.testing.captures import BIND, NAMES, REQUEST, RESPONSE, opening_capture
from rpch.testing.rts_samples import SAMPLES
from tests.interop.processes import run_once

# tshark 4.0 calls these two malformed: they have no commands.
BARE = {"Echo", "Ping"}


def tshark(path: Path, *arguments: str) -> list[str]:
    """What tshark says of a capture, line by line."""
    return run_once(["tshark", "-r", path, *arguments]).splitlines()


def written(path: Path, data: bytes) -> Path:
    """A capture of raw bytes."""
    with path.open("wb") as sink:
        exporter = Exporter(PcapngWriter(sink), whole=True)
        for seen in decode_source(BytesIO(data)):
            exporter.add(seen)
        exporter.close()
    return path


def test_tshark_finds_no_fault_in_packets_we_make_up(tmp_path: Path) -> None:
    path = tmp_path / "opening.pcapng"
    path.write_bytes(opening_capture())
    checks = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")
    assert tshark(path, *checks, "-Y", "ip.checksum.status == 0 || tcp.checksum.status == 0") == []
    assert tshark(path, "-Y", "_ws.malformed || tcp.analysis.flags") == []
    assert len(tshark(path, "-Y", "tcp.checksum.status == 1", *checks)) == len(tshark(path))


def test_tshark_knows_every_rts_pdu_that_we_write(tmp_path: Path) -> None:
    samples = [sample for sample in SAMPLES if sample.NAME not in BARE]
    path = written(tmp_path / "rts.pcapng", b"".join(sample.encode() for sample in samples))
    assert tshark(path, "-Y", "_ws.malformed") == []
    kinds = tshark(path, "-Y", "dcerpc.pkt_type == 20", "-T", "fields", "-e", "dcerpc.cn_frag_len")
    assert len([size for line in kinds for size in line.split(",") if size]) == len(samples)


def test_tshark_and_we_agree_on_calls(tmp_path: Path) -> None:
    path = written(tmp_path / "calls.pcapng", BIND + REQUEST + RESPONSE)
    lines = tshark(path, "-Y", "dcerpc", "-T", "fields", "-e", "dcerpc.pkt_type")
    assert sorted(kind for line in lines for kind in line.split(",")) == ["0", "11", "2"]
    assert tshark(path, "-Y", "_ws.malformed") == []


@pytest.mark.parametrize("form", ["pcap", "nsecpcap", "pcapng"])
def test_we_read_what_editcap_writes(tmp_path: Path, form: str) -> None:
    path, converted = tmp_path / "opening.pcapng", tmp_path / f"opening.{form}"
    path.write_bytes(opening_capture())
    run_once(["editcap", "-F", form, path, converted])
    seen = list(decode_source(BytesIO(converted.read_bytes())))
    assert [one.message.name for one in seen] == list(NAMES)
    assert [one.time for one in seen][-1] == 1000.8


@pytest.mark.parametrize("options", [("-T", "50000,593"), ("-T", "50000,593", "-6", "::1,::2")])
def test_we_read_what_text2pcap_makes_of_a_dump(tmp_path: Path, options: tuple[str, ...]) -> None:
    text, path = tmp_path / "dump.txt", tmp_path / "dump.pcapng"
    rows = [BIND[at : at + 16] for at in range(0, len(BIND), 16)]
    text.write_text("".join(f"{16 * n:06x} {row.hex(' ')}\n" for n, row in enumerate(rows)), "ascii")
    run_once(["text2pcap", *options, text, path])
    assert [one.message.name for one in decode_source(BytesIO(path.read_bytes()))] == ["bind"]
