"""Context handles: the server's name for state it keeps.  C706 appendix N"""

from uuid import UUID

from rpch.ndr.constructs import Struct
from rpch.ndr.scalars import Guid, ULong


class ContextHandle(Struct):
    """Twenty bytes; all of them tell handles apart, all zero is none.  C706 appendix N"""

    attributes: ULong = 0
    uuid: Guid = UUID(int=0)

    @property
    def is_nil(self) -> bool:
        """Whether it names nothing."""
        return not self.attributes and not self.uuid.int


NIL_HANDLE = ContextHandle()
