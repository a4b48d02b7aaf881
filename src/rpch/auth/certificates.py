"""What a certificate that a peer shows may do to whoever reads it.

The library reads a certificate piece by piece, when each piece is asked for; so whoever asks must expect
these at every step.
"""

from __future__ import annotations

from typing import Final

from cryptography import x509

UNREADABLE: Final[tuple[type[Exception], ...]] = (
    ValueError,
    TypeError,  # a bit string where only one attribute may have one
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
