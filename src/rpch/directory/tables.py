"""What the database holds. `migrations/` makes it; a test compares the two.

An *entry* is what others may see of somebody or something: a user, a group, a contact, a room, a container.
An *account* is what a user signs in with; it hangs on an entry and is the only place of secrets. So
whatever reads, exports or copies entries cannot meet a secret.

Names are compared in their folded form (`rpch.auth.names.fold`), which is stored beside them: no database's
own idea of letters takes part. Times are seconds since 1970, in UTC.

Each change of an entry takes the next number of `directory_state.revision`. Whoever keeps a copy of the
book asks for what came after the number they know; `tombstones` are the entries that went.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
)

REVISION: Final = "0003"
"""The newest migration: what a database must be at to be used."""

NAME_SIZE: Final = 256
DN_SIZE: Final = 1072  # what clients keep of a DN.  MS-OXNSPI 2.2.9.3

MIRROR_KEY_SIZE: Final = 64
MIRROR_STAMP_SIZE: Final = 128

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


# Sorted by code points, as Python does: prefixes are ranges then.
_FOLDED: Final = String(NAME_SIZE).with_variant(String(NAME_SIZE, collation="C"), "postgresql")


def _entry(name: str, *, primary_key: bool = False) -> Column[int]:
    """A column that names an entry and goes with it."""
    target = ForeignKey("entries.id", ondelete="CASCADE")
    return Column(name, Integer, target, primary_key=primary_key, nullable=False, autoincrement=False)


DIRECTORY_STATE: Final = Table(
    "directory_state",
    METADATA,
    Column("id", Integer, CheckConstraint("id = 1", name="single"), primary_key=True, autoincrement=False),
    Column("guid", Uuid, nullable=False),  # the directory's own name, which clients keep
    Column("revision", BigInteger, nullable=False),
    Column("key_check", LargeBinary, nullable=True),  # tells the right key file from others
)

ENTRIES: Final = Table(
    "entries",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),  # never used twice
    Column("guid", Uuid, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("parent_id", Integer, ForeignKey("entries.id"), nullable=True, index=True),
    Column("dn", String(DN_SIZE), nullable=False),
    Column("dn_folded", String(DN_SIZE), nullable=False, unique=True),
    Column("display_name", String(NAME_SIZE), nullable=False),
    Column("alias", String(NAME_SIZE), nullable=False),
    Column("mail", String(NAME_SIZE), nullable=True),
    Column("mail_folded", String(NAME_SIZE), nullable=True, unique=True),
    Column("hidden", Boolean, nullable=False),
    Column("attributes", Text, nullable=False),  # a JSON object: LDAP's names, values or lists of values
    Column("created", Float, nullable=False),
    Column("changed", Float, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
    sqlite_autoincrement=True,
)

# What an entry can be found by: each of its names, folded. Exact and prefix look-ups are ranges of the key.
ENTRY_NAMES: Final = Table(
    "entry_names",
    METADATA,
    Column("folded", _FOLDED, primary_key=True),
    Column("kind", String(16), primary_key=True),
    _entry("entry_id", primary_key=True),
    Index("ix_entry_names_entry_id", "entry_id"),
)

# Attributes that are large or no text: pictures, certificates. Not read with the entry.
ENTRY_BINARIES: Final = Table(
    "entry_binaries",
    METADATA,
    _entry("entry_id", primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

# From whom to whom: `member` from a group, `manager`, `delegate` and others from a person.
LINKS: Final = Table(
    "links",
    METADATA,
    _entry("source_id", primary_key=True),
    Column("name", String(32), primary_key=True),
    _entry("target_id", primary_key=True),
    Index("ix_links_target_id_name", "target_id", "name"),
)

# Directories that others keep, and of which the book has a copy.
MIRRORS: Final = Table(
    "mirrors",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("source", String(512), nullable=False, unique=True),  # where it is, as a person would write it
    Column("server", Text, nullable=False),  # which of several machines answered: their stamps differ
    Column("token", Text, nullable=False),  # what the server said of its state when all of it was known
    Column("newest", String(MIRROR_STAMP_SIZE), nullable=False),
    Column("listed", Float, nullable=False),  # when all entries were compared
    Column("signs_in", Text, nullable=False),  # by what its people are known when they sign in
)

# Entries that come from such a directory, and may be changed only there.
MIRRORED: Final = Table(
    "mirrored",
    METADATA,
    _entry("entry_id", primary_key=True),
    Column("mirror_id", Integer, ForeignKey("mirrors.id", ondelete="CASCADE"), nullable=False),
    Column("dn", Text, nullable=False),
    Column("dn_key", String(MIRROR_KEY_SIZE), nullable=False),  # a digest: DNs there may be of any length
    Column("stamp", String(MIRROR_STAMP_SIZE), nullable=False),
    Index("ix_mirrored_mirror_id_dn_key", "mirror_id", "dn_key"),
)

# Whom such entries name, there or not: links are made of those that are.
MIRRORED_LINKS: Final = Table(
    "mirrored_links",
    METADATA,
    _entry("source_id", primary_key=True),
    Column("name", String(32), primary_key=True),
    Column("target_key", String(MIRROR_KEY_SIZE), primary_key=True),
    Index("ix_mirrored_links_target_key", "target_key"),
)

TOMBSTONES: Final = Table(
    "tombstones",
    METADATA,
    Column("entry_id", Integer, primary_key=True, autoincrement=False),
    Column("guid", Uuid, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
)

ACCOUNTS: Final = Table(
    "accounts",
    METADATA,
    _entry("entry_id", primary_key=True),
    Column("name", String(NAME_SIZE), nullable=False),
    Column("domain", String(NAME_SIZE), nullable=False),
    Column("name_folded", String(NAME_SIZE), nullable=False, index=True),
    Column("domain_folded", String(NAME_SIZE), nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("ntlm", Boolean, nullable=False),
    Column("password_hash", Text, nullable=False),  # Argon2id with its parameters
    Column("nt_hash", LargeBinary, nullable=True),  # sealed; only while NTLM is on
    Column("created", Float, nullable=False),
    Column("changed", Float, nullable=False),
    Column("password_changed", Float, nullable=False),
    Index("uq_accounts_identity", "domain_folded", "name_folded", unique=True),
)

# Who has no account here, and signs in by one elsewhere: its name there, folded, and the domain. A user
# principal name is whole, and of no domain besides. A name that is several entries' is nobody's.
SIGN_IN_NAMES: Final = Table(
    "sign_in_names",
    METADATA,
    Column("name_folded", String(NAME_SIZE), primary_key=True),
    Column("domain_folded", String(NAME_SIZE), primary_key=True),
    _entry("entry_id", primary_key=True),
    Index("ix_sign_in_names_entry_id", "entry_id"),
)

# Other names of domains: `lab.example` for `LAB`.
DOMAIN_ALIASES: Final = Table(
    "domain_aliases",
    METADATA,
    Column("alias_folded", String(NAME_SIZE), primary_key=True),
    Column("alias", String(NAME_SIZE), nullable=False),
    Column("domain_folded", String(NAME_SIZE), nullable=False),
)

ORGANISATION_SETTINGS: Final = Table(
    "organisation_settings",
    METADATA,
    Column("key", String(128), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("changed", Float, nullable=False),
)

USER_SETTINGS: Final = Table(
    "user_settings",
    METADATA,
    _entry("entry_id", primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("changed", Float, nullable=False),
)

# Wrong guesses. Keys are digests: whoever reads the table learns neither names nor addresses.
COUNTERS: Final = Table(
    "counters",
    METADATA,
    Column("key", String(64), primary_key=True),
    Column("subject", String(64), nullable=True, index=True),  # whose account it is, to forgive it as a whole
    Column("until", Float, nullable=False, index=True),
    Column("count", Integer, nullable=False),
)
