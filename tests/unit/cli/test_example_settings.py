"""The example file has every setting, is safe as it stands, and shows the defaults that hold."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
import trustme

from rpch.cli.configuration import configure
from rpch.cli.example_settings import example_settings
from rpch.directory.opening import Directory
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.dangers.finding import dangers
from rpch.proxy.settings import DeclaredSettings
from rpch.proxy.shown_settings import flattened

DOCUMENTED = Path(__file__).parents[3] / "docs" / "howto" / "policy.toml"
EXAMPLE = example_settings(ProxyConfiguration)


def installed(folder: Path) -> Path:
    """The example on a machine where the files it names are."""
    leaf = trustme.CA().issue_cert("mail.corp.example")
    leaf.private_key_pem.write_to_path(folder / "server.key")
    leaf.cert_chain_pems[0].write_to_path(folder / "server.pem")
    Directory.open(f"sqlite:///{folder}/rpch.sqlite3").close()
    file = folder / "policy.toml"
    text = EXAMPLE.replace("/etc/rpch", str(folder)).replace("/var/lib/rpch", str(folder))
    file.write_text(text, encoding="utf-8")
    for each in folder.iterdir():
        each.chmod(0o600)
    return file


def test_the_documented_file_is_the_one_that_is_made() -> None:
    assert DOCUMENTED.read_text("utf-8") == EXAMPLE, "run: rpch policy example > docs/howto/policy.toml"


def test_as_it_stands_it_works_and_nothing_in_it_is_dangerous(tmp_path: Path) -> None:
    file = installed(tmp_path)
    settings = configure(ProxyConfiguration, file, {})
    settings.check()
    assert settings.tls() is not None
    assert dangers(settings, file) == []


def uncommented() -> dict[str, object]:
    """Everything that the example shows."""
    return tomllib.loads(re.sub(r"^#(?=[\w\[\"])", "", EXAMPLE, flags=re.MULTILINE))


def test_it_shows_every_setting() -> None:
    shown = uncommented()
    assert set(shown) == {field.encode_name for field in msgspec.structs.fields(DeclaredSettings)}
    for name, table in shown.items():
        if name in ("limits", "heads", "throttle", "rpc-limits"):
            assert isinstance(table, dict)
            fields = msgspec.structs.fields(getattr(DeclaredSettings(), name.replace("-", "_")))
            assert set(table) == {field.encode_name for field in fields}


def test_what_it_shows_can_be_written_and_is_the_default_where_there_is_one(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(re.sub(r"^#(?=[\w\[\"])", "", EXAMPLE, flags=re.MULTILINE), encoding="utf-8")
    shown, defaults = flattened(configure(ProxyConfiguration, file, {})), flattened(ProxyConfiguration())
    different = {name for name, value in defaults.items() if value is not None and shown.get(name) != value}
    set_there = {"listen", "valid-ports"}
    samples = {"kerberos-realms", "certificate-users", "user-targets", "groups", "group-targets"}
    assert different == set_there | samples


@pytest.mark.parametrize("line", EXAMPLE.splitlines())
def test_no_line_is_too_wide_to_read(line: str) -> None:
    assert len(line) <= 112
