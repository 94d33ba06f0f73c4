"""What registration and sign-in take and answer."""

from typing import Annotated

from pydantic import Field

from wallet_app.api.fields import Answer, CurrencyCode, Email, Name, Request, ShortText, Text, Timezone
from wallet_app.api.v1.accounts_schema import AccountOut
from wallet_app.api.v1.users_schema import UserOut

Password = Annotated[Text, Field(max_length=200)]


class RegisterIn(Request):
    email: Email
    password: Annotated[Password, Field(min_length=10)]
    full_name: Name
    phone: ShortText | None = None
    currency: CurrencyCode = "USD"
    timezone: Timezone = "UTC"


class RegisteredOut(Answer):
    user: UserOut
    account: AccountOut


class LoginIn(Request):
    """Any text is a possible email or password here: what is wrong with them is not told."""

    email: Annotated[Text, Field(max_length=1000)]
    password: Annotated[Text, Field(max_length=1000)]


class TokensOut(Answer):
    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class PasswordIn(Request):
    current_password: Annotated[Text, Field(max_length=1000)]
    new_password: Annotated[Password, Field(min_length=10)]
