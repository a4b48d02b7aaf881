"""curl asks Autodiscover: with and without credentials, and with documents that mean harm."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rpch.exchange.autodiscover.pox_request import PoxRequest
from tests.interop.laboratory import Laboratory

PATH = "/autodiscover/autodiscover.xml"
EXTERNAL = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Autodiscover>&x;</Autodiscover>'
LAUGHS = b'<!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;">]><Autodiscover>&y;&y;</Autodiscover>'


def curl(
    lab: Laboratory, *options: str, body: bytes | None = None, path: str = PATH, known: bool = True
) -> str:
    """What curl prints, with the status of HTTP in the last line."""
    domain, name, password = lab.account
    port = lab.served.port
    command = ["curl", "-s", "--cacert", str(lab.ca), "-w", "\n%{http_code}", *options]
    command += ["-u", f"{domain}\\{name}:{password}"] if known else []
    command += [] if body is None else ["-H", "Content-Type: text/xml", "--data-binary", "@-"]
    done = subprocess.run(
        [*command, f"https://localhost:{port}{path}"], input=body, capture_output=True, check=True
    )
    return done.stdout.decode()


def test_a_user_gets_settings(lab: Laboratory) -> None:
    said = curl(lab, body=PoxRequest("alice@lab.example").encode())
    assert said.endswith("\n200")
    assert "<Type>EXCH</Type>" in said


def test_strangers_get_nothing(lab: Laboratory) -> None:
    assert curl(lab, body=PoxRequest("alice@lab.example").encode(), known=False) == "\n401"


@pytest.mark.parametrize("body", [EXTERNAL, LAUGHS, b"<" * 60_000, b"\xff\xfe<"])
def test_hostile_documents_are_errors(lab: Laboratory, body: bytes) -> None:
    said = curl(lab, body=body)
    assert said.endswith("\n200")
    assert "<ErrorCode>600</ErrorCode>" in said
    assert "root:" not in said


def test_a_huge_file_is_refused(lab: Laboratory, tmp_path: Path) -> None:
    said = curl(lab, body=b"x" * 10_000_000)
    assert said.endswith("\n413")


def test_version_2_is_for_everybody(lab: Laboratory) -> None:
    said = curl(lab, path="/autodiscover/autodiscover.json/v1.0/x@y?Protocol=AutodiscoverV1", known=False)
    assert said.endswith("\n200")
    assert "/autodiscover/autodiscover.xml" in said
