"""What an administrator may set for a proxy: each setting once, with its default, its bounds and its meaning.

The names are those of the TOML file and of the command line. Options, `rpch policy show` and the commented
example file are made from these declarations, so none of them can say anything else. Every default is safe.
"""

from pathlib import Path
from typing import Annotated, Final, cast

import msgspec

from rpch.proxy.accounts import LdapSettings, ThrottleSettings, WinbindSettings
from rpch.proxy.limits import HeadSettings, ProxyLimits
from rpch.proxy.rpc_limits import RpcLimits

LISTENER: Final = "Listener"
ACCOUNTS: Final = "Accounts"
PROOF: Final = "How clients prove who they are"
CERTIFICATES: Final = "Clients' certificates"
TARGETS: Final = "What may be reached"
CLIENTS: Final = "Who may come"
CHANNELS: Final = "Channels"
BOUNDS: Final = "Bounds"

PORTS: Final = 65_535


def _told(section: str, words: str, least: float | None = None, most: float | None = None) -> msgspec.Meta:
    """Where a setting belongs, what it is for, and its bounds."""
    return msgspec.Meta(description=words, extra={"section": section}, ge=least, le=most)


class DeclaredSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """One listener of the RPC proxy. Sizes in bytes, times in seconds."""

    listen: Annotated[str, _told(LISTENER, "Address to listen on; port 0 lets the system choose.")] = (
        "127.0.0.1:443"
    )
    tls_cert: Annotated[Path | None, _told(LISTENER, "Certificate chain, PEM.")] = None
    tls_key: Annotated[Path | None, _told(LISTENER, "Its private key, PEM; readable by its owner alone.")] = (
        None
    )
    no_tls: Annotated[
        bool, _told(LISTENER, "Plain HTTP, for clients on this machine and trusted relays alone.")
    ] = False
    public_name: Annotated[str, _told(LISTENER, "The name by which clients know this proxy.")] = ""
    workers: Annotated[int, _told(LISTENER, "Processes on the port.", least=1, most=256)] = 1
    autodiscover: Annotated[
        bool, _told(LISTENER, "Answer Autodiscover, too: what the database says of its people.")
    ] = False
    enabled: Annotated[bool, _told(LISTENER, "Whether the proxy serves at all.")] = True
    v1: Annotated[
        bool, _told(LISTENER, "Serve version 1 too, which knows neither TLS nor authentication.")
    ] = False

    user: Annotated[
        list[str], _told(ACCOUNTS, r"An account: 'DOMAIN\name:password'. Other users see command lines.")
    ] = []
    database: Annotated[
        str | None, _told(ACCOUNTS, "Database of accounts: sqlite:///FILE or postgresql://USER@HOST/NAME.")
    ] = None
    key_file: Annotated[Path | None, _told(ACCOUNTS, "The key of the database; else the one beside it.")] = (
        None
    )
    ldap: Annotated[LdapSettings | None, _told(ACCOUNTS, "An LDAP server whose users may sign in.")] = None
    winbind: Annotated[
        WinbindSettings | None, _told(ACCOUNTS, "The Windows domain this machine is a member of.")
    ] = None
    throttle: Annotated[ThrottleSettings, _told(ACCOUNTS, "How many wrong passwords are taken.")] = (
        ThrottleSettings()
    )

    auth: Annotated[
        list[str] | None, _told(PROOF, "What is offered: Negotiate, NTLM, Basic; else what is safe here.")
    ] = None
    extended_protection: Annotated[
        str | None,
        _told(
            PROOF,
            "Whether proofs must be bound to our certificate: none, allow or require; else require with TLS.",
        ),
    ] = None
    extended_protection_flags: Annotated[
        list[str] | None,
        _told(
            PROOF,
            "Proxy, ProxyCoHosting, AllowDotlessSPN, NoServiceNameCheck; else names may be without a dot.",
        ),
    ] = None
    service_name: Annotated[
        list[str], _told(PROOF, "Names by which clients may mean this proxy, besides HTTP/ its own names.")
    ] = []
    keytab: Annotated[Path | None, _told(PROOF, "Keys of the service, to take Kerberos tickets.")] = None
    kerberos_principal: Annotated[str, _told(PROOF, "Take tickets for this principal alone.")] = ""
    kerberos_realms: Annotated[dict[str, str], _told(PROOF, "The domain of each realm's accounts.")] = {}
    connection_affinity: Annotated[
        bool, _told(PROOF, "Relays keep each client on a connection of its own: NTLM may pass through them.")
    ] = False
    encryption_required: Annotated[
        bool, _told(PROOF, "Our own server (rpch up) takes sealed calls alone, of users it knows itself.")
    ] = False
    allow_anonymous: Annotated[bool, _told(PROOF, "Ask nobody who it is.")] = False

    tls_client_ca: Annotated[Path | None, _told(CERTIFICATES, "Authorities of clients, PEM.")] = None
    client_certificate: Annotated[
        str, _told(CERTIFICATES, "Whether clients must show one: none, optional or required.")
    ] = "none"
    client_crl: Annotated[
        list[Path],
        _told(CERTIFICATES, "Revocation lists of those authorities, PEM or DER; then each must have one."),
    ] = []
    device: Annotated[
        list[str],
        _told(CERTIFICATES, "SHA-256 of a certificate; if any is listed, no other device is served."),
    ] = []
    certificate_users: Annotated[
        dict[str, str], _told(CERTIFICATES, "Whose account a name in a certificate is, on /rpcwithcert/.")
    ] = {}

    valid_ports: Annotated[
        str, _told(TARGETS, "Servers and ports as the registry writes them: 'server:593;server:6001-6004'.")
    ] = ""
    wildcards: Annotated[bool, _told(TARGETS, "A * at the end of a name in valid-ports is a prefix.")] = False
    target_network: Annotated[
        list[str], _told(TARGETS, "Networks in which targets may be; else everywhere but this machine's own.")
    ] = []
    route: Annotated[list[str], _told(TARGETS, "Where a target is: 'name:port=127.0.0.1:9999'.")] = []
    user_targets: Annotated[dict[str, str], _told(TARGETS, "All that a user may reach of valid-ports.")] = {}
    groups: Annotated[dict[str, list[str]], _told(TARGETS, "The members of groups.")] = {}
    group_targets: Annotated[
        dict[str, str], _told(TARGETS, "All that the members of a group may reach of valid-ports.")
    ] = {}

    client_network: Annotated[list[str], _told(CLIENTS, "Networks in which clients may be.")] = []
    trusted_relay: Annotated[
        list[str], _told(CLIENTS, "Addresses of relays that are believed what they say about clients.")
    ] = []
    ssl_offloading: Annotated[
        bool | None,
        _told(CLIENTS, "Whether plain HTTP of trusted relays was TLS before them; else so with no-tls."),
    ] = None
    external_clients_require_ssl: Annotated[
        bool, _told(CLIENTS, "Whether RPC of clients outside must come over TLS.")
    ] = True
    internal_clients_require_ssl: Annotated[
        bool, _told(CLIENTS, "Whether RPC of clients inside must come over TLS.")
    ] = True
    internal_network: Annotated[
        list[str], _told(CLIENTS, "Networks in which clients are inside; else the private ones.")
    ] = []
    proxy_protocol: Annotated[
        bool, _told(CLIENTS, "Relays say where clients are by the PROXY protocol; needs no-tls.")
    ] = False

    channel_lifetime: Annotated[
        int,
        _told(CHANNELS, "Bytes an OUT channel carries before it is replaced.", least=131_072, most=1 << 31),
    ] = 1 << 30
    receive_window: Annotated[
        int, _told(CHANNELS, "Bytes that may wait on a channel.", least=8192, most=262_144)
    ] = 65_536
    connection_timeout: Annotated[
        float, _told(CHANNELS, "Seconds a silent channel lives.", least=120, most=14_400)
    ] = 120.0
    connect_timeout: Annotated[
        float, _told(CHANNELS, "Seconds to wait for a target.", least=0.1, most=600)
    ] = 10.0
    first_pdu_timeout: Annotated[
        float, _told(CHANNELS, "Seconds in which a channel must say what it is.", least=0.1, most=900)
    ] = 15.0
    setup_timeout: Annotated[
        float,
        _told(CHANNELS, "Seconds in which both halves of a connection must be here.", least=0.1, most=3600),
    ] = 900.0
    silent_clients: Annotated[
        str,
        _told(CHANNELS, "Clients that never acknowledge: wait, deduce that they read, or release all."),
    ] = "deduce"
    silence_timeout: Annotated[
        float, _told(CHANNELS, "Seconds they get before that, with nothing left.", least=0, most=3600)
    ] = 2.0
    chunked: Annotated[bool, _told(CHANNELS, "Answer OUT channels in chunks.")] = False
    bind_cookies: Annotated[
        bool,
        _told(CHANNELS, "Servers join channels of one user alone; only where every proxy of the farm does."),
    ] = False
    strict: Annotated[bool, _told(CHANNELS, "Tolerate no known quirk.")] = False
    grace: Annotated[float, _told(CHANNELS, "Seconds for connections to end or move at a stop.", least=0)] = (
        2.0
    )

    limits: Annotated[ProxyLimits, _told(BOUNDS, "How many channels there may be.")] = ProxyLimits()
    heads: Annotated[HeadSettings, _told(BOUNDS, "How much a client may send before it is known.")] = (
        HeadSettings()
    )
    rpc_limits: Annotated[
        RpcLimits, _told(BOUNDS, "How much an RPC connection may ask of our own server (rpch up).")
    ] = RpcLimits()


def section_of(meta: msgspec.Meta) -> str:
    """The heading under which a setting stands."""
    return cast(str, (meta.extra or {}).get("section", BOUNDS))
