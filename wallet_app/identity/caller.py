"""The signed-in person behind a request, as the services see them."""

from dataclasses import dataclass
from uuid import UUID

from wallet_app.audit import Actor
from wallet_app.errors import Forbidden
from wallet_app.identity.permissions import GRANTS, READ_ONLY, STAFF, Permission, Role


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the database knew them when the request began."""

    user_id: UUID
    role: Role
    status: str
    session_id: UUID
    request_id: str | None = None

    @property
    def is_staff(self) -> bool:
        return self.role in STAFF

    @property
    def actor(self) -> Actor:
        return Actor(self.user_id, self.role, self.request_id)

    def may(self, permission: Permission) -> bool:
        """Whether the role grants it. A suspended person keeps what is their own and loses what the role gave."""
        return self.status == "active" and permission in GRANTS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises:
        Forbidden: the role does not grant it.
        """
        if not self.may(permission):
            raise Forbidden

    def require_writing(self) -> None:
        """For what owners do with their own, and no permission guards.

        Raises:
            Forbidden: an auditor, who reads everything and writes nothing.
        """
        if self.role in READ_ONLY:
            raise Forbidden
