"""Whoever authenticates clients need not know what a way in offers: then it is everything."""

import subprocess
import sys

from rpch.auth.accounts import Identity
from rpch.auth.schemes import Scheme
from rpch.exchange.autodiscover.asking import Asking


def test_everything_is_offered_where_nothing_else_is_said() -> None:
    assert Asking(Identity("alice", "LAB"), "10.0.0.1").offered == set(Scheme)


def test_the_door_needs_no_database_library() -> None:
    code = "import sys, rpch.front.door; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
