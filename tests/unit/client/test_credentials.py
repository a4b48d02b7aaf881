"""Who we are, and what is kept about who asked."""

import pytest

from rpch.auth.schemes import Scheme
from rpch.client.credentials import Credentials, Learned, Party, read_scheme
from rpch.errors import ConfigError


def test_a_password_is_not_shown() -> None:
    assert "canary" not in repr(Credentials("alice", "canary"))


def test_a_name_with_a_colon_cannot_be_sent() -> None:
    with pytest.raises(ConfigError, match="colon"):
        Credentials("al:ice", "x")


@pytest.mark.parametrize("text", ["NTLM", "ntlm", " Ntlm "])
def test_a_scheme_is_read_in_any_case(text: str) -> None:
    assert read_scheme(text) is Scheme.NTLM


def test_auto_leaves_the_choice_open() -> None:
    assert read_scheme("auto") is None
    assert Credentials("alice", "x").scheme is None


def test_an_unknown_scheme_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(ConfigError, match=r"--scheme: 'digest' .* Negotiate, NTLM, Basic and auto"):
        read_scheme("digest", setting="--scheme")


def test_what_was_learned_makes_no_other_party() -> None:
    assert Party("a", "h") == Party("a", "h", learned=Learned(asked=True, scheme=Scheme.BASIC))
