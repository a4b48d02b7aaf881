"""Which attribute of an entry is which property.  MS-OXOABK 2.2.3, 2.2.4; the names are those of LDAP schemas

The types: text (001F), several texts (101F), a number (0003), a truth (000B); binary ones (0102, 1102) lie
beside the entry and are read when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rpch.exchange.nspi.tags import Tag

_EXTENSIONS: Final = (
    *range(0x802D, 0x8037),  # 1 to 10
    *range(0x8C57, 0x8C5A),  # 11 to 13
    *range(0x8C60, 0x8C62),  # 14 and 15
)

ATTRIBUTES: Final[Mapping[int, str]] = {
    Tag.GIVEN_NAME: "givenName",
    Tag.SURNAME: "sn",
    0x3A0A_001F: "initials",
    Tag.TITLE: "title",
    Tag.COMPANY_NAME: "company",
    Tag.DEPARTMENT_NAME: "department",
    Tag.OFFICE_LOCATION: "physicalDeliveryOfficeName",
    Tag.BUSINESS_TELEPHONE: "telephoneNumber",
    Tag.PRIMARY_TELEPHONE: "telephoneNumber",
    0x3A1B_101F: "otherTelephone",
    Tag.HOME_TELEPHONE: "homePhone",
    0x3A2F_101F: "otherHomePhone",
    Tag.MOBILE_TELEPHONE: "mobile",
    0x3A21_001F: "pager",
    Tag.PRIMARY_FAX: "facsimileTelephoneNumber",
    0x3A24_001F: "facsimileTelephoneNumber",
    0x3A2E_001F: "telephoneAssistant",
    0x3A30_001F: "msExchAssistantName",
    Tag.STREET_ADDRESS: "streetAddress",
    Tag.LOCALITY: "l",
    Tag.STATE: "st",
    Tag.POSTAL_CODE: "postalCode",
    0x3A2B_101F: "postOfficeBox",
    Tag.COUNTRY: "co",
    0x3A5D_001F: "homePostalAddress",
    0x3A51_001F: "wWWHomePage",
    Tag.COMMENT: "info",
    Tag.ROOM_CAPACITY: "msExchResourceCapacity",
    Tag.ROOM_DESCRIPTION: "msExchResourceDisplay",
    0x806F_101F: "description",
    0x8069_001F: "c",
    0x8102_101F: "ou",
    0x8202_001F: "name",
    0x8C8E_001F: "msDS-PhoneticFirstName",
    0x8C8F_001F: "msDS-PhoneticLastName",
    0x8C90_001F: "msDS-PhoneticDepartment",
    0x8C91_001F: "msDS-PhoneticCompanyName",
    Tag.PHONETIC_DISPLAY_NAME: "msDS-PhoneticDisplayName",
    0x8CA0_0003: "msDS-HABSeniorityIndex",
    0x8CAC_101F: "msExchSenderHintTranslations",
    0x8CB5_000B: "msExchEnableModeration",
    0x8CDD_000B: "msOrg-IsOrganizational",
    **{number << 16 | 0x001F: f"extensionAttribute{at}" for at, number in enumerate(_EXTENSIONS, 1)},
}

BINARY_ATTRIBUTES: Final[Mapping[int, str]] = {
    Tag.THUMBNAIL_PHOTO: "thumbnailPhoto",
    Tag.X509_CERTIFICATE: "userCertificate",
    Tag.USER_X509_CERTIFICATE: "userSMIMECertificate",
    0x8CC2_0102: "msExchUMSpokenName",
}
