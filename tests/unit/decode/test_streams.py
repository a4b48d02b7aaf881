"""Each direction of a connection falls into messages, however it arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpch.decode.messages import Kind, Message
from rpch.decode.streams import BANNER, StreamDecoder, Talk
from rpch.http.chunks import LAST_CHUNK, encode_chunk
from rpch.rts.commands import ForwardDestination
from rpch.testing.captures import BIND, BIND_ACK, OUT_ACCEPTED, REQUEST, RESPONSE, RTS, channel_head
from rpch.testing.codecs import every_split, one_at_a_time

OUT_HEAD = channel_head("RPC_OUT_DATA", 76)
IN_HEAD = channel_head("RPC_IN_DATA", 1 << 30)
ECHO_HEAD = channel_head("RPC_IN_DATA", 4)
ECHO_ANSWER = (
    b"HTTP/1.1 200 Success\r\nContent-Length: 20\r\nContent-Type: application/rpc\r\n\r\n" + RTS["Echo"]
)
DENIED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nno..."
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage"


def names(messages: list[Message]) -> list[str]:
    """What messages are called; heads by their first word or two."""
    return [
        " ".join(message.name.split(" ")[:2]) if message.kind is Kind.HEAD else message.name
        for message in messages
    ]


def decoded(data: bytes, talk: Talk | None = None, *, from_client: bool | None = None) -> list[str]:
    """The names of all messages of a stream."""
    decoder = StreamDecoder(talk, from_client=from_client)
    return names([*decoder.feed(data), *decoder.close()])


def asked(method: str) -> Talk:
    """A connection on which this was asked."""
    place = {"RPC_IN_DATA": "IN-H", "RPC_OUT_DATA": "OUT-H"}.get(method)
    return Talk(method=method, place=place)


STREAMS: list[tuple[str, bytes, Talk | None, list[str]]] = [
    (
        "an IN channel after an echo",
        ECHO_HEAD + b"\xf8\xe8\x18\x08" + IN_HEAD + RTS["CONN/B1"] + BIND + RTS["Ping"] + REQUEST,
        None,
        [
            "RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001",
            "body",
            "RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001",
            "CONN/B1",
            "bind",
            "Ping",
            "request",
        ],
    ),
    (
        "two OUT requests on one connection",
        OUT_HEAD + RTS["CONN/A1"] + channel_head("RPC_OUT_DATA", 120) + RTS["OUT_R1/A3"] + RTS["OUT_R1/A11"],
        None,
        [
            "RPC_OUT_DATA /rpc/rpcproxy.dll?ex01:6001",
            "CONN/A1",
            "RPC_OUT_DATA /rpc/rpcproxy.dll?ex01:6001",
            "OUT_R1/A3 = OUT_R2/A3",
            "OUT_R1/A11",
        ],
    ),
    (
        "the answers to an OUT channel",
        DENIED + b"HTTP/1.1 100 Continue\r\n\r\n" + OUT_ACCEPTED + RTS["CONN/A3"] + RTS["CONN/C1"] + BIND_ACK,
        asked("RPC_OUT_DATA"),
        ["HTTP/1.1 401", "body", "HTTP/1.1 100", "HTTP/1.1 200", "CONN/A3", "CONN/C2", "bind_ack"],
    ),
    ("an answer to an echo", ECHO_ANSWER, asked("RPC_IN_DATA"), ["HTTP/1.1 200", "Echo"]),
    ("an answer to nobody knows what", OUT_ACCEPTED + RTS["CONN/A3"], None, ["HTTP/1.1 200", "CONN/A3"]),
    (
        "an error in an open channel",
        OUT_ACCEPTED + RTS["CONN/A3"] + b"HTTP/1.0 503 RPC Error: 6ba\r\n\r\nRPC EEInfo:AAAA",
        asked("RPC_OUT_DATA"),
        ["HTTP/1.1 200", "CONN/A3", "HTTP/1.0 503", "body"],
    ),
    (
        "what a server says",
        BANNER + RTS["CONN/C1"] + RESPONSE,
        None,
        [BANNER.decode(), "CONN/C1 = CONN/C2", "response"],
    ),
    ("plain RPC", BIND + REQUEST, None, ["bind", "request"]),
    (
        "pages of the web",
        PAGE + b"HTTP/1.1 304 Not\r\n\r\n" + PAGE,
        asked("GET"),
        ["HTTP/1.1 200", "body", "HTTP/1.1 304", "HTTP/1.1 200", "body"],
    ),
    ("headers alone", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", asked("HEAD"), ["HTTP/1.1 200"]),
    (
        "a tunnel",
        b"CONNECT proxy:80 HTTP/1.1\r\n\r\nRPC_CONNECT server:593 HTTP/1.1\r\n\r\n" + BIND,
        None,
        ["CONNECT proxy:80", "RPC_CONNECT server:593", "bind"],
    ),
    (
        "a tunnel's answer",
        b"HTTP/1.1 200 OK\r\n\r\n" + BIND_ACK,
        asked("RPC_CONNECT"),
        ["HTTP/1.1 200", "bind_ack"],
    ),
]


@pytest.mark.parametrize(
    ("stream", "talk", "expected"), [row[1:] for row in STREAMS], ids=[row[0] for row in STREAMS]
)
def test_a_stream_falls_into_its_messages(stream: bytes, talk: Talk | None, expected: list[str]) -> None:
    assert decoded(stream, talk) == expected


@pytest.mark.parametrize("name", [row[0] for row in STREAMS if "body" not in row[3]])
def test_it_does_so_a_byte_at_a_time(name: str) -> None:
    ((_, stream, talk, expected),) = [row for row in STREAMS if row[0] == name]
    decoder = StreamDecoder(Talk(method=talk.method, place=talk.place) if talk else None)
    found = [message for byte in one_at_a_time(stream) for message in decoder.feed(byte)]
    assert names(found) == expected
    assert b"".join(message.data for message in found) == stream
    assert decoder.close() == []


def test_offsets_count_from_the_start_of_the_stream() -> None:
    stream = IN_HEAD + RTS["CONN/B1"] + BIND + RTS["Ping"]
    for first, second in list(every_split(stream))[::7]:
        decoder = StreamDecoder()
        at = 0
        for message in [*decoder.feed(first), *decoder.feed(second)]:
            assert message.at == at
            assert stream[at : at + len(message.data)] == message.data
            at += len(message.data)
        assert at == len(stream)


def test_chunked_channels_are_unpacked() -> None:
    head = b"HTTP/1.1 200 Success\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = encode_chunk(RTS["CONN/A3"]) + encode_chunk(RTS["CONN/C2"][:9]) + encode_chunk(RTS["CONN/C2"][9:])
    stream, expected = head + body + LAST_CHUNK, ["HTTP/1.1 200", "CONN/A3", "CONN/C2"]
    assert decoded(stream, asked("RPC_OUT_DATA")) == expected
    decoder = StreamDecoder(asked("RPC_OUT_DATA"))
    assert names([message for byte in one_at_a_time(stream) for message in decoder.feed(byte)]) == expected
    assert names(decoder.feed(OUT_ACCEPTED)) == ["HTTP/1.1 200"]


def test_chunks_that_are_none_end_the_reading() -> None:
    decoder = StreamDecoder(asked("GET"))
    (_, lost) = decoder.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
    assert lost.problem == "the chunks of a body cannot be followed: no chunk size, at byte 0"
    late = StreamDecoder(asked("GET"))
    late.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert [message.kind for message in late.feed(b"zz\r\n")] == [Kind.NOTE]
    assert late.feed(PAGE) == []


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (b"\x16\x03\x01\x02\x00", "TLS: only its two ends can read it; capture behind the one that ends TLS"),
        (b"\xff\xfenonsense", "neither RPC nor HTTP: it starts with ff fe 6e 6f 6e 73 65 6e 73 65"),
        (b"nonsense", "neither RPC nor HTTP: it starts with 6e 6f 6e 73 65 6e 73 65"),
        (BIND + b"\x04" * 20, "no PDU: it starts with 04 04 04 04 04 04 04 04"),
        (BIND[:8] + b"\x0f\0" + BIND[10:], "no PDU: frag_length 15, at byte 8"),
        (b"GET /" + b"x" * 140_000, "an HTTP head without an end"),
        (OUT_HEAD + RTS["OUT_R1/A3"], "a PDU of 96 bytes in the last 76 bytes of a body"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else None,
)
def test_where_a_stream_cannot_be_followed_one_note_says_why(stream: bytes, problem: str) -> None:
    decoder = StreamDecoder()
    *_, note = decoder.feed(stream)
    assert (note.kind, note.problem) == (Kind.NOTE, problem)
    assert decoder.feed(BIND) == []
    assert decoder.lose(3) == []
    assert decoder.close() == []


def test_tls_and_banner_are_recognised_when_they_are_whole() -> None:
    assert StreamDecoder().feed(b"\x16") == []
    assert StreamDecoder().feed(BANNER[:13]) == []


@pytest.mark.parametrize(
    ("stream", "problem"),
    [
        (BIND[:9], "the stream ends after 9 bytes of a message that needs more"),
        (BIND[:40], "frag_length says 72 bytes, the stream ends after 40"),
        (RTS["CONN/A1"][:30], "frag_length says 76 bytes, the stream ends after 30"),
        (OUT_HEAD[:30], "the stream ends after 30 bytes of a message that needs more"),
        (BANNER[:5], "the stream ends after 5 bytes of a message that needs more"),
    ],
)
def test_what_the_end_cut_off_is_a_problem(stream: bytes, problem: str) -> None:
    decoder = StreamDecoder()
    (message,) = [*decoder.feed(BIND if stream[0] == 5 else b""), *decoder.feed(stream), *decoder.close()][
        -1:
    ]
    assert message.problem == problem
    assert message.data == stream


def test_after_missing_bytes_the_next_pdu_is_looked_for() -> None:
    decoder = StreamDecoder()
    decoder.feed(BIND + REQUEST[:20])
    (note,) = decoder.lose(100)
    assert (note.problem, note.at) == ("100 bytes are missing in the capture", len(BIND) + 20)
    assert decoder.feed(b"the end of something" + REQUEST) == []
    first, second = decoder.feed(RTS["Ping"])
    assert (first.name, second.name) == ("request", "Ping")
    assert first.at == len(BIND) + 20 + 100 + 20
    assert decoder.close() == []


def test_the_last_pdu_after_missing_bytes_is_found_at_the_end() -> None:
    decoder = StreamDecoder()
    decoder.feed(BIND)
    decoder.lose(100)
    assert decoder.feed(b"xx" + REQUEST) == []
    assert names(decoder.close()) == ["request"]
    nothing = StreamDecoder()
    nothing.feed(BIND)
    nothing.lose(100)
    assert nothing.feed(b"xxxx") == []
    assert nothing.close() == []


def test_a_body_ends_where_it_was_to_end_whatever_is_missing() -> None:
    decoder = StreamDecoder()
    decoder.feed(OUT_HEAD + RTS["CONN/A1"][:10])
    assert [note.problem for note in decoder.lose(50)] == ["50 bytes are missing in the capture"]
    assert names(decoder.feed(RTS["CONN/A1"][60:] + IN_HEAD + RTS["Ping"])) == [
        "RPC_IN_DATA /rpc/rpcproxy.dll?ex01:6001",
        "Ping",
    ]


@pytest.mark.parametrize("before", [b"", OUT_HEAD[:20], OUT_HEAD + RTS["CONN/A1"][:10]])
def test_missing_bytes_that_hide_a_head_end_the_reading(before: bytes) -> None:
    decoder = StreamDecoder()
    decoder.feed(before)
    (note,) = decoder.lose(100)
    assert note.problem == "100 bytes are missing in the capture; the rest cannot be followed"
    assert decoder.feed(REQUEST) == []


def test_missing_bytes_of_a_chunked_body_end_the_reading() -> None:
    decoder = StreamDecoder(asked("RPC_OUT_DATA"))
    decoder.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    (note,) = decoder.lose(5)
    assert note.problem == "5 bytes are missing in the capture; the rest cannot be followed"


def test_missing_bytes_in_an_opaque_body_do_no_harm() -> None:
    decoder = StreamDecoder(asked("GET"))
    decoder.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    assert [note.problem for note in decoder.lose(5)] == ["5 bytes are missing in the capture"]
    assert names(decoder.feed(b"ab" + PAGE)) == ["body", "HTTP/1.1 200", "body"]
    endless = StreamDecoder(asked("GET"))
    endless.feed(b"HTTP/1.1 200 OK\r\n\r\nabc")
    assert len(endless.lose(1000)) == 1
    assert names(endless.feed(b"more")) == ["body"]


def test_a_leg_between_proxy_and_server_is_known_by_its_first_pdu() -> None:
    for opening, place in (
        ("CONN/A2", "OUT-T"),
        ("CONN/B2", "IN-T"),
        ("OUT_R1/A4", "OUT-T"),
        ("IN_R1/A2", "IN-T"),
    ):
        talk = Talk()
        proxy, server = StreamDecoder(talk, from_client=True), StreamDecoder(talk, from_client=False)
        assert names(proxy.feed(RTS[opening])) == [opening]
        assert talk.place == place
        expected = {"IN-T": ["CONN/B3"], "OUT-T": ["CONN/B3"]}[place]
        assert names(server.feed(RTS["CONN/B3"])) == expected
        cookie = {"IN-T": "IN_R1/A6 = IN_R2/A2", "OUT-T": "OUT_R2/A4"}[place]
        assert names(proxy.feed(RTS["IN_R1/A5"])) == [cookie]


def test_who_receives_may_be_said_from_outside() -> None:
    talk = Talk(place="OUT-H", receiver=ForwardDestination.CLIENT)
    assert decoded(RTS["OUT_R1/A9"], talk) == ["OUT_R1/A10"]


def test_the_virtual_connection_is_learnt_from_its_pdus() -> None:
    talk = Talk()
    decoder = StreamDecoder(talk)
    decoder.feed(RTS["Ping"])
    assert talk.connection == ""
    decoder.feed(RTS["CONN/A1"])
    assert talk.connection == "10111213…"


def test_channels_of_one_virtual_connection_share_their_calls() -> None:
    inward, outward = Talk(), Talk()
    outward.sessions = inward.sessions
    StreamDecoder(inward).feed(RTS["CONN/B1"] + BIND + REQUEST)
    answers = StreamDecoder(outward).feed(RTS["CONN/A1"] + RESPONSE)
    assert answers[-1].about == "call 2, EMSMDB EcDoConnectEx"


def test_a_broken_rts_pdu_is_shown_with_its_problem_and_reading_goes_on() -> None:
    broken = RTS["CONN/A3"][:12] + b"\x01" + RTS["CONN/A3"][13:]
    first, second = StreamDecoder().feed(broken + RTS["Ping"])
    assert first.problem == "not the header of an RTS PDU, at byte 12"
    assert second.name == "Ping"


def test_cookies_are_whole_when_asked_for() -> None:
    (message,) = StreamDecoder(Talk(whole_cookies=True)).feed(RTS["IN_R1/A5"])
    assert message.parts[-1].value == bytes(range(0x60, 0x70)).hex()


PARTS = [OUT_HEAD, IN_HEAD, OUT_ACCEPTED, DENIED, PAGE, BANNER, BIND, REQUEST, *RTS.values()]


@given(st.lists(st.sampled_from(PARTS) | st.binary(max_size=30), max_size=8), st.lists(st.integers(0, 400)))
def test_any_stream_can_be_decoded(parts: list[bytes], tears: list[int]) -> None:
    decoder, data = StreamDecoder(), b"".join(parts)
    found: list[Message] = []
    for tear in tears:
        found += decoder.feed(data[:tear])
        data = data[tear:]
    found += [*decoder.feed(data), *decoder.close()]
    assert sum(len(message.data) for message in found) <= sum(map(len, parts))
