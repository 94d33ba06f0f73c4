"""How many people there are."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from wallet_app.identity.models import User
from wallet_app.identity.permissions import Role


@dataclass(frozen=True, slots=True)
class HeadCounts:
    """People who are not closed; `suspended` counts customers and staff together."""

    customers: int
    staff: int
    suspended: int


def read_head_counts(session: Session) -> HeadCounts:
    """Count the people, in one statement."""
    is_customer = User.role == Role.CUSTOMER
    row = session.execute(
        select(
            func.count().filter(is_customer),
            func.count().filter(~is_customer),
            func.count().filter(User.status == "suspended"),
        ).where(User.status != "closed")
    ).one()
    return HeadCounts(*row)
