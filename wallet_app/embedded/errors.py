"""What can go wrong around the bundled database; each message says what to do."""


class EmbeddedDatabaseError(RuntimeError):
    """The bundled PostgreSQL can't be installed, started or reached."""


class SupervisorError(RuntimeError):
    """The supervisor can't start, or has to give up."""
