"""Whatever a peer sends, RTS decoding and framing raise `RemoteProtocolError` or nothing."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rpch.dcerpc.framing import PduCutter, pdus_in
from rpch.errors import RemoteProtocolError
from rpch.rts.commands import COMMANDS, RtsCommand, read_command
from rpch.rts.pdus import CATALOGUE, RtsMessage, RtsPdu, decode, encode, read_message, recognise
from rpch.testing.rts_samples import SAMPLES
from rpch.wire import Reader

PDUS = [sample.encode() for sample in SAMPLES]
COMMAND_BYTES = sorted({command.encode() for sample in SAMPLES for command in vars(sample).values()})

rts_body = st.builds(
    lambda flags, commands, tail: (flags, commands, tail),
    st.integers(0, 0xFFFF),
    st.lists(st.sampled_from(COMMAND_BYTES) | st.binary(max_size=24), max_size=6),
    st.binary(max_size=3),
)


def check_only_refusals(data: bytes) -> RtsPdu | None:
    """Decode, and let nothing but the peer's mistakes through."""
    try:
        return decode(data, legal=CATALOGUE)
    except RemoteProtocolError:
        return None


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(data: bytes) -> None:
    check_only_refusals(data)


@given(st.sampled_from(PDUS), st.data())
def test_a_good_pdu_with_any_bytes_changed_is_understood_or_refused(wire: bytes, data: st.DataObject) -> None:
    changed = bytearray(wire)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    pdu = check_only_refusals(bytes(changed))
    if pdu is not None:
        assert len(pdu.encode()) == len(wire)


@given(rts_body)
def test_a_good_header_before_anything_is_understood_or_refused(
    body: tuple[int, list[bytes], bytes],
) -> None:
    flags, commands, tail = body
    payload = b"".join(commands) + tail
    head = bytearray(encode(0, []))
    head[8:10] = (20 + len(payload)).to_bytes(2, "little")
    head[16:20] = flags.to_bytes(2, "little") + len(commands).to_bytes(2, "little")
    check_only_refusals(bytes(head) + payload)


@given(st.sampled_from(sorted(COMMANDS)), st.binary(max_size=64))
def test_a_known_command_with_any_body_is_read_or_refused(kind: int, body: bytes) -> None:
    reader = Reader(kind.to_bytes(4, "little") + body)
    try:
        command = read_command(reader)
    except RemoteProtocolError:
        return
    assert isinstance(command, RtsCommand)
    assert len(command.encode()) == reader.at


@given(st.lists(st.sampled_from(SAMPLES), max_size=8))
def test_what_is_encoded_is_recognised_again(samples: list[RtsPdu]) -> None:
    for sample in samples:
        message = read_message(sample.encode())
        assert recognise(message, [type(sample)]) == sample
        assert RtsMessage(sample.FLAGS, tuple(vars(sample).values())) == message


@given(st.lists(st.binary(max_size=64), max_size=10))
def test_random_reads_are_cut_or_refused(reads: list[bytes]) -> None:
    cutter = PduCutter()
    try:
        for read in reads:
            cutter.feed(read)
    except RemoteProtocolError:
        return
    assert cutter.held <= 0xFFFF


def rpc_pdu(kind: int, order: int, body: bytes) -> bytes:
    """One PDU with nothing in it that framing does not look at; RTS PDUs are little-endian."""
    order = 0x10 if kind == 20 else order
    size = (16 + len(body)).to_bytes(2, "little" if order else "big")
    return bytes((5, 0, kind, 3, order, 0, 0, 0)) + size + bytes(6) + body


pdus = st.builds(rpc_pdu, st.integers(0, 25), st.sampled_from([0, 0x10]), st.binary(max_size=40))


@given(st.lists(pdus, max_size=12), st.lists(st.integers(0, 700), max_size=6))
def test_a_stream_gives_the_same_pdus_wherever_it_is_torn(stream: list[bytes], tears: list[int]) -> None:
    whole = b"".join(stream)
    cuts = [0, *sorted(min(tear, len(whole)) for tear in tears), len(whole)]
    cutter, found = PduCutter(), []
    for start, end in pairwise(cuts):
        for piece in cutter.feed(whole[start:end]):
            found += [bytes(pdu) for pdu in pdus_in(piece.data)]
            assert piece.rts == (piece.data[2] == 20)
    assert found == stream
    assert cutter.held == 0


@given(st.lists(pdus, min_size=1, max_size=6), st.integers(1, 200))
def test_a_torn_end_is_held_until_it_is_whole(stream: list[bytes], missing: int) -> None:
    whole = b"".join(stream)
    missing = min(missing, len(stream[-1]) - 1)
    cutter = PduCutter()
    first = cutter.feed(whole[: len(whole) - missing])
    assert cutter.held == len(stream[-1]) - missing
    last = cutter.feed(whole[len(whole) - missing :])
    assert b"".join(bytes(piece.data) for piece in [*first, *last]) == whole
