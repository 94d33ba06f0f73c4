"""The staff member behind a request: flask-login's user, looked up afresh each time."""

from typing import cast
from uuid import UUID

from flask import g
from flask_login import UserMixin, current_user

from wallet_app.extensions import login_manager
from wallet_app.identity.staff import StaffMember, find_staff_member
from wallet_app.uow import run_in_unit_of_work


class SignedInStaff(UserMixin):
    """flask-login's view of a staff member. Its id is the session's: what ends there, ends everywhere."""

    def __init__(self, member: StaffMember) -> None:
        self.member = member

    def get_id(self) -> str:
        return str(self.member.caller.session_id)


@login_manager.user_loader  # type: ignore[untyped-decorator]
def load_signed_in_staff(session_id: str) -> SignedInStaff | None:
    """Find the staff member of the cookie's session; None when it has ended or they are staff no longer."""
    try:
        parsed = UUID(session_id)
    except ValueError:
        return None
    member = run_in_unit_of_work(lambda session: find_staff_member(session, parsed, g.get("request_id")))
    return SignedInStaff(member) if member else None


def find_signed_in() -> StaffMember | None:
    """Return the staff member behind this request, or None when nobody is signed in."""
    return cast("StaffMember", current_user.member) if current_user.is_authenticated else None


def get_staff_member() -> StaffMember:
    """Return the staff member behind this request. The blueprint lets nobody past without one.

    Raises LookupError when nobody is signed in, which is a fault of ours.
    """
    member = find_signed_in()
    if member is None:
        raise LookupError("nobody is signed in")
    return member
