"""New settings for a running proxy: what changed, and what of it needs a restart."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from rpch.auth.http_authenticator import HttpAuthenticator
from rpch.errors import ConfigError, TransportError
from rpch.proxy.configuration import ProxyConfiguration
from rpch.proxy.service import RpcProxy
from rpch.proxy.shown_settings import flattened, shown_value

log = structlog.get_logger("rpch.proxy")

NEEDS_RESTART: Final = frozenset(
    {
        "listen",
        "workers",
        "no-tls",
        "chunked",
        "tls-client-ca",
        "grace",
        "autodiscover",
        "encryption-required",
    }
)


class Reloader:
    """Follows a configuration file for one proxy. `read` makes settings of it anew.

    `overlay` says what holds instead of some of them, whatever the file says.
    """

    def __init__(
        self,
        proxy: RpcProxy,
        current: ProxyConfiguration,
        tls: ssl.SSLContext | None,
        file: Path | None = None,
        read: Callable[[], ProxyConfiguration] | None = None,
    ) -> None:
        self._proxy, self._current, self._tls = proxy, current, tls
        self._base, self._read = current, read or (lambda: self._base)
        self.file = file
        self.overlay: Callable[[ProxyConfiguration], ProxyConfiguration] = lambda settings: settings
        self._seen = self._stamp()

    def changed(self) -> bool:
        """Whether the files have changed since they were last looked at."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        self._seen = stamp
        return True

    def reload(self, cause: str | None = None) -> None:
        """Read the settings again and go by them; a mistake changes nothing. The log names the cause."""
        cause = cause or str(self.file)
        try:
            base = self._read()
            settings = self.overlay(base)
            settings.throttle.limits()
            authenticator = self._authenticator(settings)
            policy, bindings, options = settings.policy(), settings.bindings(), settings.options()
            if self._tls is not None and settings.tls_cert is not None:
                self._tls.load_cert_chain(settings.tls_cert, settings.tls_key)
        except (ConfigError, TransportError, OSError, ssl.SSLError) as error:
            log.error("reload refused, the old settings stay", cause=cause, why=str(error))
            return
        if authenticator.throttle is not None:
            authenticator.throttle.limits = settings.throttle.limits()
        self._proxy.follow(authenticator, policy, bindings, options)
        self._base = base
        old, self._current = self._current, settings
        for name, before, after in differences(old, settings):
            waits = name in NEEDS_RESTART or name.startswith("rpc-limits.")
            tell = log.warning if waits else log.info
            what = "setting changed, but needs a restart" if waits else "setting changed"
            tell(what, setting=name, before=before, after=after)
        log.info("reloaded", cause=cause)

    def _authenticator(self, settings: ProxyConfiguration) -> HttpAuthenticator:
        """Who may authenticate from now on. Accounts that are meant still stay open, and guesses counted,
        whatever limits hold for them by now.
        """
        present = self._proxy.authenticator
        if settings.places != self._current.places:
            return settings.authenticator(settings.accounts())
        return settings.authenticator(present.accounts, present.throttle)

    def _stamp(self) -> list[tuple[str, int, int]]:
        now = self._current
        files = [self.file, now.tls_cert, now.tls_key, now.keytab, *now.client_crl]
        stamps = []
        for file in files:
            try:
                status = file.stat() if file is not None else None
            except OSError:
                status = None
            stamps.append((str(file), status.st_mtime_ns if status else 0, status.st_size if status else 0))
        return stamps


def differences(old: ProxyConfiguration, new: ProxyConfiguration) -> list[tuple[str, Any, Any]]:
    """Name, old and new value of every setting that differs; secrets only as how many there are."""
    before, after = flattened(old), flattened(new)
    names = [*before, *(name for name in after if name not in before)]
    return [
        (name, shown_value(name, before.get(name)), shown_value(name, after.get(name)))
        for name in names
        if before.get(name) != after.get(name)
    ]
