"""No secret reaches a log, a trace, or a capture that we write: passwords, tokens, hashes, cookies, contents.

One system runs as a person would run it, with everything written that can be written: log lines of all
levels, the trace, and `rpch dump --pcapng` of that trace. Then all of it is searched for canaries. Contents
of calls may stand only in a trace that was asked for in full.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rpch.auth.ntlm.md4 import md4
from rpch.client.connect import connect
from rpch.errors import AuthenticationFailed
from rpch.server.demo import Demo, Octets

RPCH = Path(sys.executable).with_name("rpch")
CONTENT = b"canary-of-the-mail-content-7f3a"
WRONG = "canary-of-a-wrong-password-51c2"


@pytest.mark.slow
@pytest.mark.parametrize("full", [False, True], ids=["trace", "full-trace"])
async def test_no_secret_is_written_anywhere(tmp_path: Path, full: bool) -> None:
    data, log, trace = tmp_path / "data", tmp_path / "log", tmp_path / "trace"
    with log.open("wb") as errors:
        environment = {**os.environ, "RPCH_TRACE": str(trace), "RPCH_TRACE_FULL": str(int(full))}
        command: list[str | Path] = ["up", "--listen", "127.0.0.1:0", "--data", data, "--json", "--verbose"]
        program = await asyncio.create_subprocess_exec(
            RPCH, *command, stdout=asyncio.subprocess.PIPE, stderr=errors, env=environment
        )
        try:
            assert program.stdout is not None
            ready = json.loads(await asyncio.wait_for(program.stdout.readline(), 20))
            await talk(ready)
        finally:
            program.terminate()
            await program.wait()
    capture = tmp_path / "capture.pcapng"
    dumped = await asyncio.create_subprocess_exec(
        RPCH, "dump", trace, "--pcapng", capture, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    said, _ = await dumped.communicate()
    written = {
        "log": log.read_bytes(),
        "trace": trace.read_bytes(),
        "dump": said,
        "capture": capture.read_bytes() if full else b"",
    }
    for scheme in (b"Basic", b"NTLM", b"Negotiate"):
        assert b'"scheme": "%b"' % scheme in written["log"]
    assert b"CONN/A2" in written["trace"]
    password = ready["users"][0]["password"]
    secrets = canaries(ready["users"][0]["name"], password)
    if not full:
        secrets["content"] = CONTENT
    for name, canary in secrets.items():
        for where, text in written.items():
            assert canary not in text, f"the {name} is in the {where}"
            assert canary.hex().encode() not in text, f"the {name} is in the {where}, as hex"


async def talk(ready: dict[str, object]) -> None:
    """Calls with content, as users of the proxy and of the server, and wrong passwords."""
    port = str(ready["listen"][0]).rpartition(":")[2]  # type: ignore[index]
    user = ready["users"][0]  # type: ignore[index]
    tls = ssl.create_default_context(cafile=str(ready["ca"]))
    binding = f"ncacn_http:localhost[6001,RpcProxy=localhost:{port}]"
    async with connect(binding, user=user["name"], password=user["password"], tls=tls) as client:
        answer = await client.call(Demo.echo, Octets(CONTENT))
        assert answer.data == CONTENT
    for password in user["password"], WRONG:
        login: dict[str, Any] = {"user": user["name"], "password": user["password"], "tls": tls}
        async with connect(binding, **login, rpc_user=user["name"], rpc_password=password) as client:
            try:
                assert (await client.call(Demo.echo, Octets(CONTENT))).data == CONTENT
            except AuthenticationFailed:
                assert password == WRONG
    for scheme in "Basic", "NTLM", "Negotiate":
        async with connect(
            binding, user=user["name"], password=user["password"], tls=tls, scheme=scheme
        ) as client:
            assert (await client.call(Demo.echo, Octets(CONTENT))).data == CONTENT
        with pytest.raises(AuthenticationFailed):
            async with connect(binding, user=user["name"], password=WRONG, tls=tls, scheme=scheme):
                pass


def canaries(user: str, password: str) -> dict[str, bytes]:
    """What must not be found, in the forms in which it travels or is kept."""
    return {
        "password": password.encode(),
        "password as UTF-16": password.encode("utf-16-le"),
        "NT hash": md4(password.encode("utf-16-le")),
        "SHA-256": hashlib.sha256(password.encode()).digest(),
        "Basic token": base64.b64encode(f"{user}:{password}".encode()),
        "wrong password": WRONG.encode(),
        "NTLM message": b"NTLMSSP\0",
        # Its place within a token, which SPNEGO wraps, decides which of three forms it has.
        **{
            f"NTLM message, in a header with {part!r}": base64.b64encode(part)
            for part in (b"NTLMSS", b"TLMSSP", b"LMSSP\0")
        },
        "wrong Basic token": base64.b64encode(f"{user}:{WRONG}".encode()),
    }
