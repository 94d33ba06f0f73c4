"""Idempotency: one key, one effect. Keys are claimed in the unit of work that moves the money.

A key belongs to its caller, whichever call it came with; the fingerprint tells a repetition from another request. What
is stored is the answer's status and exact body, for 2xx and for the 409 and 422 of the pipeline; any other refusal
frees the key again.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from wallet_app.clock import format_timestamp
from wallet_app.errors import IdempotencyInProgress, IdempotencyKeyReused, InvalidIdempotencyKey
from wallet_app.uow import LOCK_TIMEOUT, fetch_rows, get_sqlstate

STORED_REFUSALS = frozenset({409, 422})

# The caller whose key it is, and the key.
KeyName = tuple[UUID, str]


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key and the fingerprint of the request it came with."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer as it went out: HTTP status and exact body text."""

    status: int
    body: str


def is_kept(answer: StoredAnswer) -> bool:
    """Whether an answer stays under its key: a success, or a refusal that would come again."""
    return answer.status < HTTPStatus.BAD_REQUEST or answer.status in STORED_REFUSALS


def is_key(text: str) -> bool:
    """Whether it can be a key: 1 to 255 printable ASCII characters."""
    return 1 <= len(text) <= 255 and text.isascii() and text.isprintable()


def make_key(key: str, *request_parts: bytes) -> IdempotencyKey:
    """Pair a key with the SHA-256 of its request (method, path and body).

    Raises:
        InvalidIdempotencyKey: not 1 to 255 printable ASCII characters.
    """
    if not is_key(key):
        raise InvalidIdempotencyKey
    digest = hashlib.sha256()
    for part in request_parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return IdempotencyKey(key, digest.hexdigest())


def claim_keys(
    connection: Connection, fingerprints: Mapping[KeyName, str], at: datetime
) -> Mapping[KeyName, StoredAnswer | IdempotencyKeyReused]:
    """Claim keys, or wait for whoever has them; answer what is known of those claimed before.

    Raises:
        IdempotencyInProgress: the first request with one of them did not end within ``lock_timeout``.
    """
    try:
        rows = fetch_rows(
            connection,
            "SELECT * FROM claim_idempotency_keys(%s::uuid[], %s::text[], %s::text[], %s)",
            (
                [str(caller_id) for caller_id, _ in fingerprints],
                [key for _, key in fingerprints],
                list(fingerprints.values()),
                format_timestamp(at),
            ),
        )
    except DBAPIError as error:
        if get_sqlstate(error) == LOCK_TIMEOUT:
            raise IdempotencyInProgress from error
        raise
    known: dict[KeyName, StoredAnswer | IdempotencyKeyReused] = {}
    for caller_id, key, fingerprint, status, body in rows:
        same = fingerprint == fingerprints[caller_id, key]
        known[caller_id, key] = StoredAnswer(status, body) if same else IdempotencyKeyReused()
    return known
