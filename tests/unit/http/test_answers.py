"""What the proxy answers, byte for byte."""

from __future__ import annotations

import pytest

from rpch.errors import LocalProtocolError
from rpch.http.answers import (
    CONTINUE,
    ECHO_PDU,
    Framing,
    challenge_answer,
    connect_head,
    echo_answer,
    framing_for,
    refusal_answer,
    success_head,
)
from rpch.http.heads import HttpRefused, ResponseHead, read_response_head


def read(answer: bytes) -> tuple[ResponseHead, bytes]:
    found = read_response_head(answer)
    assert found is not None
    head, size = found
    return head, answer[size:]


def test_the_success_head_of_the_specification() -> None:
    assert success_head(1_073_741_824) == (
        b"HTTP/1.1 200 Success\r\nContent-Type: application/rpc\r\nContent-Length: 1073741824\r\n\r\n"
    )


def test_a_success_head_may_end_an_authentication() -> None:
    head, _ = read(
        success_head(131_072, fields=[("WWW-Authenticate", "Negotiate oRQ="), ("Persistent-Auth", "true")])
    )
    assert head.get("www-authenticate") == "Negotiate oRQ="
    assert head.get("persistent-auth") == "true"


def test_ruler_is_served_in_chunks() -> None:
    head, _ = read(success_head(131_072, framing=Framing.CHUNKED))
    assert head.get("transfer-encoding") == "chunked"
    assert head.get("content-length") is None


def test_samba_speaks_http_1_0_and_gets_no_chunks() -> None:
    assert framing_for("1.0", Framing.CHUNKED) is Framing.LENGTH
    assert framing_for("1.1", Framing.CHUNKED) is Framing.CHUNKED
    assert framing_for("1.1", Framing.LENGTH) is Framing.LENGTH


@pytest.mark.parametrize("lifetime", [131_072, 2_147_483_648])
def test_the_lifetimes_of_the_specification_are_sent(lifetime: int) -> None:
    assert read(success_head(lifetime))[0].get("content-length") == str(lifetime)


@pytest.mark.parametrize("lifetime", [0, 131_071, 2_147_483_649])
def test_other_lifetimes_are_not(lifetime: int) -> None:
    with pytest.raises(LocalProtocolError):
        success_head(lifetime)


def test_the_echo_answer_of_the_specification() -> None:
    assert echo_answer() == (
        b"HTTP/1.1 200 Success\r\n"
        b"Connection: Keep-Alive\r\n"
        b"Content-Length: 20\r\n"
        b"Content-Type: application/rpc\r\n"
        b"\r\n"
    ) + bytes.fromhex("05 00 14 03 10 00 00 00 14 00 00 00 00 00 00 00 40 00 00 00")
    assert len(ECHO_PDU) == 20


def test_an_echo_answer_may_end_an_authentication() -> None:
    head, body = read(echo_answer(fields=[("Persistent-Auth", "true")]))
    assert (head.get("persistent-auth"), body) == ("true", ECHO_PDU)


def test_impacket_reads_continue_at_bytes_9_to_22() -> None:
    assert CONTINUE == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert CONTINUE[9:23] == b"100 Continue\r\n"


def test_a_v1_connection_opens_with_ok() -> None:
    assert connect_head() == b"HTTP/1.1 200 OK\r\n\r\n"


def test_a_challenge_has_one_line_for_each_scheme_and_an_exact_body() -> None:
    answer = challenge_answer(["Negotiate", "NTLM", 'Basic realm="x", charset="UTF-8"'], reuse=True)
    head, body = read(answer)
    assert (head.status, head.phrase, head.version) == (401, "Unauthorized", "1.1")
    assert head.all("www-authenticate") == ["Negotiate", "NTLM", 'Basic realm="x", charset="UTF-8"']
    assert head.get("content-length") == str(len(body))
    assert head.get("connection") == "Keep-Alive"
    assert head.get("proxy-support") == "Session-Based-Authentication"
    assert body == b"Authentication: authentication is required\r\n"


def test_a_challenge_may_close() -> None:
    head, _ = read(challenge_answer(['Basic realm="x"'], reuse=False, rule="LockedOut", fields=[("X", "y")]))
    assert not head.keep_alive
    assert head.get("proxy-support") is None
    assert (head.get("x-rpch-rule"), head.get("x")) == ("LockedOut", "y")


def test_a_challenge_without_a_scheme_is_a_mistake() -> None:
    with pytest.raises(LocalProtocolError):
        challenge_answer([], reuse=True)


def test_a_refusal_names_its_rule_in_head_and_body() -> None:
    refused = HttpRefused(403, "Forbidden", "RequireTls", "this proxy speaks only over TLS")
    assert refusal_answer(refused) == (
        b"HTTP/1.1 403 Forbidden\r\n"
        b"X-Rpch-Rule: RequireTls\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Length: 45\r\n"
        b"Connection: close\r\n"
        b"\r\n"
        b"RequireTls: this proxy speaks only over TLS\r\n"
    )


def test_a_refusal_without_detail_says_its_phrase() -> None:
    _, body = read(refusal_answer(HttpRefused(404, "Not Found", "Path")))
    assert body == b"Path: Not Found\r\n"


def test_a_wrong_method_is_told_the_right_ones() -> None:
    head, _ = read(refusal_answer(HttpRefused(405, "Method Not Allowed", "Method"), fields=[("X", "y")]))
    assert head.get("allow") == "RPC_IN_DATA, RPC_OUT_DATA, RPC_CONNECT"
    assert head.get("x") == "y"


def test_an_answer_to_head_has_no_body() -> None:
    head, body = read(refusal_answer(HttpRefused(405, "Method Not Allowed", "Method"), method="HEAD"))
    assert body == b""
    assert head.get("content-length") != "0"


def test_a_rule_cannot_smuggle_a_field() -> None:
    with pytest.raises(LocalProtocolError):
        refusal_answer(HttpRefused(403, "Forbidden", "a\r\nSet-Cookie: b"))
