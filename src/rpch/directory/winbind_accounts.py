"""Accounts of a Windows domain that this machine is a member of, by winbind's helper program `ntlm_auth`.

The helper is given the challenge and the client's response and returns the session base key: exactly what
an `AccountSource` is asked. So challenge, channel binding and MIC stay ours, which they would not with the
helper's other protocols, where it makes the challenge itself. Passwords and hashes stay with the domain
controller, and so does its lock-out.

One exchange at a time goes to a helper; several helpers run. One that refused is stopped: some refusals end
in two end marks, and the second would be taken for the answer to the next question.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rpch.auth.accounts import Identity, NtlmProof
from rpch.auth.names import UserName, fold
from rpch.auth.ntlm.proof import NtlmClaim
from rpch.errors import TransportError

COMMAND: Final = ("ntlm_auth", "--helper-protocol=ntlm-server-1")
HELPERS: Final = 4
TIMEOUT: Final = 5.0
KEY_SIZE: Final = 16
_END: Final = b".\n"
_MOST_LINES: Final = 32
_NO_ANSWER: Final = (
    OSError,
    TimeoutError,
    ValueError,
    asyncio.IncompleteReadError,
    asyncio.LimitOverrunError,
)
# Observed: what the helper says is wrong when the domain's answer could not be had.
_AWAY: Final = "winbind"


class WinbindAccounts:
    """An `AccountSource` over `ntlm_auth --helper-protocol=ntlm-server-1`."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        *,
        domain: str = "",
        aliases: Iterable[str] = (),
        helpers: int = HELPERS,
        timeout: float = TIMEOUT,
    ) -> None:
        """`domain` is whose users are meant when no domain is named; `aliases` are its other names."""
        self._command, self.domain, self._timeout = tuple(command), domain, timeout
        self._own = {"", ".", fold(domain), *map(fold, aliases)}
        self._places = asyncio.Semaphore(helpers)
        self._idle: list[_Helper] = []

    async def verify_password(self, name: str, password: str) -> Identity | None:
        """Whose password this is, as the domain says."""
        parsed = UserName.parse(name)
        if not parsed.user or not password:
            return None
        if parsed.is_upn:
            named = {"Full-Username": name}
        else:
            named = {"Username": parsed.user, "NT-Domain": self._domain_of(parsed.domain)}
        answer = await self._ask([*map(_encoded, named.items()), _encoded(("Password", password))])
        return self._identity(parsed) if answer is not None else None

    async def verify_ntlm(self, claim: NtlmClaim) -> NtlmProof | None:
        """Who proved this, as the domain says. Names go as the client sent them: they are in the proof."""
        answer = await self._ask(
            [
                f"LANMAN-Challenge: {claim.server_challenge.hex()}",
                f"NT-Response: {claim.nt_response.hex()}",
                _encoded(("Username", claim.user)),
                _encoded(("NT-Domain", claim.domain)),
                "Request-User-Session-Key: Yes",
            ]
        )
        if answer is None:
            return None
        name = UserName(claim.user, claim.domain) if claim.domain else UserName.parse(claim.user)
        return NtlmProof(self._identity(name), _key(answer))

    async def close(self) -> None:
        """Stop the helpers that wait for questions."""
        while self._idle:
            await self._idle.pop().stop()

    async def _ask(self, lines: Sequence[str]) -> Mapping[str, str] | None:
        """What a helper answers, None when it says no; `TransportError` when it gives no answer."""
        question = "".join(f"{line}\n" for line in lines).encode("utf-8") + _END
        async with self._places:
            helper = self._idle.pop() if self._idle else await _Helper.start(self._command)
            done = False
            try:
                answer = await asyncio.wait_for(helper.ask(question), self._timeout)
                done = _says_yes(answer)
            except _NO_ANSWER as error:
                raise TransportError(f"{self._command[0]} gave no answer") from error
            finally:
                if done:
                    self._idle.append(helper)
                else:
                    await helper.stop()
        return answer if done else None

    def _domain_of(self, domain: str) -> str:
        return self.domain if fold(domain) in self._own else domain

    def _identity(self, name: UserName) -> Identity:
        """The helper does not say how the account is spelled, so every spelling becomes one."""
        upn = str(name).lower() if name.is_upn else ""
        return Identity(name.user.lower(), self._domain_of(name.domain), upn)


class _Helper:
    """One running helper."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, command: Sequence[str]) -> _Helper:
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise TransportError(f"{command[0]} cannot be started: {error.strerror}") from error
        return cls(process)

    async def ask(self, question: bytes) -> Mapping[str, str]:
        """Send one block of lines and read one."""
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise BrokenPipeError
        stdin.write(question)
        await stdin.drain()
        answer: dict[str, str] = {}
        for _ in range(_MOST_LINES):
            line = await stdout.readuntil(b"\n")
            if line == _END:
                return answer
            name, _, value = line.decode("utf-8", "replace").rstrip("\n").partition(": ")
            answer[name] = value
        raise ValueError("the answer does not end")

    async def stop(self) -> None:
        """End it, whatever it does."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        if self._process.stdin is not None:
            self._process.stdin.close()
        await self._process.wait()


def _says_yes(answer: Mapping[str, str]) -> bool:
    verdict, why = answer.get("Authenticated"), answer.get("Authentication-Error", "")
    if verdict not in ("Yes", "No"):
        raise ValueError("no verdict")
    if verdict == "No" and _AWAY in why.lower():
        raise TransportError(f"winbind is away: {why}")
    return verdict == "Yes"


def _key(answer: Mapping[str, str]) -> bytes:
    """The session base key; one of zeros is not printed."""
    text = answer.get("User-Session-Key", "00" * KEY_SIZE)
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != KEY_SIZE:
        raise TransportError("winbind's helper returned no session key")
    return key


def _encoded(item: tuple[str, str]) -> str:
    """A line whose value cannot become another line: people choose these texts."""
    name, value = item
    return f"{name}:: {base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode()}"
