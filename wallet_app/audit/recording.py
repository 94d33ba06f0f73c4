"""Recording events in the unit of work of the deed itself, so that both commit together or not at all."""

from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What was done to an object. ``before`` and ``after`` hold plain JSON values, and no secrets."""

    action: str
    object_type: str
    object_id: UUID
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None
    reason: str | None = None


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
    deed = Deed(action=action, object_type=object_type, object_id=object_id, before=before, after=after, reason=reason)
    record_events(unit, [(actor, deed)])


def record_events(unit: Session | Connection, deeds: Sequence[tuple[Actor, Deed]]) -> None:
    """Add an event for each deed to the running unit of work, in one statement."""
    now = clock.now()
    unit.execute(
        insert(AuditEvent).values(
            [
                {
                    "id": uuid7(),
                    "occurred_at": now,
                    "actor_id": actor.user_id,
                    "actor_role": actor.role,
                    "action": deed.action,
                    "object_type": deed.object_type,
                    "object_id": deed.object_id,
                    "before": dict(deed.before) if deed.before is not None else None,
                    "after": dict(deed.after) if deed.after is not None else None,
                    "reason": deed.reason,
                    "request_id": actor.request_id,
                }
                for actor, deed in deeds
            ]
        )
    )
