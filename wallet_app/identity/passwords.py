"""Password hashing: argon2id with the library's defaults, which follow RFC 9106's low-memory recommendation."""

import os
import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from wallet_app.errors import ValidationFailed

SHORTEST = 8  # NIST SP 800-63B, 5.1.1.2
LONGEST = 200

_hasher = PasswordHasher()
# Each hash takes 64 MiB and a core for a while: more at once than there are cores would only starve everything else.
_slots = threading.BoundedSemaphore(os.cpu_count() or 1)
# Verified when there is no such user, so that a wrong email takes as long as a wrong password.
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str, field: str = "password") -> str:
    """Hash a new password. Takes about a tenth of a second, on purpose.

    Raises:
        ValidationFailed: shorter than 8 or longer than 200 characters.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValidationFailed(f"A password has {SHORTEST} to {LONGEST} characters.", field)
    with _slots:
        return _hasher.hash(password)


def is_password(password: str, password_hash: str | None) -> bool:
    """Whether ``password`` is the one behind ``password_hash``; takes as long when there is no hash."""
    try:
        with _slots:
            return _hasher.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False
