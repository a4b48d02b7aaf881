"""The sample capture holds what it says."""

from io import BytesIO

from rpch.decode.sources import decode_source
from rpch.testing.captures import NAMES, PASSWORD, opening_capture


def test_the_sample_capture_holds_one_opening_and_one_call() -> None:
    capture = opening_capture()
    assert [seen.message.name for seen in decode_source(BytesIO(capture))] == list(NAMES)
    assert PASSWORD.encode() in capture
