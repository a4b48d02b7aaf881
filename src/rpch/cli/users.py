"""`rpch users`: the accounts of a database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from rpch.auth.accounts import Identity
from rpch.auth.names import UserName
from rpch.auth.throttle import account_of
from rpch.cli.configuration import configure
from rpch.cli.new_passwords import new_password
from rpch.cli.output import print_event, print_line, print_table, warn
from rpch.cli.people import facts_of, person_meant
from rpch.cli.shared_options import DATA, Data, Json, KeyFile, Url, WhatIf, opened_directory
from rpch.cli.switch_changes import shown, tell_changes
from rpch.directory.account_store import Account
from rpch.exchange.switches import cautions, read_user_switches, set_user_switches
from rpch.proxy.configuration import ProxyConfiguration

users = typer.Typer(help="Accounts: who may sign in, and how.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help=r"DOMAIN\name, name@domain, or a name that only one account has.")]
FromStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]
DisplayName = Annotated[str | None, typer.Option(help="The name that others see.")]
Mail = Annotated[str | None, typer.Option(help="The mail address.")]


@users.callback()
def about() -> None:
    """Accounts: who may sign in, and how."""


@users.command()
def add(
    name: Annotated[str, typer.Argument(help=r"DOMAIN\name.")],
    display_name: DisplayName = None,
    mail: Mail = None,
    ntlm: Annotated[bool, typer.Option(help="Let it sign in with NTLM, which keeps an NT hash.")] = False,
    password_stdin: FromStdin = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Make an account, and its entry in the address book."""
    parsed = UserName.parse(name)
    identity = Identity(parsed.user, parsed.domain)
    with opened_directory(data, database, key_file) as directory:
        password = new_password(str(identity), from_stdin=password_stdin)
        made = directory.store.add(identity, password, display_name=display_name or "", mail=mail, ntlm=ntlm)
    _tell(json, "added", made, f"{made.identity} can sign in")


@users.command()
def passwd(
    name: Name,
    ntlm: Annotated[bool | None, typer.Option(help="Turn NTLM on or off with it.")] = None,
    password_stdin: FromStdin = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Give an account a new password."""
    with opened_directory(data, database, key_file) as directory:
        account = directory.store.get(name)
        password = new_password(str(account.identity), from_stdin=password_stdin)
        changed = directory.store.set_password(name, password, ntlm=ntlm)
    _tell(json, "password-changed", changed, f"{changed.identity} has a new password")


@users.command("set")
def set_(
    name: Name,
    display_name: DisplayName = None,
    mail: Mail = None,
    no_ntlm: Annotated[
        bool, typer.Option("--no-ntlm", help="Forget the NT hash. `passwd --ntlm` makes one again.")
    ] = False,
    mapi_http_enabled: Annotated[
        str | None, typer.Option("--MapiHttpEnabled", help="true, false or inherit.")
    ] = None,
    block_rpc_http: Annotated[
        str | None, typer.Option("--MAPIBlockOutlookRpcHttp", help="true or false: refuse RPC over HTTP.")
    ] = None,
    redirect: Annotated[
        str | None, typer.Option("--AutodiscoverRedirectUrl", help="Where else to ask; empty: nowhere.")
    ] = None,
    what_if: WhatIf = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Change a user: what others see of it, and what it may use. An empty mail address removes it.

    Whoever signs in by LDAP or winbind has no account here, and is meant by that name or mail address.
    """
    switches = {
        "MapiHttpEnabled": mapi_http_enabled,
        "MAPIBlockOutlookRpcHttp": block_rpc_http,
        "AutodiscoverRedirectUrl": redirect,
    }
    given = {switch: text for switch, text in switches.items() if text is not None}
    with opened_directory(data, database, key_file) as directory:
        person = person_meant(directory, name)
        # Refuses what is wrong before anything is changed.
        changes = set_user_switches(directory.settings, person.entry_id, given, what_if=True)
        changes += person.changes(display_name, mail, no_ntlm=no_ntlm)
        if not what_if:
            person = person.changed(directory, display_name, mail, no_ntlm=no_ntlm)
            set_user_switches(directory.settings, person.entry_id, given)
    if what_if:
        tell_changes(changes, what_if=True, json=json, user=person.name)
    else:
        own = {change.name: change.after for change in changes if change.name in switches}
        _say(json, "changed", person.facts | own, f"{person.name} was changed")
    for caution in cautions({change.name: change.after for change in changes}):
        warn(caution)


@users.command("get")
def get_(
    name: Name, data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False
) -> None:
    """Show one user and its switches."""
    with opened_directory(data, database, key_file) as directory:
        person = person_meant(directory, name)
        switches = read_user_switches(directory.settings, person.entry_id)
    if json:
        print_event("user", **person.facts, **switches)
        return
    for fact, value in (person.facts | switches).items():
        print_line(f"{fact:24} {shown(value)}".rstrip())


@users.command()
def disable(
    name: Name, data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False
) -> None:
    """Let an account sign in no longer. Its next request is refused, and its open channels end."""
    with opened_directory(data, database, key_file) as directory:
        changed = directory.store.set_enabled(name, enabled=False)
    _tell(json, "disabled", changed, f"{changed.identity} can no longer sign in")


@users.command()
def enable(
    name: Name, data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False
) -> None:
    """Let a disabled account sign in again."""
    with opened_directory(data, database, key_file) as directory:
        changed = directory.store.set_enabled(name, enabled=True)
    _tell(json, "enabled", changed, f"{changed.identity} can sign in")


@users.command()
def unlock(
    name: Name, data: Data = DATA, database: Url = None, key_file: KeyFile = None, json: Json = False
) -> None:
    """Forget the wrong passwords that were tried for an account."""
    with opened_directory(data, database, key_file) as directory:
        account = directory.store.get(name)
        directory.counters.unlock(account_of(str(account.identity)))
    _tell(json, "unlocked", account, f"{account.identity}: wrong passwords are forgotten")


@users.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Remove an account and its entry in the address book."""
    with opened_directory(data, database, key_file) as directory:
        account = directory.store.get(name)
        if not yes:
            typer.confirm(f"Remove {account.identity} for good?", abort=True, err=True)
        directory.store.remove(name)
    _tell(json, "removed", account, f"{account.identity} was removed")


@users.command("list")
def list_(
    config: Annotated[
        Path | None, typer.Option(help="The proxy's settings: its database, and how many guesses it takes.")
    ] = None,
    data: Data = DATA,
    database: Url = None,
    key_file: KeyFile = None,
    json: Json = False,
) -> None:
    """Show all accounts, and which of them may not sign in."""
    settings = configure(ProxyConfiguration, config, {})
    most = settings.throttle.limits().per_account
    place, key = (database, key_file) if database else (settings.database, key_file or settings.key_file)
    with opened_directory(data, place, key) as directory:
        accounts = directory.store.list()
        names = {account.entry_id: account_of(str(account.identity)) for account in accounts}
        guesses = directory.counters.guesses(list(set(names.values())))
    rows = [(account, guesses.get(names[account.entry_id], 0)) for account in accounts]
    if json:
        for account, wrong in rows:
            print_event("user", **facts_of(account), wrong_passwords=wrong, locked=wrong >= most)
        return
    table = Table("user", "display name", "mail", "signs in", "ntlm", "password of", box=None)
    for account, wrong in rows:
        state = "yes" if account.enabled else "disabled"
        if account.enabled and wrong >= most:
            state = "locked for new places"
        ntlm = "yes" if account.ntlm else "no"
        day = datetime.fromtimestamp(account.password_changed, UTC).date().isoformat()
        table.add_row(str(account.identity), account.display_name, account.mail or "", state, ntlm, day)
    print_table(table)


def _tell(json: bool, event: str, account: Account, sentence: str) -> None:
    _say(json, event, facts_of(account), sentence)


def _say(json: bool, event: str, facts: dict[str, Any], sentence: str) -> None:
    if json:
        print_event(event, **facts)
    else:
        print_line(sentence)
