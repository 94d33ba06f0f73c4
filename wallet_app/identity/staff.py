"""Staff at the back office's door: signing in, and who is behind a back-office session."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.errors import InvalidCredentials, ValidationFailed
from wallet_app.identity.caller import Caller
from wallet_app.identity.models import SignInSession, User
from wallet_app.identity.permissions import STAFF, Role
from wallet_app.identity.sessions import open_session, verify_credentials
from wallet_app.identity.users import normalise_email


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A signed-in member of staff, as the database knew them when the request began."""

    caller: Caller
    email: str
    full_name: str


def sign_in_staff(email: str, password: str) -> UUID:
    """Open a back-office session and return its id.

    Raises:
        TooManyRequests: ten failures for this email within 15 minutes.
        InvalidCredentials: a wrong email or password, a customer's, or a suspended person's: all told alike.
    """
    try:
        address = normalise_email(email)
    except ValidationFailed as error:
        raise InvalidCredentials from error
    user = verify_credentials(address, password)
    if user.role not in STAFF or user.status != "active":
        raise InvalidCredentials
    return open_session(user.id, kind="backoffice", password_hash=user.password_hash).session_id


def find_staff_member(session: Session, session_id: UUID, request_id: str | None = None) -> StaffMember | None:
    """Return who is behind a back-office session, read fresh: a changed role or a suspension counts at once.

    None when the session has ended, or the person is no longer active staff.
    """
    row = session.execute(
        select(User.id, User.role, User.status, User.email, User.full_name)
        .join(SignInSession, SignInSession.user_id == User.id)
        .where(
            SignInSession.id == session_id,
            SignInSession.kind == "backoffice",
            SignInSession.revoked_at.is_(None),
            SignInSession.expires_at > clock.now(),
            User.status == "active",
            User.role.in_(STAFF),
        )
    ).one_or_none()
    if row is None:
        return None
    caller = Caller(row.id, Role(row.role), row.status, session_id, request_id)
    return StaffMember(caller, row.email, row.full_name)
