"""What a fault says: the codes of DCE and of Windows, by name.  C706 N, MS-RPCE 3.1.1.5.5

Both kinds travel in the same 32 bits. The DCE codes keep their C706 names without the `nca_`
prefix, the Windows codes keep theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final, Self


class Status(IntEnum):
    """The status of a fault; a number nobody named is kept and prints itself.  C706 N, MS-ERREF 2.2"""

    # Windows codes
    ACCESS_DENIED = 5
    INVALID_HANDLE = 6
    OUT_OF_MEMORY = 0xE
    INVALID_PARAMETER = 0x57
    RPC_S_INVALID_STRING_BINDING = 0x6A4
    RPC_S_PROTSEQ_NOT_SUPPORTED = 0x6A7
    RPC_S_INVALID_RPC_PROTSEQ = 0x6A8
    RPC_S_INVALID_STRING_UUID = 0x6A9
    RPC_S_INVALID_ENDPOINT_FORMAT = 0x6AA
    RPC_S_INVALID_NET_ADDR = 0x6AB
    RPC_S_OBJECT_NOT_FOUND = 0x6AE
    RPC_S_UNKNOWN_IF = 0x6B5
    RPC_S_OUT_OF_RESOURCES = 0x6B9
    RPC_S_SERVER_UNAVAILABLE = 0x6BA
    RPC_S_SERVER_TOO_BUSY = 0x6BB
    RPC_S_INVALID_NETWORK_OPTIONS = 0x6BC
    RPC_S_NO_CALL_ACTIVE = 0x6BD
    RPC_S_CALL_FAILED = 0x6BE
    RPC_S_CALL_FAILED_DNE = 0x6BF
    RPC_S_PROTOCOL_ERROR = 0x6C0
    RPC_S_UNSUPPORTED_TRANS_SYN = 0x6C2
    RPC_S_UNSUPPORTED_TYPE = 0x6C4
    RPC_S_INVALID_TAG = 0x6C5
    RPC_S_INVALID_BOUND = 0x6C6
    RPC_S_PROCNUM_OUT_OF_RANGE = 0x6D1
    RPC_S_UNKNOWN_AUTHN_SERVICE = 0x6D3
    EPT_S_CANT_PERFORM_OP = 0x6D8
    EPT_S_NOT_REGISTERED = 0x6D9
    RPC_S_INTERNAL_ERROR = 0x6E6
    RPC_S_ZERO_DIVIDE = 0x6E7
    RPC_S_ADDRESS_ERROR = 0x6E8
    RPC_S_FP_DIV_ZERO = 0x6E9
    RPC_S_FP_UNDERFLOW = 0x6EA
    RPC_S_FP_OVERFLOW = 0x6EB
    RPC_X_SS_IN_NULL_CONTEXT = 0x6EF
    RPC_X_NULL_REF_POINTER = 0x6F4
    RPC_X_ENUM_VALUE_OUT_OF_RANGE = 0x6F5
    RPC_X_BAD_STUB_DATA = 0x6F7
    RPC_S_CALL_CANCELLED = 0x71A
    RPC_S_COMM_FAILURE = 0x71C
    RPC_S_UNSUPPORTED_AUTHN_LEVEL = 0x71D
    RPC_S_SEC_PKG_ERROR = 0x721
    RPC_S_NOT_CANCELLED = 0x722
    RPC_X_WRONG_PIPE_ORDER = 0x727
    RPC_S_SERVER_OUT_OF_MEMORY = 0x46A
    RPC_X_PIPE_CLOSED = 0x77C
    RPC_X_PIPE_DISCIPLINE_ERROR = 0x77D
    RPC_X_PIPE_EMPTY = 0x77E

    # DCE codes
    S_FAULT_INT_DIV_BY_ZERO = 0x1C000001
    S_FAULT_ADDR_ERROR = 0x1C000002
    S_FAULT_FP_DIV_ZERO = 0x1C000003
    S_FAULT_FP_UNDERFLOW = 0x1C000004
    S_FAULT_FP_OVERFLOW = 0x1C000005
    S_FAULT_INVALID_TAG = 0x1C000006
    S_FAULT_INVALID_BOUND = 0x1C000007
    RPC_VERSION_MISMATCH = 0x1C000008
    UNSPEC_REJECT = 0x1C000009
    S_BAD_ACTID = 0x1C00000A
    WHO_ARE_YOU_FAILED = 0x1C00000B
    MANAGER_NOT_ENTERED = 0x1C00000C
    S_FAULT_CANCEL = 0x1C00000D
    S_FAULT_ILL_INST = 0x1C00000E
    S_FAULT_FP_ERROR = 0x1C00000F
    S_FAULT_INT_OVERFLOW = 0x1C000010
    S_FAULT_UNSPEC = 0x1C000012
    S_FAULT_REMOTE_COMM_FAILURE = 0x1C000013
    S_FAULT_PIPE_EMPTY = 0x1C000014
    S_FAULT_PIPE_CLOSED = 0x1C000015
    S_FAULT_PIPE_ORDER = 0x1C000016
    S_FAULT_PIPE_DISCIPLINE = 0x1C000017
    S_FAULT_PIPE_COMM_ERROR = 0x1C000018
    S_FAULT_PIPE_MEMORY = 0x1C000019
    S_FAULT_CONTEXT_MISMATCH = 0x1C00001A
    S_FAULT_REMOTE_NO_MEMORY = 0x1C00001B
    INVALID_PRES_CONTEXT_ID = 0x1C00001C
    UNSUPPORTED_AUTHN_LEVEL = 0x1C00001D
    INVALID_CHECKSUM = 0x1C00001F
    INVALID_CRC = 0x1C000020
    S_FAULT_USER_DEFINED = 0x1C000021
    S_FAULT_TX_OPEN_FAILED = 0x1C000022
    S_FAULT_CODESET_CONV_ERROR = 0x1C000023
    S_FAULT_OBJECT_NOT_FOUND = 0x1C000024
    S_FAULT_NO_CLIENT_STUB = 0x1C000025
    S_COMM_FAILURE = 0x1C010001
    OP_RNG_ERROR = 0x1C010002
    UNK_IF = 0x1C010003
    WRONG_BOOT_TIME = 0x1C010006
    S_YOU_CRASHED = 0x1C010009
    PROTO_ERROR = 0x1C01000B
    OUT_ARGS_TOO_BIG = 0x1C010013
    SERVER_TOO_BUSY = 0x1C010014
    STRING_TOO_LARGE = 0x1C010015
    UNSUPPORTED_TYPE = 0x1C010017

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFFFFFF:
            return None
        unknown = int.__new__(cls, value)
        unknown._name_, unknown._value_ = f"0x{value:08x}", value
        return unknown

    def __str__(self) -> str:
        known = "" if self.name.startswith("0x") else f"{self.name} "
        return f"{known}(0x{self.value:08x})" if known else self.name


# What a caller sees for a DCE code; the others it sees as they are.  MS-RPCE 3.1.1.5.5
WIN32_BY_NCA: Final[Mapping[Status, Status]] = {
    Status.S_FAULT_INT_DIV_BY_ZERO: Status.RPC_S_ZERO_DIVIDE,
    Status.S_FAULT_ADDR_ERROR: Status.RPC_S_ADDRESS_ERROR,
    Status.S_FAULT_FP_DIV_ZERO: Status.RPC_S_FP_DIV_ZERO,
    Status.S_FAULT_FP_UNDERFLOW: Status.RPC_S_FP_UNDERFLOW,
    Status.S_FAULT_FP_OVERFLOW: Status.RPC_S_FP_OVERFLOW,
    Status.S_FAULT_INVALID_TAG: Status.RPC_S_INVALID_TAG,
    Status.S_FAULT_INVALID_BOUND: Status.RPC_S_INVALID_BOUND,
    Status.RPC_VERSION_MISMATCH: Status.RPC_S_PROTOCOL_ERROR,
    Status.UNSPEC_REJECT: Status.RPC_S_CALL_FAILED,
    Status.S_BAD_ACTID: Status.RPC_S_CALL_FAILED_DNE,
    Status.WHO_ARE_YOU_FAILED: Status.RPC_S_CALL_FAILED,
    Status.MANAGER_NOT_ENTERED: Status.RPC_S_CALL_FAILED_DNE,
    Status.S_FAULT_CANCEL: Status.RPC_S_CALL_CANCELLED,
    Status.S_FAULT_ILL_INST: Status.RPC_S_ADDRESS_ERROR,
    Status.S_FAULT_FP_ERROR: Status.RPC_S_FP_OVERFLOW,
    Status.S_FAULT_INT_OVERFLOW: Status.RPC_S_ADDRESS_ERROR,
    Status.S_FAULT_UNSPEC: Status.RPC_S_CALL_FAILED,
    Status.S_FAULT_PIPE_EMPTY: Status.RPC_X_PIPE_EMPTY,
    Status.S_FAULT_PIPE_CLOSED: Status.RPC_X_PIPE_CLOSED,
    Status.S_FAULT_PIPE_ORDER: Status.RPC_X_WRONG_PIPE_ORDER,
    Status.S_FAULT_PIPE_DISCIPLINE: Status.RPC_X_PIPE_DISCIPLINE_ERROR,
    Status.S_FAULT_PIPE_COMM_ERROR: Status.RPC_S_COMM_FAILURE,
    Status.S_FAULT_PIPE_MEMORY: Status.OUT_OF_MEMORY,
    Status.S_FAULT_CONTEXT_MISMATCH: Status.INVALID_HANDLE,
    Status.S_FAULT_REMOTE_NO_MEMORY: Status.RPC_S_SERVER_OUT_OF_MEMORY,
    Status.INVALID_PRES_CONTEXT_ID: Status.RPC_S_PROTOCOL_ERROR,
    Status.UNSUPPORTED_AUTHN_LEVEL: Status.RPC_S_UNSUPPORTED_AUTHN_LEVEL,
    Status.INVALID_CHECKSUM: Status.RPC_S_CALL_FAILED_DNE,
    Status.INVALID_CRC: Status.RPC_S_CALL_FAILED_DNE,
    Status.S_COMM_FAILURE: Status.RPC_S_COMM_FAILURE,
    Status.OP_RNG_ERROR: Status.RPC_S_PROCNUM_OUT_OF_RANGE,
    Status.UNK_IF: Status.RPC_S_UNKNOWN_IF,
    Status.S_YOU_CRASHED: Status.RPC_S_CALL_FAILED,
    Status.PROTO_ERROR: Status.RPC_S_PROTOCOL_ERROR,
    Status.OUT_ARGS_TOO_BIG: Status.RPC_S_SERVER_OUT_OF_MEMORY,
    Status.SERVER_TOO_BUSY: Status.RPC_S_SERVER_TOO_BUSY,
    Status.UNSUPPORTED_TYPE: Status.RPC_S_UNSUPPORTED_TYPE,
}

# A server MUST NOT send these; a client that receives one reports a protocol error.  MS-RPCE 3.3.3.5.1
FORBIDDEN: Final[frozenset[int]] = frozenset(
    {
        0x00000000,
        0x80000001,
        0x80000002,
        0x80000003,
        0xC0000005,
        0xC0000006,
        0xC000001D,
        0xC0000096,
        0xC00000AA,
        0xC00000FD,
        0xC0000194,
        0xC0000235,
        0xC0000409,
        0xC0000420,
    }
)

# After these the peer has given up the whole connection; any other fault fails only its call.
ENDS_CONNECTION: Final[frozenset[int]] = frozenset({Status.PROTO_ERROR, Status.RPC_S_SEC_PKG_ERROR})


def win32(status: int) -> Status:
    """The Windows code that a caller sees for a received fault.  MS-RPCE 3.1.1.5.5"""
    if status in FORBIDDEN:
        return Status.RPC_S_PROTOCOL_ERROR
    received = Status(status)
    return WIN32_BY_NCA.get(received, received)


def sendable(status: int) -> int:
    """The code a server may put in a fault: a forbidden one is replaced.  MS-RPCE 3.3.3.5.1"""
    return Status.S_FAULT_UNSPEC if status in FORBIDDEN else status & 0xFFFFFFFF
