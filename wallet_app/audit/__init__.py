"""The audit trail: who did what to which object, before and after, in the same unit of work as the deed."""

from wallet_app.audit.models import AuditEvent
from wallet_app.audit.recording import Actor, record_event

__all__ = ["Actor", "AuditEvent", "record_event"]
