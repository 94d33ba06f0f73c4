"""Recording an event. It takes the unit of work's session or connection, so that event and deed commit together or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, insert
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from wallet_app import clock
from wallet_app.audit.models import AuditEvent


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a signed-in person, or the system itself when ``user_id`` is None."""

    user_id: UUID | None
    role: str
    request_id: str | None = None


def record_event(
    unit: Session | Connection,
    actor: Actor,
    action: str,
    *,
    object_type: str,
    object_id: UUID,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    reason: str | None = None,
) -> None:
    """Add an event to the running unit of work. ``before`` and ``after`` hold plain JSON values, and no secrets."""
    unit.execute(
        insert(AuditEvent).values(
            id=uuid7(),
            occurred_at=clock.now(),
            actor_id=actor.user_id,
            actor_role=actor.role,
            action=action,
            object_type=object_type,
            object_id=object_id,
            before=dict(before) if before is not None else None,
            after=dict(after) if after is not None else None,
            reason=reason,
            request_id=actor.request_id,
        )
    )
