"""Certificates that were taken back are refused, and so are those of which nobody can say."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rpch.errors import ConfigError
from rpch.proxy.revocations import Revocations
from tests.revocation_lists import DAY, NOW, START, Issuer, name_of

ROOT, OTHER = Issuer("root"), Issuer("other")
BELOW = Issuer("below", ROOT)
ALICE, BOB, CAROL = ROOT.issue("alice"), ROOT.issue("bob"), BELOW.issue("carol")


def judged(shown: x509.Certificate | None, *lists: x509.CertificateRevocationList, now: float = NOW) -> str:
    """The rule that refuses a certificate; nothing when none does."""
    authorities = [ROOT.certificate, BELOW.certificate]
    denied = Revocations(authorities, lists).judge(shown, now)
    return "" if denied is None else str(denied.rule)


def test_a_certificate_on_the_list_is_refused_and_no_other() -> None:
    assert judged(BOB, ROOT.revoke(BOB)) == "CertificateRevoked"
    assert judged(ALICE, ROOT.revoke(BOB)) == ""


def test_the_refusal_says_which_certificate_it_was() -> None:
    denied = Revocations([ROOT.certificate], [ROOT.revoke(BOB)]).judge(BOB, NOW)
    assert denied is not None
    assert denied.status == 403
    assert denied.detail == f"CN=bob, serial number {BOB.serial_number:x}, was revoked"


@pytest.mark.parametrize(
    ("shown", "lists"),
    [
        (ALICE, []),
        (ALICE, [OTHER.revoke()]),
        (OTHER.issue("alice"), [ROOT.revoke()]),
        (Issuer("root").issue("alice"), [ROOT.revoke()]),
        (CAROL, [ROOT.revoke()]),
        (None, [ROOT.revoke()]),
    ],
    ids=["no list", "another's list", "stranger", "namesake", "none of the authority below", "unreadable"],
)
def test_who_is_on_no_list_that_can_be_looked_at_is_refused(
    shown: x509.Certificate | None, lists: list[x509.CertificateRevocationList]
) -> None:
    assert judged(shown, *lists) == "RevocationUnknown"


def test_a_list_that_ended_says_nothing_any_more() -> None:
    assert judged(ALICE, ROOT.revoke(days=9)) == "RevocationUnknown"
    assert judged(ALICE, ROOT.revoke(days=11)) == ""


def test_an_authority_that_was_taken_back_takes_everybody_with_it() -> None:
    assert judged(CAROL, ROOT.revoke(), BELOW.revoke()) == ""
    assert judged(CAROL, ROOT.revoke(BELOW.certificate), BELOW.revoke()) == "CertificateRevoked"
    assert judged(CAROL, ROOT.revoke(), BELOW.revoke(CAROL)) == "CertificateRevoked"


def test_the_newest_list_of_an_authority_holds() -> None:
    old, new = ROOT.revoke(ALICE), ROOT.revoke(BOB, start=START + DAY)
    for lists in ((old, new), (new, old)):
        assert judged(ALICE, *lists) == ""
        assert judged(BOB, *lists) == "CertificateRevoked"


def test_lists_of_parts_hold_together() -> None:
    def part(number: int, *revoked: x509.Certificate) -> x509.CertificateRevocationList:
        place = x509.UniformResourceIdentifier(f"urn:part:{number}")
        point = x509.IssuingDistributionPoint([place], None, False, False, None, False, False)
        return ROOT.revoke(*revoked, extensions=[point])

    assert judged(ALICE, part(1, BOB), part(2, ALICE)) == "CertificateRevoked"
    assert judged(BOB, part(1, BOB), part(2, ALICE)) == "CertificateRevoked"


def test_authorities_in_a_circle_end() -> None:
    first, second = Issuer("a"), Issuer("b")
    crossed = [first.issue("b", key=second.key), second.issue("a", key=first.key)]
    revocations = Revocations(crossed, [first.revoke(), second.revoke()])
    denied = revocations.judge(first.issue("alice"), NOW)
    assert denied is not None
    assert denied.rule == "RevocationUnknown"


def written(folder: Path, *files: bytes) -> tuple[list[Path], Path]:
    """Files of lists, and that of the authorities."""
    authorities = folder / "clients.pem"
    authorities.write_bytes(ROOT.pem + BELOW.pem)
    paths = [folder / f"{number}.crl" for number in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    return paths, authorities


def test_files_may_be_pem_or_der_and_hold_several(tmp_path: Path) -> None:
    both = ROOT.revoke(BOB).public_bytes(Encoding.PEM) + BELOW.revoke(CAROL).public_bytes(Encoding.PEM)
    later = ROOT.revoke(ALICE, start=START + DAY).public_bytes(Encoding.DER)
    revocations = Revocations.read(*written(tmp_path, b"text\n" + both, later))
    assert {revocations.judge(one, NOW) is None for one in (ALICE, CAROL)} == {False}
    assert revocations.judge(BOB, NOW) is None
    assert revocations.ends == {"CN=root": START + 31 * DAY, "CN=below": START + 30 * DAY}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"nonsense", "cannot be read"),
        (OTHER.revoke().public_bytes(Encoding.DER), "not signed by any authority"),
        (Issuer("root").revoke().public_bytes(Encoding.DER), "not signed by any authority"),
        (ROOT.revoke(extensions=[x509.DeltaCRLIndicator(1)]).public_bytes(Encoding.DER), "no complete list"),
        (
            ROOT.revoke(
                extensions=[
                    x509.IssuingDistributionPoint(
                        [x509.DirectoryName(name_of("p"))], None, False, False, None, True, False
                    )
                ]
            ).public_bytes(Encoding.DER),
            "about some certificates",
        ),
    ],
    ids=["nonsense", "stranger", "namesake", "delta", "indirect"],
)
def test_files_that_are_no_whole_list_of_an_authority_are_refused(
    data: bytes, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"client-crl: .*{problem}"):
        Revocations.read(*written(tmp_path, data))


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    paths, authorities = written(tmp_path, ROOT.revoke().public_bytes(Encoding.DER))
    with pytest.raises(ConfigError, match=r"client-crl: .*nowhere"):
        Revocations.read([tmp_path / "nowhere.crl"], authorities)
    with pytest.raises(ConfigError, match=r"tls-client-ca: .*nowhere"):
        Revocations.read(paths, tmp_path / "nowhere.pem")


def test_without_lists_nothing_is_read() -> None:
    assert Revocations.read([], Path("/nowhere")).ends == {}
