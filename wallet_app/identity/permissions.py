"""The one table of who may do what: role × permission. Every front door asks it, and nothing else decides."""

from enum import StrEnum


class Role(StrEnum):
    CUSTOMER = "customer"
    SUPPORT = "support"
    OPERATIONS = "operations"
    FRAUD_ANALYST = "fraud_analyst"
    ADMIN = "admin"
    AUDITOR = "auditor"


STAFF = frozenset(Role) - {Role.CUSTOMER}
# Changes nothing, not even their own; signing in and out and the own password aside.
READ_ONLY = frozenset({Role.AUDITOR})


class Permission(StrEnum):
    """An action on what is not one's own. What an owner may do with their own needs no permission."""

    SEE_USERS = "see_users"
    CREATE_USERS = "create_users"
    EDIT_USERS = "edit_users"
    CLOSE_USERS = "close_users"
    SUSPEND_USERS = "suspend_users"
    GRANT_ACCESS = "grant_access"
    SEE_ACCOUNTS = "see_accounts"
    OPEN_ACCOUNTS = "open_accounts"
    LABEL_ACCOUNTS = "label_accounts"
    SET_OVERDRAFT = "set_overdraft"
    FREEZE_ACCOUNTS = "freeze_accounts"
    CLOSE_ACCOUNTS = "close_accounts"
    SEE_TRANSACTIONS = "see_transactions"
    MOVE_MONEY = "move_money"
    TOP_UP = "top_up"
    REVERSE = "reverse"
    SEE_LEDGER = "see_ledger"


_READING = frozenset(
    {Permission.SEE_USERS, Permission.SEE_ACCOUNTS, Permission.SEE_TRANSACTIONS, Permission.SEE_LEDGER}
)

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.CUSTOMER: frozenset(),
    Role.SUPPORT: _READING,
    Role.AUDITOR: _READING,
    Role.FRAUD_ANALYST: _READING | {Permission.FREEZE_ACCOUNTS},
    Role.OPERATIONS: _READING
    | {
        Permission.SUSPEND_USERS,
        Permission.LABEL_ACCOUNTS,
        Permission.SET_OVERDRAFT,
        Permission.FREEZE_ACCOUNTS,
        Permission.MOVE_MONEY,
        Permission.TOP_UP,
        Permission.REVERSE,
    },
    Role.ADMIN: _READING
    | {
        Permission.CREATE_USERS,
        Permission.EDIT_USERS,
        Permission.CLOSE_USERS,
        Permission.SUSPEND_USERS,
        Permission.GRANT_ACCESS,
        Permission.OPEN_ACCOUNTS,
        Permission.CLOSE_ACCOUNTS,
    },
}
