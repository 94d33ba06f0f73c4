"""What stands in the database after a call: the audit trail, and the system's own accounts."""

from typing import Any

from flask import Flask

from wallet_app.audit import AuditEvent
from wallet_app.extensions import db
from wallet_app.ledger.models import Account


def list_events(app: Flask, object_id: Any) -> list[AuditEvent]:
    with app.app_context():
        query = db.select(AuditEvent).where(AuditEvent.object_id == object_id).order_by(AuditEvent.occurred_at)
        return list(db.session.scalars(query))


def find_system_account(app: Flask, kind: str = "cash", currency: str = "USD") -> str:
    with app.app_context():
        query = db.select(Account.id).where(Account.kind == kind, Account.currency == currency)
        return str(db.session.scalars(query).one())
