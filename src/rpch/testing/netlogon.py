"""One operation of the netlogon interface, for tests of other makers that call it.  MS-NRPC 3.5.4.4.1

They use it because it takes a request of any size and answers it, and needs no authentication.
"""

from typing import Annotated

from rpch.dcerpc.interface import Call, interface, operation
from rpch.ndr import ErrorStatus, Message, WString, octets, unique

SERVER_CHALLENGE = bytes(range(8))
OK = 0


class ChallengeRequest(Message):
    """A client's name and its challenge."""

    server: Annotated[str | None, unique(WString)]
    computer: WString
    challenge: Annotated[bytes, octets(8)]


class ChallengeResponse(Message):
    """The server's challenge."""

    challenge: Annotated[bytes, octets(8)]
    status: ErrorStatus


@interface("12345678-1234-abcd-ef00-01234567cffb", version=(1, 0))
class Netlogon:
    """Begins to build a secure channel that nobody will finish."""

    @operation(4)
    def request_challenge(self, call: Call, request: ChallengeRequest) -> ChallengeResponse:
        """Answer one challenge with another."""
        return ChallengeResponse(SERVER_CHALLENGE, OK)
