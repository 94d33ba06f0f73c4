"""What registration and sign-in take and answer."""

from typing import Annotated

from pydantic import ConfigDict, Field

from wallet_app.api.fields import Answer, CurrencyCode, Email, Name, Password, Request, ShortText, Text, Timezone
from wallet_app.api.v1.accounts_schema import AccountOut
from wallet_app.api.v1.users_schema import UserOut
from wallet_app.identity.users import LONGEST_EMAIL


class RegisterIn(Request):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"email": "cy@wallet.example", "password": "a long sentence is best", "full_name": "Cy Tan"},
            ]
        }
    )

    email: Email
    password: Password
    full_name: Name
    phone: ShortText | None = None
    currency: CurrencyCode = "USD"
    timezone: Timezone = "UTC"


class RegisteredOut(Answer):
    user: UserOut
    account: AccountOut


class LoginIn(Request):
    """Any text is a possible email or password here: what is wrong with them is not told."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"email": "ana@wallet.example", "password": "demo-wallet-2026"}]}
    )

    email: Annotated[Text, Field(max_length=LONGEST_EMAIL)]
    password: Annotated[Text, Field(max_length=1000)]


class TokensOut(Answer):
    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class PasswordIn(Request):
    current_password: Annotated[Text, Field(max_length=1000)]
    new_password: Password
