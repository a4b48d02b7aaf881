"""A bar for what takes long."""

import pytest

from rpch.cli.progress import is_somebody_there, watched


@pytest.mark.parametrize(("somebody", "quiet"), [(False, False), (True, True)])
def test_nobody_sees_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, somebody: bool, quiet: bool
) -> None:
    monkeypatch.setattr("rpch.cli.progress.is_somebody_there", lambda: somebody)
    with watched("importing", total=2, quiet=quiet) as advance:
        advance(1)
    assert capsys.readouterr().err == ""


def test_somebody_sees_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_somebody_there()
    monkeypatch.setattr("rpch.cli.progress.is_somebody_there", lambda: True)
    with watched("importing", total=2, quiet=False) as advance:
        advance(2)
    said = capsys.readouterr().err
    assert "importing" in said
    assert "2/2" in said
