"""The samples leave no RTS PDU out."""

from rpch.rts.pdus import CATALOGUE
from rpch.testing.rts_samples import CLIENT_V6, CONNECTION, SAMPLES, counting


def test_there_is_one_sample_of_each_pdu_in_the_order_of_the_catalogue() -> None:
    assert [type(sample) for sample in SAMPLES] == CATALOGUE


def test_samples_are_what_a_conforming_party_may_send() -> None:
    assert [sample for sample in SAMPLES if not sample.sendable] == []


def test_cookies_can_be_told_apart() -> None:
    assert counting(0x10) == CONNECTION.value == bytes.fromhex("101112131415161718191a1b1c1d1e1f")
    assert CLIENT_V6.address.version == 6
