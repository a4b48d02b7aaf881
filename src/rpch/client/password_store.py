"""Passwords that a person's keyring keeps: the desktop's, or whatever the library `keyring` finds.

A password is stored once, under the service `rpch` and the name as it is given to a command:

    keyring set rpch 'LAB\\alice'
"""

from __future__ import annotations

from typing import Final

from rpch.errors import ConfigError

SERVICE: Final = "rpch"


def stored_password(name: str, *, setting: str = "--user") -> str | None:
    """What the keyring knows of somebody; None without the extra `keyring`, a keyring, or an entry.

    `ConfigError` when there is a keyring that gives no answer, such as one that stays locked.
    """
    try:
        import keyring  # an extra
        from keyring.errors import KeyringError, NoKeyringError
    except ImportError:
        return None
    try:
        found: str | None = keyring.get_password(SERVICE, name)
    except NoKeyringError:
        return None
    except KeyringError as error:
        problem = f"the keyring gives no password of {name}: {error or type(error).__name__}; unlock it"
        raise ConfigError(setting, problem) from error
    return found
