"""`rpch directory sync`: the people of an LDAP server in the address book, once or for good."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from rpch.cli.configuration import configure
from rpch.cli.logs import configure_logs
from rpch.cli.output import print_event, print_line, warn
from rpch.cli.progress import watched
from rpch.cli.shared_options import DATA, Data, Json, Url, WhatIf, opened_database
from rpch.directory.mirror.kinds import ServerKind
from rpch.directory.mirror.ldap_tree import open_tree
from rpch.directory.mirror.settings import MirrorSettings
from rpch.directory.mirror.synchroniser import Round, Synchroniser
from rpch.directory.mirror.watching import Watcher


def sync(
    ldap: Annotated[str | None, typer.Option(help="ldaps://HOST, ldapi://SOCKET or ldap://HOST.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with these settings and more.")] = None,
    base: Annotated[str | None, typer.Option(help="Where people and groups lie: dc=lab,dc=example.")] = None,
    kind: Annotated[ServerKind | None, typer.Option(help="What server it is; openldap.")] = None,
    bind_dn: Annotated[str | None, typer.Option(help="Who asks; nobody in particular.")] = None,
    password_file: Annotated[Path | None, typer.Option(help="File with the password of --bind-dn.")] = None,
    query: Annotated[str | None, typer.Option("--filter", help="Who is wanted; by the kind.")] = None,
    ca_file: Annotated[Path | None, typer.Option(help="Who vouches for the server.")] = None,
    start_tls: Annotated[bool | None, typer.Option("--start-tls", help="TLS on the plain port.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on, change by change.")] = False,
    what_if: WhatIf = False,
    remove_many: Annotated[
        bool, typer.Option("--remove-many", help="Remove more than half of it, when it is gone there.")
    ] = False,
    until_eof: Annotated[bool, typer.Option("--until-eof", hidden=True)] = False,
    data: Data = DATA,
    database: Url = None,
    json: Json = False,
) -> None:
    """Keep the people, groups and rooms of an LDAP server in the address book.

    What comes from there is changed only there. The first time everything is read; later, and with --watch
    every two seconds, what has changed. When the server is away the last known book stays.
    """
    configure_logs(json=json, verbose=False)
    given: dict[str, Any] = {"url": ldap, "base": base, "kind": kind and kind.value, "bind_dn": bind_dn}
    given |= {"bind_password_file": password_file, "query": query, "ca_file": ca_file, "start_tls": start_tls}
    settings = configure(MirrorSettings, config, given)
    settings.server()  # refuses what cannot work before anything is opened
    with (
        opened_database(data, database) as opened,
        watched(quiet=json or what_if or watch) as bar,
    ):
        bar.begin("reading", None)
        synchroniser = Synchroniser(opened, settings, progress=bar.advance, remove_many=remove_many)
        if watch:
            _watch(settings, synchroniser, json=json, until_eof=until_eof)
            return
        with open_tree(settings) as tree:
            done = synchroniser.what_if(tree) if what_if else synchroniser.round(tree)
    _tell(done, json=json, what_if=what_if)
    raise typer.Exit(1 if done.problems or done.held_back else 0)


def _watch(settings: MirrorSettings, synchroniser: Synchroniser, *, json: bool, until_eof: bool) -> None:
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    if until_eof:
        threading.Thread(target=_stop_at_eof, args=(stop,), daemon=True).start()
    tell = partial(_tell, json=json, problems=False)
    Watcher(
        settings.source, synchroniser, partial(open_tree, settings), interval=settings.interval, tell=tell
    ).run(stop)


def _stop_at_eof(stop: threading.Event) -> None:
    """Whoever started us holds our standard input: it ends with them."""
    sys.stdin.buffer.read()
    stop.set()


def _tell(done: Round, *, json: bool, what_if: bool = False, problems: bool = True) -> None:
    for problem in done.problems if problems else ():
        warn(problem)
    if done.held_back and problems:
        warn(f"{done.held_back} entries are gone there, too many at once; --remove-many removes them")
    counts = {"added": done.added, "changed": done.changed, "removed": done.removed, "links": done.linked}
    if json:
        facts = {"held_back": done.held_back, "problems": len(done.problems), "what_if": what_if}
        print_event("synchronised", **counts, **facts)
        return
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing to do"
    print_line(f"would be {said}" if what_if else said)
