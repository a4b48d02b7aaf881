"""The package shows its client, and imports it only when it is asked for."""

import subprocess
import sys

import pytest

import rpch
from rpch.client.blocking import connect_blocking
from rpch.client.connect import connect


def test_the_client_is_at_hand() -> None:
    assert rpch.connect is connect
    assert rpch.connect_blocking is connect_blocking
    assert set(rpch.__all__) == {"connect", "connect_blocking"}


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = rpch.nonsense


def test_importing_the_package_imports_no_client() -> None:
    program = "import sys, rpch; sys.exit(any(name.startswith('rpch.') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
