"""Every error the product answers with, in one tree. It knows no Flask and no database.

WalletError
├── ConfigurationError            a setting is missing or unsafe; the process does not start
└── Problem                       becomes an RFC 9457 problem; carries status, code, detail, details
    ├── ValidationFailed          400 VALIDATION_ERROR
    │   ├── UnknownCurrency
    │   └── InvalidAmount         400 INVALID_AMOUNT
    ├── MalformedBody             400 MALFORMED_BODY
    ├── InvalidIdempotencyKey     400 INVALID_IDEMPOTENCY_KEY
    ├── NotSignedIn               401 NOT_SIGNED_IN
    │   ├── InvalidCredentials
    │   ├── InvalidToken
    │   └── TokenReused
    ├── Forbidden                 403 FORBIDDEN
    ├── NotFound                  404 NOT_FOUND
    ├── MethodNotAllowed          405 METHOD_NOT_ALLOWED
    ├── Conflict                  409
    │   ├── EmailTaken, AccountExists, AccountNotEmpty, AccountNotOpen, AccountNotFrozen
    │   ├── UserNotEmpty, UserNotActive, UserNotSuspended, OwnUserProtected, AccessExists
    │   ├── AlreadyReversed, AlreadyRefunded, TransactionNotCompleted
    │   ├── HoldNotOpen
    │   └── IdempotencyInProgress
    ├── StaleVersion              412 STALE_VERSION
    ├── BodyTooLarge              413 BODY_TOO_LARGE
    ├── UnsupportedMediaType      415 UNSUPPORTED_MEDIA_TYPE
    ├── Refused                   422, understood but against a business rule
    │   ├── InsufficientFunds, AccountFrozen, AccountClosed, CurrencyMismatch, SameAccount
    │   ├── NoAccountInCurrency, UserSuspended, NotReversible, OverdraftInUse
    │   ├── BatchRefused, StatementTooLong
    │   └── IdempotencyKeyReused
    ├── VersionRequired           428 VERSION_REQUIRED
    ├── TooManyRequests           429 TOO_MANY_REQUESTS
    └── Unavailable               503 BUSY
        └── NotReady              503 NOT_READY
"""

from collections.abc import Mapping
from typing import ClassVar


class WalletError(Exception):
    """The root; catch it to catch everything this product raises on purpose."""


class ConfigurationError(WalletError):
    """A setting is missing or unsafe. The message names the setting and says what to put there."""


class Problem(WalletError):
    """An answer that is an error, in the vocabulary of RFC 9457.

    ``detail`` is a sentence that says what to do; ``details`` holds plain JSON values for programs.
    """

    # Whether /docs/problems tells more of it than its status does.
    is_documented: ClassVar[bool] = True
    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"
    title: ClassVar[str] = "Something went wrong on our side"
    default_detail: ClassVar[str] = "Nothing was changed. Please try again."

    def __init__(self, detail: str | None = None, details: Mapping[str, object] | None = None) -> None:
        self.detail = detail or self.default_detail
        self.details: dict[str, object] = dict(details or {})
        super().__init__(self.detail)


class ValidationFailed(Problem):
    """``details.fields`` maps each faulty field's path to what is wrong with it."""

    status = 400
    code = "VALIDATION_ERROR"
    title = "The request has faulty fields"

    def __init__(self, detail: str, field: str | None = None, fields: Mapping[str, str] | None = None) -> None:
        named = dict(fields or {})
        if field is not None:
            named.setdefault(field, detail)
        super().__init__(detail, {"fields": named})


class UnknownCurrency(ValidationFailed):
    title = "Unknown currency"

    def __init__(self, detail: str, field: str = "currency") -> None:
        super().__init__(detail, field)


class InvalidAmount(ValidationFailed):
    code = "INVALID_AMOUNT"
    title = "Invalid amount"

    def __init__(self, detail: str, field: str = "amount") -> None:
        super().__init__(detail, field)


class MalformedBody(Problem):
    status = 400
    code = "MALFORMED_BODY"
    title = "The body is not acceptable JSON"


class InvalidIdempotencyKey(Problem):
    status = 400
    code = "INVALID_IDEMPOTENCY_KEY"
    title = "Invalid idempotency key"
    default_detail = "Idempotency-Key takes 1 to 255 printable ASCII characters."


class NotSignedIn(Problem):
    status = 401
    code = "NOT_SIGNED_IN"
    title = "Sign in first"
    default_detail = "Send a valid access token in the header Authorization: Bearer …"


class InvalidCredentials(NotSignedIn):
    code = "INVALID_CREDENTIALS"
    title = "Email or password is wrong"
    default_detail = "Check the email address and the password, and try again."


class InvalidToken(NotSignedIn):
    code = "INVALID_TOKEN"
    title = "The token is not valid"
    default_detail = "The token is malformed, expired or was revoked. Sign in again."


class TokenReused(NotSignedIn):
    code = "TOKEN_REUSED"
    title = "This refresh token was used before"
    default_detail = "A refresh token works once. The whole session was ended for safety: sign in again."


class Forbidden(Problem):
    status = 403
    code = "FORBIDDEN"
    title = "Not allowed"
    default_detail = "Your role does not allow this action."


class NotFound(Problem):
    status = 404
    code = "NOT_FOUND"
    title = "Not found"
    default_detail = "There is nothing here, or it is not yours to see. Check the id."


class MethodNotAllowed(Problem):
    status = 405
    code = "METHOD_NOT_ALLOWED"
    title = "This address does not take this method"
    default_detail = "The header Allow lists the methods that this address takes."


class Conflict(Problem):
    status = 409
    code = "CONFLICT"
    title = "This conflicts with the current state"


class EmailTaken(Conflict):
    code = "EMAIL_TAKEN"
    title = "Email already registered"
    default_detail = "Someone is registered with this email address: sign in instead, or use another."


class AccountExists(Conflict):
    code = "ACCOUNT_EXISTS"
    title = "There is an account in this currency already"
    default_detail = "A customer has one account per currency. Use the one that is open."


class AccountNotEmpty(Conflict):
    code = "ACCOUNT_NOT_EMPTY"
    title = "The account is not empty"
    default_detail = "Move the balance out and release its holds first."


class AccountNotOpen(Conflict):
    code = "ACCOUNT_NOT_OPEN"
    title = "The account is closed"
    default_detail = "A closed account cannot be changed any more."


class AccountNotFrozen(Conflict):
    code = "ACCOUNT_NOT_FROZEN"
    title = "The account is not frozen"
    default_detail = "There is no freeze to lift."


class UserNotEmpty(Conflict):
    code = "USER_NOT_EMPTY"
    title = "The user still has money"
    default_detail = "Bring every account of this user to zero, and release its holds, before closing."


class UserNotActive(Conflict):
    code = "USER_NOT_ACTIVE"
    title = "The user is not active"
    default_detail = "Only an active user can be suspended."


class UserNotSuspended(Conflict):
    code = "USER_NOT_SUSPENDED"
    title = "The user is not suspended"
    default_detail = "Only a suspended user can be reactivated."


class OwnUserProtected(Conflict):
    code = "OWN_USER_PROTECTED"
    title = "Not on yourself"
    default_detail = "Nobody suspends, closes or changes the role of their own user: ask another administrator."


class AccessExists(Conflict):
    code = "ACCESS_EXISTS"
    title = "The user has this account already"
    default_detail = "The account belongs to this user; access is granted to others."


class AlreadyReversed(Conflict):
    code = "ALREADY_REVERSED"
    title = "Already reversed"
    default_detail = "A transaction is reversed once, and a reversed one can't be refunded."


class AlreadyRefunded(Conflict):
    code = "ALREADY_REFUNDED"
    title = "Already refunded"
    default_detail = "What was refunded, in part or whole, can't be reversed. Refund the rest instead."


class TransactionNotCompleted(Conflict):
    code = "TRANSACTION_NOT_COMPLETED"
    title = "The transaction is not completed"
    default_detail = "Only a completed transaction can be reversed."


class HoldNotOpen(Conflict):
    code = "HOLD_NOT_OPEN"
    title = "The hold is not open"
    default_detail = "It was captured, released or has expired."


class IdempotencyInProgress(Conflict):
    code = "IDEMPOTENCY_IN_PROGRESS"
    title = "The first request with this key is still running"
    default_detail = "Send the same request again in a moment to get its answer."


class StaleVersion(Problem):
    status = 412
    code = "STALE_VERSION"
    title = "Changed by someone else"
    default_detail = "Read the object again, look at what changed, and send your change with its new ETag."


class BodyTooLarge(Problem):
    status = 413
    code = "BODY_TOO_LARGE"
    title = "The body is too large"


class UnsupportedMediaType(Problem):
    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"
    title = "Unsupported content type"
    default_detail = "Send the body as Content-Type: application/json in UTF-8."


class Refused(Problem):
    """Understood, but refused by a business rule. Money has not moved."""

    status = 422
    code = "REFUSED"
    title = "Refused by a rule"


class InsufficientFunds(Refused):
    code = "INSUFFICIENT_FUNDS"
    title = "Insufficient funds"


class AccountFrozen(Refused):
    code = "ACCOUNT_FROZEN"
    title = "The account is frozen"


class AccountClosed(Refused):
    code = "ACCOUNT_CLOSED"
    title = "The account is closed"


class CurrencyMismatch(Refused):
    code = "CURRENCY_MISMATCH"
    title = "The currencies differ"


class SameAccount(Refused):
    code = "SAME_ACCOUNT"
    title = "Source and destination are the same account"
    default_detail = "Choose another destination account."


class NoAccountInCurrency(Refused):
    code = "NO_ACCOUNT_IN_CURRENCY"
    title = "No account in this currency"


class UserSuspended(Refused):
    code = "USER_SUSPENDED"
    title = "The user is suspended"
    default_detail = "A suspended user starts no money move. Contact support."


class NotReversible(Refused):
    code = "NOT_REVERSIBLE"
    title = "This type can't be reversed"


class OverdraftInUse(Refused):
    code = "OVERDRAFT_IN_USE"
    title = "The overdraft is in use"


class BatchRefused(Refused):
    code = "BATCH_REFUSED"
    title = "One item of the atomic batch was refused"


class StatementTooLong(Refused):
    code = "STATEMENT_TOO_LONG"
    title = "Too many entries for one statement"


class IdempotencyKeyReused(Refused):
    code = "IDEMPOTENCY_KEY_REUSED"
    title = "This idempotency key was used for another request"
    default_detail = "Use a new key for a new request; repeat the very same request to get its answer again."


class VersionRequired(Problem):
    status = 428
    code = "VERSION_REQUIRED"
    title = "If-Match is needed"
    default_detail = "Send the ETag you last read in the header If-Match."


class TooManyRequests(Problem):
    """``retry_after`` is in whole seconds."""

    status = 429
    code = "TOO_MANY_REQUESTS"
    title = "Too many requests"

    def __init__(self, detail: str, retry_after: int) -> None:
        self.retry_after = max(1, retry_after)
        super().__init__(detail, {"retry_after": self.retry_after})


class Unavailable(Problem):
    """Nothing was changed as far as we know; the client may try again. ``retry_after`` is in whole seconds."""

    status = 503
    code = "BUSY"
    title = "Busy just now"
    default_detail = "Too many want the same thing, or the database is restarting. Try again in a moment."
    retry_after = 1


class NotReady(Unavailable):
    """``/health/ready`` alone answers it. ``retry_after`` is in whole seconds."""

    code = "NOT_READY"
    title = "Not ready to serve"
    default_detail = "The database does not answer, or its migrations have not run yet."
    retry_after = 5
