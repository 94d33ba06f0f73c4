"""What the transactions' endpoints take and answer."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel, model_validator

from wallet_app.api.fields import (
    AmountIn,
    AmountOut,
    Answer,
    CurrencyCode,
    Id,
    IdOut,
    Metadata,
    MomentIn,
    PageQuery,
    Request,
    Sentence,
    ShortText,
    SortOrder,
    Text,
    TimeOut,
)

TypeName = Literal[
    "transfer", "top_up", "withdrawal", "purchase", "exchange", "refund", "reversal", "adjustment", "fee"
]
StatusName = Literal["pending", "completed", "failed", "reversed"]


EXAMPLE_ID = "01900000-0000-7000-8000-000000000000"


class MoveIn(Request):
    amount: AmountIn
    currency: CurrencyCode
    description: Sentence | None = None
    metadata: Metadata | None = None


class TransferIn(MoveIn):
    type: Literal["transfer"]
    source_account_id: Id | None = None
    destination_account_id: Id | None = None
    destination_account_number: ShortText | None = None
    to_user_email: Annotated[Text, Field(max_length=254)] | None = None

    @model_validator(mode="after")
    def _refuse_ambiguity(self) -> "TransferIn":
        named = [self.destination_account_id, self.destination_account_number, self.to_user_email]
        if sum(name is not None for name in named) != 1:
            raise ValueError(
                "Name the recipient by one of destination_account_id, destination_account_number and to_user_email."
            )
        return self


class TopUpIn(MoveIn):
    type: Literal["top_up"]
    account_id: Id


class WithdrawalIn(MoveIn):
    type: Literal["withdrawal"]
    account_id: Id
    payout_reference: ShortText | None = None


class TransactionIn(RootModel[Annotated[TransferIn | TopUpIn | WithdrawalIn, Field(discriminator="type")]]):
    """A money move, told apart by ``type``."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"type": "transfer", "to_user_email": "bo@wallet.example", "amount": "25.00", "currency": "USD"},
                {"type": "top_up", "account_id": EXAMPLE_ID, "amount": "100.00", "currency": "USD"},
                {"type": "withdrawal", "account_id": EXAMPLE_ID, "amount": "40.00", "currency": "USD"},
            ]
        }
    )


class ReversalIn(Request):
    reason: Sentence | None = None


class TransactionOut(Answer):
    id: IdOut
    type: TypeName
    status: StatusName
    amount: AmountOut
    currency: str
    source_account_id: IdOut | None
    destination_account_id: IdOut | None
    description: str | None
    reason: str | None
    merchant_name: str | None
    merchant_category: str | None
    original_transaction_id: IdOut | None
    refunded_amount: AmountOut
    exchange_rate: str | None
    converted_amount: AmountOut | None
    converted_currency: str | None
    metadata: dict[str, Any]
    initiated_by: IdOut
    created_at: TimeOut
    updated_at: TimeOut
    completed_at: TimeOut | None
    fraud_score: int | None = Field(default=None, description="Staff only.")
    fraud_flags: list[str] = Field(default_factory=list, description="Staff only.")


class TransactionEntryOut(Answer):
    id: IdOut
    account_id: IdOut
    amount: AmountOut
    currency: str
    balance_after: AmountOut | None
    created_at: TimeOut


class TimelineEventOut(Answer):
    event: Literal["created", "completed", "reversed"]
    at: TimeOut
    by: IdOut | None
    reason: str | None
    transaction_id: IdOut | None


class TransactionDetailOut(TransactionOut):
    """``entries``, ``assessment`` and ``timeline`` are shown to staff only."""

    entries: list[TransactionEntryOut] = Field(default_factory=list)
    assessment: dict[str, Any] | None = None
    timeline: list[TimelineEventOut] = Field(default_factory=list)


class TransactionsOut(Answer):
    data: list[TransactionOut]
    has_more: bool
    next_cursor: str | None


class AccountTransactionsQuery(PageQuery):
    type: TypeName | None = None
    status: StatusName | None = None
    merchant_category: Annotated[str, Field(max_length=64)] | None = None
    start_date: MomentIn | None = None
    end_date: MomentIn | None = None
    min_amount: AmountIn = None
    max_amount: AmountIn = None
    currency: CurrencyCode | None = None
    q: Annotated[str, Field(max_length=200)] | None = None
    sort_by: Literal["created_at", "amount"] = "created_at"
    sort_order: SortOrder = "desc"


class TransactionsQuery(AccountTransactionsQuery):
    user_id: Id | None = None
    account_id: Id | None = None
