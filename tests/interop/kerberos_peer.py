"""One exchange of Negotiate with a ticket, in a process of its own: the library keeps its settings.

    python -m tests.interop.kerberos_peer '{"port": 1, "ca": "ca.pem", "binding": "right", "peer": "ours"}'

`peer` is "ours" (our own initiator, over pyspnego) or "gssapi" (the system's library, Kerberos without SPNEGO
around it). `binding` is "none", "right" or "wrong". The status of the last answer is printed.
"""

import json
import sys
from pathlib import Path
from typing import Any

import gssapi

from rpch.auth.channel_binding import ChannelBinding
from rpch.auth.initiator import Package, TokenInitiator
from tests.ntlm_over_http import HttpsPeer, TokenMaker


def ours(binding: ChannelBinding | None, order: dict[str, Any]) -> TokenMaker:
    """Our own initiator. With a password it asks the KDC itself."""
    user, password = order["user"], order["password"]
    return TokenInitiator(Package.NEGOTIATE, user, password, host="localhost", binding=binding).step


def bare(binding: ChannelBinding | None, order: dict[str, Any]) -> TokenMaker:
    """Tokens of Kerberos alone, from the tickets that are there."""
    bound = binding and gssapi.raw.ChannelBindings(application_data=binding.application_data)
    name = gssapi.Name("HTTP@localhost", gssapi.NameType.hostbased_service)
    context = gssapi.SecurityContext(
        name=name, mech=gssapi.MechType.kerberos, usage="initiate", channel_bindings=bound
    )
    step: TokenMaker = context.step
    return step


def main() -> None:
    """The exchange, and a second request, which needs no credentials any more."""
    order = json.loads(sys.argv[1])
    with HttpsPeer(order["port"], Path(order["ca"])) as peer:
        bindings = {
            "none": None,
            "right": ChannelBinding.of_certificate(peer.certificate),
            "wrong": ChannelBinding.of_hash(bytes(32)),
        }
        maker = {"ours": ours, "gssapi": bare}[order["peer"]]
        status = peer.prove("Negotiate", maker(bindings[order["binding"]], order))
        print(status, peer.ask()[0])


if __name__ == "__main__":
    main()
