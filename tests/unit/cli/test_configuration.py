"""Settings come from a file and from the command line, which wins; mistakes are named with their line."""

from pathlib import Path

import msgspec
import pytest

from rpch.cli.configuration import configure
from rpch.errors import ConfigError


class Sample(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Some settings."""

    listen: str = "127.0.0.1:443"
    tls_cert: Path | None = None
    user: list[str] = []
    workers: int = 1
    no_tls: bool = False


def written(folder: Path, text: str) -> Path:
    """A file of settings."""
    file = folder / "rpch.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_nothing_given_means_the_defaults() -> None:
    assert configure(Sample, None, {"listen": None, "workers": None}) == Sample()


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, 'listen = "0.0.0.0:443"\nworkers = 2\nno-tls = true\nuser = ["a:b"]')
    found = configure(Sample, file, {"listen": "[::1]:1", "workers": None, "no_tls": None})
    assert found == Sample(listen="[::1]:1", workers=2, no_tls=True, user=["a:b"])


def test_paths_are_paths_from_either_place(tmp_path: Path) -> None:
    file = written(tmp_path, 'tls-cert = "server.pem"')
    assert configure(Sample, file, {}).tls_cert == Path("server.pem")
    assert configure(Sample, None, {"tls_cert": Path("server.pem")}).tls_cert == Path("server.pem")


def test_an_unknown_key_is_named_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, '# settings\nlisten = "a:1"\nworker = 2\n')
    with pytest.raises(ConfigError) as caught:
        configure(Sample, file, {})
    assert str(caught.value).startswith(f"{file}, line 3, worker: ")


def test_a_value_of_the_wrong_kind_is_named_with_its_line(tmp_path: Path) -> None:
    file = written(tmp_path, 'workers = "two"\n')
    with pytest.raises(ConfigError) as caught:
        configure(Sample, file, {})
    assert str(caught.value).startswith(f"{file}, line 1, workers: ")
    with pytest.raises(ConfigError, match="workers"):
        configure(Sample, None, {"workers": "two"})


def test_a_file_that_cannot_be_read_or_is_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--config: .*nowhere\.toml cannot be read"):
        configure(Sample, tmp_path / "nowhere.toml", {})
    with pytest.raises(ConfigError, match="is no TOML"):
        configure(Sample, written(tmp_path, "listen = "), {})
    file = tmp_path / "binary.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        configure(Sample, file, {})
