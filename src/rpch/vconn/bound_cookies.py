"""Virtual connections of one user only, whoever knows their cookies and through whichever proxy he comes.

A server joins the halves of a virtual connection by its cookie, and knows nothing of HTTP's users. So a
proxy tells it another cookie, made from the client's and from who the client is. Every proxy makes the same
of both, without a word between them; whoever is somebody else names another virtual connection. To a server
a cookie is a name and no more.  MS-RPCH 2.2.3.1
"""

from __future__ import annotations

import hashlib
from typing import Final

from rpch.rts.commands import Cookie

SIZE: Final = 16
_PURPOSE: Final = b"rpch virtual connection\0"


def bound_cookie(cookie: Cookie, user: str) -> Cookie:
    """The cookie that a server is told; the client's own where it belongs to no user.

    To find one's own cookie that comes to somebody else's takes 2^128 attempts, so no key is needed.
    """
    if not user:
        return cookie
    # The cookie's size is fixed, so no other user and cookie are written alike.
    digest = hashlib.sha256(_PURPOSE + user.encode("utf-8", "surrogatepass") + cookie.value)
    return Cookie(digest.digest()[:SIZE])
