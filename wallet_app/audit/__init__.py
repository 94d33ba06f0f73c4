"""The audit trail: who did what to which object, before and after, in the same unit of work as the deed."""

from wallet_app.audit.models import AuditEvent
from wallet_app.audit.recording import Actor, Deed, record_event, record_events

__all__ = ["Actor", "AuditEvent", "Deed", "record_event", "record_events"]
