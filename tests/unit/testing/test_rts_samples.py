"""The samples leave no RTS PDU out."""

from rpch.rts import pdus
from rpch.rts.pdus import CATALOGUE
from rpch.testing.rts_samples import CLIENT_V6, CONNECTION, SAMPLES, counting, same_bytes


def test_there_is_one_sample_of_each_pdu_in_the_order_of_the_catalogue() -> None:
    assert [type(sample) for sample in SAMPLES] == CATALOGUE


def test_samples_are_what_a_conforming_party_may_send() -> None:
    assert [sample for sample in SAMPLES if not sample.sendable] == []


def test_cookies_can_be_told_apart() -> None:
    assert counting(0x10) == CONNECTION.value == bytes.fromhex("101112131415161718191a1b1c1d1e1f")
    assert CLIENT_V6.address.version == 6


def test_some_pdus_cannot_be_told_apart_by_their_bytes() -> None:
    (out_r1_a2,) = (sample for sample in SAMPLES if isinstance(sample, pdus.OutR1A2))
    assert same_bytes(pdus.OutR1A2, out_r1_a2)
    assert not same_bytes(pdus.ConnA1, out_r1_a2)
    assert any(same_bytes(kind, one) for kind in CATALOGUE for one in SAMPLES if kind is not type(one))
