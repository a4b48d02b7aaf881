"""Settings come from a file and from the command line, which wins; mistakes are named with their line."""

from pathlib import Path

import msgspec
import pytest

from rpch.cli.configuration import configure, line_of, origin
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


TEXT = """\
listen = "a:1"
heads.size = 2000
limits = { max-channels = 5 }

[throttle]  # guesses
window = 60
"per-source" = 3

[user-targets]
'CORP\\alice' = "x:1"
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("listen",), 1),
        (("heads", "size"), 2),
        (("limits", "max-channels"), 3),
        (("throttle",), 5),
        (("throttle", "window"), 6),
        (("throttle", "per-source"), 7),
        (("user-targets",), 9),
        (("window",), None),
        (("throttle", "per-minute"), None),
    ],
)
def test_the_line_of_a_setting_is_found(path: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, path) == line


def test_it_is_known_where_a_value_is_from(tmp_path: Path) -> None:
    file = written(tmp_path, TEXT)
    given = {"listen": "b:2", "throttle__per_minute": 7, "workers": None}
    assert origin(("listen",), file, given) == "command line"
    assert origin(("throttle", "per-minute"), file, given) == "command line"
    assert origin(("throttle", "window"), file, given) == f"{file}, line 6"
    assert origin(("workers",), file, given) == origin(("workers",), None, given) == "default"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """A table."""

    most_calls: int = 1


class Nested(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """Settings with a table."""

    bounds: Table = Table()


def test_the_command_line_wins_within_tables_too(tmp_path: Path) -> None:
    file = written(tmp_path, "[bounds]\nmost-calls = 2\n")
    assert configure(Nested, file, {"bounds__most_calls": 3}).bounds.most_calls == 3
    assert configure(Nested, None, {"bounds__most_calls": 4}).bounds.most_calls == 4
    with pytest.raises(ConfigError, match="bounds: is a table"):
        configure(Nested, written(tmp_path, "bounds = 1"), {"bounds__most_calls": 4})


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[bounds]\nmost-call = 2\n", "line 2, bounds.most-call: "),
        ('[bounds]\nmost-calls = "x"\n', "line 2, bounds.most-calls: "),
    ],
)
def test_mistakes_in_tables_are_named_with_their_line(text: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=place):
        configure(Nested, written(tmp_path, text), {})
