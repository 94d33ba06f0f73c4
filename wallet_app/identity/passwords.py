"""Password hashing: argon2id with the library's defaults, which follow RFC 9106's low-memory recommendation."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wallet_app.errors import ValidationFailed

SHORTEST = 8  # NIST SP 800-63B, 5.1.1.2
LONGEST = 200

_hasher = PasswordHasher()
# Verified when there is no such user, so that a wrong email takes as long as a wrong password.
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str, field: str = "password") -> str:
    """Hash a new password. Takes about a tenth of a second, on purpose.

    Raises:
        ValidationFailed: shorter than 10 or longer than 200 characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValidationFailed(f"A password has {SHORTEST} to {LONGEST} characters.", field)
    return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one behind ``password_hash``; takes as long when there is no hash."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
