"""Property tags of the address book: number and type in one word.  MS-OXPROPS, MS-OXOABK 2.2.3"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

# A value as the address book keeps it: numbers and times as int, text as str, text in a code page and
# everything binary as bytes, many of them as a tuple.
Value: TypeAlias = int | str | bytes | tuple[int, ...] | tuple[str, ...] | tuple[bytes, ...]


class Kind(IntEnum):
    """The types that travel; the low half of a tag.  MS-OXNSPI 2.2.2.11"""

    UNSPECIFIED = 0x0000
    NULL = 0x0001
    INTEGER16 = 0x0002
    INTEGER32 = 0x0003
    ERROR = 0x000A
    BOOLEAN = 0x000B
    OBJECT = 0x000D
    STRING8 = 0x001E
    STRING = 0x001F
    TIME = 0x0040
    GUID = 0x0048
    BINARY = 0x0102
    STRINGS8 = 0x101E
    STRINGS = 0x101F
    BINARIES = 0x1102


MULTIPLE: Final = 0x1000  # in a type: several values

_CODE_PAGE: Final[dict[int, int]] = {Kind.STRING: Kind.STRING8, Kind.STRINGS: Kind.STRINGS8}
_UNICODE: Final[dict[int, int]] = {narrow: wide for wide, narrow in _CODE_PAGE.items()}


def number_of(tag: int) -> int:
    """Which property a tag means, whatever the type."""
    return tag >> 16


def kind_of(tag: int) -> int:
    """The type in a tag."""
    return tag & 0xFFFF


def with_kind(tag: int, kind: int) -> int:
    """The same property with another type."""
    return tag & 0xFFFF_0000 | kind


def in_unicode(tag: int) -> int:
    """The tag, text being Unicode."""
    return with_kind(tag, _UNICODE.get(kind_of(tag), kind_of(tag)))


def in_code_page(tag: int) -> int:
    """The tag, text being in a code page."""
    return with_kind(tag, _CODE_PAGE.get(kind_of(tag), kind_of(tag)))


class Tag(IntEnum):
    """The properties that this address book treats specially, with their native types."""

    TEMPLATE_DATA = 0x0001_0102
    SCRIPT_DATA = 0x0004_0102
    ROOM_CAPACITY = 0x0807_0003
    ROOM_DESCRIPTION = 0x0809_001F
    INSTANCE_KEY = 0x0FF6_0102
    MAPPING_SIGNATURE = 0x0FF8_0102
    RECORD_KEY = 0x0FF9_0102
    OBJECT_TYPE = 0x0FFE_0003
    ENTRYID = 0x0FFF_0102
    DISPLAY_NAME = 0x3001_001F
    ADDRTYPE = 0x3002_001F
    EMAIL_ADDRESS = 0x3003_001F
    COMMENT = 0x3004_001F
    DEPTH = 0x3005_0003
    CREATION_TIME = 0x3007_0040
    LAST_MODIFICATION_TIME = 0x3008_0040
    SEARCH_KEY = 0x300B_0102
    CONTAINER_FLAGS = 0x3600_0003
    ANR = 0x360C_001F
    DISPLAY_TYPE = 0x3900_0003
    TEMPLATEID = 0x3902_0102
    DISPLAY_TYPE_EX = 0x3905_0003
    SMTP_ADDRESS = 0x39FE_001F
    DISPLAY_NAME_PRINTABLE = 0x39FF_001F
    ACCOUNT = 0x3A00_001F
    GIVEN_NAME = 0x3A06_001F
    BUSINESS_TELEPHONE = 0x3A08_001F
    HOME_TELEPHONE = 0x3A09_001F
    COMMON_NAME = 0x3A0F_001F
    SURNAME = 0x3A11_001F
    COMPANY_NAME = 0x3A16_001F
    TITLE = 0x3A17_001F
    DEPARTMENT_NAME = 0x3A18_001F
    OFFICE_LOCATION = 0x3A19_001F
    PRIMARY_TELEPHONE = 0x3A1A_001F
    MOBILE_TELEPHONE = 0x3A1C_001F
    PRIMARY_FAX = 0x3A23_001F
    COUNTRY = 0x3A26_001F
    LOCALITY = 0x3A27_001F
    STATE = 0x3A28_001F
    STREET_ADDRESS = 0x3A29_001F
    POSTAL_CODE = 0x3A2A_001F
    TRANSMITABLE_DISPLAY_NAME = 0x3A20_001F
    SEND_RICH_INFO = 0x3A40_000B
    MANAGER_NAME = 0x3A4E_001F
    USER_X509_CERTIFICATE = 0x3A70_1102
    SEND_INTERNET_ENCODING = 0x3A71_0003
    INITIAL_DETAILS_PANE = 0x3F08_0003
    MANAGER = 0x8005_000D
    HOME_MDB = 0x8006_001F
    IS_MEMBER_OF_DL = 0x8008_000D
    MEMBER = 0x8009_000D
    OWNER = 0x800C_000D
    REPORTS = 0x800E_000D
    PROXY_ADDRESSES = 0x800F_101F
    TARGET_ADDRESS = 0x8011_001F
    PUBLIC_DELEGATES = 0x8015_000D
    OWNER_BACK_LINK = 0x8024_000D
    OBJ_DIST_NAME = 0x803C_001F
    PUBLIC_DELEGATES_BACK_LINK = 0x8110_000D
    NETWORK_ADDRESS = 0x8170_101F
    X509_CERTIFICATE = 0x8C6A_1102
    OBJECT_GUID = 0x8C6D_0102
    MAILBOX_GUID = 0x8C73_0102
    PHONETIC_DISPLAY_NAME = 0x8C92_001F
    THUMBNAIL_PHOTO = 0x8C9E_0102
    MEMBER_COUNT = 0x8CE2_0003
    IS_MASTER = 0xFFFB_000B
    PARENT_ENTRYID = 0xFFFC_0102
    CONTAINERID = 0xFFFD_0003
