"""`rpch ping`: how far one gets to an RPC server, and what is wrong where it ends."""

from __future__ import annotations

import json
import os
import ssl
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from rpch.aio.event_loop import run
from rpch.aio.tls import client_context
from rpch.cli.logs import configure_logs
from rpch.cli.passwords import USER_HELP, ask_password, name_and_password
from rpch.client.credentials import Credentials
from rpch.client.security import RpcCredentials, credentials_for
from rpch.dcerpc.binding import StringBinding
from rpch.dcerpc.protseq import ProtocolSequence
from rpch.errors import ConfigError
from rpch.probe import rpcping
from rpch.probe.ladder import Report, Step
from rpch.probe.report import as_object, print_report
from rpch.probe.steps import ping as climb
from rpch.probe.target import DEFAULT_TIMEOUT, PingTarget, ping_target

WIDTH_OF_FILES: Final = 120


def _as_in_rpcping(name: str, words: str, **more: Any) -> Any:
    return typer.Option(name, help=words, rich_help_panel="As in rpcping", **more)


Text = str | None
Protseq = Annotated[Text, _as_in_rpcping("-t", "ncacn_http or ncacn_ip_tcp.")]
Server = Annotated[Text, _as_in_rpcping("-s", "The RPC server; this machine if not said.")]
Endpoint = Annotated[Text, _as_in_rpcping("-e", "Its port; the endpoint mapper's if not said.")]
Options = Annotated[list[str] | None, _as_in_rpcping("-o", "RpcProxy=host:port, HttpProxy=host:port.")]
Wanted = Annotated[Text, _as_in_rpcping("-f", "UUID,VERSION of an interface to look up and bind.")]
Object = Annotated[Text, _as_in_rpcping("-O", "UUID of the object that calls name.")]
Calls = Annotated[int, _as_in_rpcping("-i", "How many calls to make.", min=1, max=100_000)]
Identity = Annotated[Text, _as_in_rpcping("-P", "user,domain,password at the RPC proxy; * asks for it.")]
Flags = Annotated[Text, _as_in_rpcping("-F", "1 or ssl: TLS; 2 or first; 3: both.")]
Schemes = Annotated[Text, _as_in_rpcping("-H", "Scheme at the RPC proxy: Basic or 1, NTLM or 2, Negotiate.")]
Subject = Annotated[Text, _as_in_rpcping("-B", "Subject of the proxy's certificate, or msstd:subject.")]
EchoOnly = Annotated[bool, _as_in_rpcping("-E", "Only to the RPC proxy, not to the server.")]
HttpProxy = Annotated[
    Text, _as_in_rpcping("-R", "HTTP proxy on the way; none; default: as https_proxy says.")
]
RelayIdentity = Annotated[
    Text, _as_in_rpcping("-A", "user,domain,password at the HTTP proxy; * asks for it.")
]
RelaySchemes = Annotated[Text, _as_in_rpcping("-U", "Scheme at the HTTP proxy, as for -H.")]
RpcIdentity = Annotated[Text, _as_in_rpcping("-I", "user,domain,password at the RPC server; * asks for it.")]
Package = Annotated[
    Text, _as_in_rpcping("-u", "How to prove -I: Negotiate or 9, NTLM or 10, Kerberos or 16.")
]
Level = Annotated[Text, _as_in_rpcping("-a", "How to protect calls: connect, pkt, integrity, privacy.")]
ShowSubject = Annotated[bool, _as_in_rpcping("-b", "Taken; the subject is always shown.")]
Verbosity = Annotated[int | None, _as_in_rpcping("-v", "Taken; everything is always shown.")]
Quiet = Annotated[bool, _as_in_rpcping("-q", "Taken; only passwords are ever asked for.")]


def ping(
    target: Annotated[Text, typer.Argument(help="'ncacn_http:server[593,RpcProxy=host:port]'")] = None,
    user: Annotated[Text, typer.Option(help=f"At the RPC proxy: {USER_HELP}")] = None,
    no_tls: Annotated[bool, typer.Option("--no-tls", help="Plain HTTP to the RPC proxy.")] = False,
    tls_ca: Annotated[Path | None, typer.Option(help="Authorities to trust, PEM.")] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, help="Seconds to wait for each answer.")
    ] = DEFAULT_TIMEOUT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    protseq: Protseq = None,
    server: Server = None,
    endpoint: Endpoint = None,
    options: Options = None,
    interface: Wanted = None,
    object_uuid: Object = None,
    calls: Calls = 1,
    identity: Identity = None,
    flags: Flags = None,
    schemes: Schemes = None,
    subject: Subject = None,
    echo_only: EchoOnly = False,
    http_proxy: HttpProxy = None,
    relay_identity: RelayIdentity = None,
    relay_schemes: RelaySchemes = None,
    rpc_identity: RpcIdentity = None,
    package: Package = None,
    level: Level = None,
    show_subject: ShowSubject = False,
    verbosity: Verbosity = None,
    quiet: Quiet = False,
) -> None:
    """Climb from DNS to a call, time each step, and say what is wrong and what helps.

    The exit status is 0 when everything that is needed works, else 1. rpcping's options work too.
    """
    configure_logs(json=as_json)
    parts = (protseq, server, endpoint, options or None, object_uuid)
    binding = _binding(target, parts, http_proxy)
    wanted = ping_target(
        binding,
        credentials=_credentials(user, identity, schemes),
        relay_credentials=_identified(relay_identity, "-A", relay_schemes, "-U"),
        environment=os.environ if http_proxy and http_proxy.lower() == rpcping.DEFAULT else None,
        tls=_tls(binding, tls_ca, no_tls=no_tls or (flags is not None and not rpcping.uses_tls(flags))),
        interface=rpcping.parse_wanted_interface(interface) if interface else None,
        principal=rpcping.principal_of(subject) if subject else None,
        caller=_caller(binding, rpc_identity, package, level),
        echo_only=echo_only,
        calls=calls,
        timeout=timeout,
    )
    report = _run_and_show(wanted, as_json=as_json)
    raise typer.Exit(0 if report.ok else 1)


def _binding(target: Text, parts: tuple[Any, ...], http_proxy: Text) -> StringBinding:
    """One string binding, or rpcping's parts of one."""
    given = any(part is not None for part in parts)
    if target is not None and given:
        raise ConfigError("TARGET", "says all that -t, -s, -e, -o and -O say; give it or those")
    if target is None and not given:
        raise ConfigError("TARGET", "is missing; write 'ncacn_http:server[593,RpcProxy=host:port]'")
    if target is not None:
        binding = StringBinding.parse(target)
    else:
        protseq, server, endpoint, options, object_uuid = parts
        binding = rpcping.compose_binding(protseq, server, endpoint, options or (), object_uuid)
    return rpcping.with_http_proxy(binding, http_proxy) if http_proxy else binding


def _credentials(user: Text, identity: Text, schemes: Text) -> Credentials | None:
    """Who we are to the RPC proxy."""
    if user is not None and identity is not None:
        raise ConfigError("--user", "says what -P says; give one of them")
    if identity is not None:
        return _identified(identity, "-P", schemes, "-H")
    scheme = rpcping.parse_scheme(schemes, "-H") if schemes else None
    known = name_and_password(user)
    return Credentials(*known, scheme) if known is not None else None


def _identified(identity: Text, option: str, schemes: Text, schemes_option: str) -> Credentials | None:
    """An identity as rpcping writes it."""
    scheme = rpcping.parse_scheme(schemes, schemes_option) if schemes else None
    return Credentials(*_parsed(identity, option), scheme) if identity is not None else None


def _caller(binding: StringBinding, identity: Text, package: Text, level: Text) -> RpcCredentials | None:
    """Who we are to the RPC server; without -I nobody, or, by Kerberos, whoever has signed in."""
    auth_type = rpcping.parse_package(package) if package else None
    auth_level = rpcping.parse_level(level) if level else None
    name, password = _parsed(identity, "-I") if identity else (None, "")
    return credentials_for(binding, name, password, level=auth_level, auth_type=auth_type)


def _parsed(identity: str, option: str) -> tuple[str, str]:
    return rpcping.parse_identity(identity, option, partial(ask_password, option=option))


def _tls(binding: StringBinding, authorities: Path | None, *, no_tls: bool) -> ssl.SSLContext | None:
    if no_tls and authorities is not None:
        raise ConfigError("--tls-ca", "contradicts the wish to go without TLS; give one of them")
    if no_tls or binding.transport is ProtocolSequence.NCACN_IP_TCP:
        return None
    return client_context(authorities)


def _run_and_show(target: PingTarget, *, as_json: bool) -> Report:
    if as_json:
        report = run(climb(target))
        sys.stdout.write(json.dumps(as_object(report)) + "\n")
        return report
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES)
    with console.status("") as status:

        def started(step: Step) -> None:
            status.update(step.title)

        report = run(climb(target, started))
    print_report(report, console)
    return report
