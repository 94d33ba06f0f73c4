"""What the users' endpoints take and answer."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from wallet_app.api.fields import (
    Answer,
    CurrencyCode,
    Email,
    Id,
    IdOut,
    Name,
    PageQuery,
    Password,
    Request,
    Sentence,
    ShortText,
    TimeOut,
    Timezone,
)
from wallet_app.api.v1.accounts_schema import AccountOut

RoleName = Literal["customer", "support", "operations", "fraud_analyst", "admin", "auditor"]
UserStatus = Literal["active", "suspended", "closed"]
KycStatus = Literal["none", "pending", "approved", "rejected"]


class UserOut(Answer):
    id: IdOut
    email: str
    full_name: str
    role: RoleName
    status: UserStatus
    kyc_status: KycStatus
    phone: str | None
    company: str | None
    tax_id: str | None
    timezone: str
    currency: str
    created_at: TimeOut
    updated_at: TimeOut


class UsersOut(Answer):
    data: list[UserOut]
    has_more: bool
    next_cursor: str | None


class UsersQuery(PageQuery):
    q: Annotated[str, Field(max_length=200)] | None = None
    status: UserStatus | None = None
    kyc_status: KycStatus | None = None
    role: RoleName | None = None


class ProfileIn(Request):
    """Only the fields that are sent change; null clears phone, company and tax id."""

    full_name: Name = ""
    phone: ShortText | None = None
    company: Name | None = None
    tax_id: ShortText | None = None
    timezone: Timezone = ""
    currency: CurrencyCode = ""

    @model_validator(mode="after")
    def _refuse_nothing(self) -> "ProfileIn":
        if not self.model_fields_set:
            raise ValueError("Send at least one field to change.")
        return self


class UserEditIn(ProfileIn):
    """An administrator's edit of another user: the profile and the role."""

    role: RoleName = "customer"


class UserIn(Request):
    email: Email
    password: Password
    full_name: Name
    role: RoleName = "customer"
    phone: ShortText | None = None
    company: Name | None = None
    tax_id: ShortText | None = None
    timezone: Timezone = "UTC"
    currency: CurrencyCode = "USD"


class ReasonIn(Request):
    reason: Sentence


class AccessIn(Request):
    account_id: Id
    access: Literal["viewer", "operator"]


class AccessOut(Answer):
    user_id: IdOut
    account_id: IdOut
    access: Literal["viewer", "operator"]
    account: AccountOut
