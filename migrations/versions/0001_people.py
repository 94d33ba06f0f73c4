"""People: users, their sessions and failed sign-ins."""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

UPGRADE = """
CREATE TABLE users (
    id                uuid PRIMARY KEY,
    email             text NOT NULL UNIQUE,
    full_name         text NOT NULL,
    role              text NOT NULL,
    status            text NOT NULL DEFAULT 'active',
    kyc_status        text NOT NULL DEFAULT 'none',
    phone             text,
    company           text,
    tax_id            text,
    timezone          text NOT NULL,
    currency          text NOT NULL,
    password_hash     text NOT NULL,
    has_demo_password boolean NOT NULL DEFAULT false,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT users_email_ascii CHECK (email ~ '^[!-~]+@[!-~]+$' AND email = lower(email)),
    CONSTRAINT users_role CHECK (
        role IN ('customer', 'support', 'operations', 'fraud_analyst', 'admin', 'auditor')),
    CONSTRAINT users_status CHECK (status IN ('active', 'suspended', 'closed')),
    CONSTRAINT users_kyc_status CHECK (kyc_status IN ('none', 'pending', 'approved', 'rejected'))
);
CREATE INDEX users_newest ON users (created_at DESC, id DESC);

CREATE TABLE sessions (
    id             uuid PRIMARY KEY,
    user_id        uuid NOT NULL REFERENCES users (id),
    kind           text NOT NULL,
    refresh_jti    uuid,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    revoked_at     timestamptz,
    revoked_reason text,
    CONSTRAINT sessions_kind CHECK (kind IN ('api', 'backoffice')),
    CONSTRAINT sessions_revoked CHECK ((revoked_at IS NULL) = (revoked_reason IS NULL))
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE revoked_at IS NULL;
CREATE INDEX sessions_by_expiry ON sessions (expires_at);

CREATE TABLE sign_in_failures (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email     text NOT NULL,
    failed_at timestamptz NOT NULL
);
CREATE INDEX sign_in_failures_by_email ON sign_in_failures (email, failed_at);
CREATE INDEX sign_in_failures_by_time ON sign_in_failures (failed_at);
"""


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    op.execute("DROP TABLE sign_in_failures, sessions, users")
