"""A statement as a CSV file that spreadsheets open as a plain table."""

import csv
from io import StringIO

from wallet_app.clock import format_timestamp
from wallet_app.money import format_amount, get_currency
from wallet_app.transactions.statements import Statement

COLUMNS = ("created_at", "type", "description", "amount", "balance_after", "transaction_id")
# What a spreadsheet takes for the beginning of a formula, the full-width signs included.
FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠")


def write_statement_csv(statement: Statement) -> str:
    """Header, opening balance, entries, closing balance: every line has the same columns.

    The two balances stand in the column of balances, at the period's start and end, and have no amount.
    """
    currency = get_currency(statement.account.currency)
    period = statement.period
    opening = format_amount(statement.opening_balance, currency)
    closing = format_amount(statement.closing_balance, currency)
    file = StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    writer.writerow((format_timestamp(period.start), "opening_balance", "Opening balance", "", opening, ""))
    for entry in statement.entries:
        writer.writerow(
            (
                format_timestamp(entry.created_at),
                entry.type,
                neutralise(entry.description or ""),
                format_amount(entry.amount, currency),
                "" if entry.balance_after is None else format_amount(entry.balance_after, currency),
                str(entry.transaction_id),
            )
        )
    writer.writerow((format_timestamp(period.end), "closing_balance", "Closing balance", "", closing, ""))
    return file.getvalue()


def neutralise(text: str) -> str:
    """Text that no spreadsheet calculates: what begins like a formula gets an apostrophe in front."""
    return f"'{text}" if text[:1] in FORMULA_STARTS else text


def name_statement_file(statement: Statement) -> str:
    """The account's number and the period's first and last day, as its owner counts days."""
    period = statement.period
    return f"statement-{statement.account.number}-{period.first_day}-{period.last_day}.csv"
