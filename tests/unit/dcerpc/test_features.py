"""Bind-time features in the shape of a transfer syntax."""

from dataclasses import replace

import pytest

from rpch.dcerpc.features import ALL_FEATURES, Features, feature_syntax, offered_features
from rpch.dcerpc.pdus import NDR20


def test_the_features_windows_offers_on_the_wire() -> None:
    # The second context of the bind that Samba's NDR engine re-packs byte for byte
    wire = bytes.fromhex("2c1cb76c12984045 0300000000000000 01000000")
    assert feature_syntax(ALL_FEATURES).encode() == wire


@pytest.mark.parametrize("mask", range(4))
def test_features_read_back(mask: int) -> None:
    assert offered_features(feature_syntax(Features(mask))) == mask


def test_unknown_bits_are_left_out() -> None:
    assert offered_features(feature_syntax(Features(0xFF))) is ALL_FEATURES


def test_other_syntaxes_and_versions_offer_nothing() -> None:
    assert offered_features(NDR20) is None
    assert offered_features(replace(feature_syntax(ALL_FEATURES), version_major=2)) is None
    assert offered_features(replace(feature_syntax(ALL_FEATURES), version_minor=1)) is None
