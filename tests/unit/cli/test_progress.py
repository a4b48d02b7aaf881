"""A bar for what takes long."""

import pytest

from rpch.cli.progress import is_somebody_there, watched


@pytest.mark.parametrize(("somebody", "quiet"), [(False, False), (True, True)])
def test_nobody_sees_a_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, somebody: bool, quiet: bool
) -> None:
    monkeypatch.setattr("rpch.cli.progress.is_somebody_there", lambda: somebody)
    with watched(quiet=quiet) as bar:
        bar.begin("importing", 2)
        bar.advance(1)
    assert capsys.readouterr().err == ""


def test_somebody_sees_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_somebody_there()
    monkeypatch.setattr("rpch.cli.progress.is_somebody_there", lambda: True)
    with watched(quiet=False) as bar:
        bar.begin("reading", 2000)
        bar.advance(7, 500)
        bar.begin("linking", 2)
        bar.advance(1)
        bar.advance(1)
    reading, linking = (" ".join(line.split()) for line in capsys.readouterr().err.splitlines()[-2:])
    assert (reading[:7], linking[:7]) == ("reading", "linking")
    assert "25% 7 entries" in reading
    assert "100% 2 entries" in linking
