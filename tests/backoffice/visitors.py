"""A client for the back office that does what a browser does."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.people import PASSWORD


class Visitor:
    """A client that sends forms as a browser does: from the page, with its CSRF token."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def read_csrf_token(self, path: str) -> str:
        match = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.get(path).text)
        assert match is not None, f"{path} has no form"
        return match[1]

    def sign_in(self, email: str, password: str = PASSWORD, path: str = "/backoffice/sign-in") -> TestResponse:
        data = {
            "email": email,
            "password": password,
            "csrf_token": self.read_csrf_token("/backoffice/sign-in"),
        }
        return self.client.post(path, data=data)

    def sign_out(self) -> TestResponse:
        return self.client.post("/backoffice/sign-out", data={"csrf_token": self.read_csrf_token("/backoffice/")})
