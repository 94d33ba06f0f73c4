"""Home: the few figures that tell whether all is well."""

from datetime import UTC, datetime, time

from flask import render_template
from sqlalchemy.orm import Session

from wallet_app import clock
from wallet_app.backoffice.blueprint import backoffice_blueprint
from wallet_app.backoffice.permissions import requires
from wallet_app.identity.head_counts import HeadCounts, read_head_counts
from wallet_app.identity.permissions import Permission
from wallet_app.ledger.totals import CurrencyTotal, read_currency_totals
from wallet_app.transactions.today import CurrencyActivity, read_activity_since
from wallet_app.uow import run_in_unit_of_work


@backoffice_blueprint.get("/")
@requires(Permission.SEE_USERS, Permission.SEE_TRANSACTIONS, Permission.SEE_LEDGER)
def show_home() -> str:
    """Show people, today's transactions and the ledger's totals, each from one statement."""
    moment = clock.now()
    midnight = datetime.combine(moment.date(), time.min, tzinfo=UTC)

    def read(session: Session) -> tuple[HeadCounts, list[CurrencyActivity], list[CurrencyTotal]]:
        return (
            read_head_counts(session),
            read_activity_since(session, midnight),
            read_currency_totals(session),
        )

    people, activity, totals = run_in_unit_of_work(read)
    return render_template("backoffice/home.html", moment=moment, people=people, activity=activity, totals=totals)
