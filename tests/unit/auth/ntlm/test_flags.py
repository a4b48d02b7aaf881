"""What is granted of what is asked."""

from __future__ import annotations

import pytest

from rpch.auth.ntlm.flags import NtlmFlags, effective, grant


@pytest.mark.parametrize(
    ("requested", "granted"),
    [
        (0xA2088207, 0xA2898205),  # Windows' HTTP stacks; what IIS answers
        (0x00088206, 0x00898206),  # curl 7.88
        (0x62088205, 0x22898205),  # Samba's helper client: key exchange without SIGN is not granted
        (0xE2088237, 0xE2898235),  # pyspnego
        (0x00000202, 0x00818206),  # wget
        (0xE0888235, 0xE0898235),  # impacket
        (0xFFFFFFFF, 0xE2998235),
    ],
)
def test_what_known_clients_ask_for(requested: int, granted: int) -> None:
    assert grant(NtlmFlags(requested), domain_member=True) == granted
    as_server = granted & ~NtlmFlags.TARGET_TYPE_DOMAIN | NtlmFlags.TARGET_TYPE_SERVER
    assert grant(NtlmFlags(requested), domain_member=False) == as_server


def test_what_holds_was_granted_and_kept() -> None:
    granted = NtlmFlags.SIGN | NtlmFlags.KEY_128
    assert effective(granted, NtlmFlags.SIGN | NtlmFlags.SEAL) == NtlmFlags.SIGN
