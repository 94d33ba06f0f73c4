"""The application, for gunicorn and the flask command."""

import sys

from wallet_app import create_app
from wallet_app.errors import ConfigurationError

# gunicorn gives up on a worker that ends with this status, where it would start another one for ever.
FAILED_TO_BOOT = 3

try:
    app = create_app()
except ConfigurationError as error:
    sys.stderr.write(f"The wallet does not start: {error}\n")
    sys.exit(FAILED_TO_BOOT)
