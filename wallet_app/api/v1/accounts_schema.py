"""What the accounts' endpoints take and answer."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from wallet_app.api.fields import (
    AmountIn,
    AmountOut,
    Answer,
    CurrencyCode,
    Id,
    IdOut,
    MomentIn,
    Name,
    PageQuery,
    Request,
    Sentence,
    TimeIn,
    TimeOut,
)

AccountStatus = Literal["active", "frozen", "closed"]
FreezeScope = Literal["debit", "all"]


class AccountOut(Answer):
    id: IdOut
    number: str
    user_id: IdOut | None
    currency: str
    label: str | None
    status: AccountStatus
    freeze_scope: FreezeScope | None
    is_primary: bool
    balance: AmountOut
    held: AmountOut
    available: AmountOut
    overdraft_limit: AmountOut
    version: int
    created_at: TimeOut


class AccountsOut(Answer):
    data: list[AccountOut]
    has_more: bool
    next_cursor: str | None


class BiggestAccountsOut(Answer):
    data: list[AccountOut]


class AccountsQuery(PageQuery):
    user_id: Id | None = None
    currency: CurrencyCode | None = None
    status: AccountStatus | None = None
    q: Annotated[str, Field(max_length=200)] | None = None


class AccountQuery(Request):
    at: TimeIn | None = None


class AccountIn(Request):
    currency: CurrencyCode
    label: Name | None = None
    user_id: Id | None = None


class AccountEditIn(Request):
    """Only the fields that are sent change; null clears the label."""

    label: Name | None = None
    overdraft_limit: AmountIn = None

    @model_validator(mode="after")
    def _refuse_nothing(self) -> "AccountEditIn":
        if not self.model_fields_set:
            raise ValueError("Send at least one field to change.")
        return self


class FreezeIn(Request):
    """Without ``scope`` every move stops."""

    reason: Sentence
    scope: FreezeScope = "all"


class EntryOut(Answer):
    id: IdOut
    amount: AmountOut
    balance_after: AmountOut | None
    transaction_id: IdOut
    type: str
    description: str | None
    created_at: TimeOut


class StatementQuery(Request):
    start_date: MomentIn | None = None
    end_date: MomentIn | None = None
    format: Literal["json", "csv"] = "json"


class StatementOut(Answer):
    account_id: IdOut
    currency: str
    start: TimeOut
    end: TimeOut = Field(description="The first moment after the period.")
    opening_balance: AmountOut
    closing_balance: AmountOut
    entries: list[EntryOut]


class EntriesOut(Answer):
    data: list[EntryOut]
    has_more: bool
    next_cursor: str | None
