"""Signing in by a provider of OpenID that this test is itself: who has not gets one sentence, who has gets the page."""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from urllib.parse import urlencode

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route
from test_app_browser import PATIENCE_MS, ROOT, free_port, wait_until_healthy

CLIENT, SECRET = "thermoviz", "a secret between the two"


class Provider:
    """Signs in whoever comes, as Ada. Authorization code flow of OpenID Connect Core 1.0, tokens signed by RS256."""

    def __init__(self):
        from joserfc.jwk import RSAKey

        self.port, self.key, self.nonces, self.seen = free_port(), RSAKey.generate_key(2048, {"kid": "one"}), {}, []
        self.address = f"http://localhost:{self.port}"
        app = Starlette(routes=[
            Route("/.well-known/openid-configuration", self.configuration), Route("/authorize", self.authorize),
            Route("/token", self.token, methods=["POST"]), Route("/keys", self.keys)])
        self.server = uvicorn.Server(uvicorn.Config(app, port=self.port, log_level="error"))
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)

    async def configuration(self, request):
        return JSONResponse({
            "issuer": self.address, "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token", "jwks_uri": f"{self.address}/keys",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"]})

    async def keys(self, request):
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def authorize(self, request):
        asked = request.query_params
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code"
        code = secrets.token_hex(8)
        self.nonces[code] = asked.get("nonce"), asked.get("code_challenge")
        self.seen.append("authorize")
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    async def token(self, request):
        from joserfc import jwt

        form = dict(pair.split("=", 1) for pair in (await request.body()).decode().split("&"))
        given = base64.b64decode(request.headers["authorization"].split()[1]).decode()
        nonce, challenge = self.nonces.pop(form["code"])
        if challenge:
            digest = hashlib.sha256(form["code_verifier"].encode()).digest()
            assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == challenge
        assert given.split(":")[0] == CLIENT
        now = int(time.time())
        claims = {"iss": self.address, "sub": "1", "aud": CLIENT, "iat": now, "exp": now + 600, "name": "Ada",
                  "email": "ada@example.org"} | ({"nonce": nonce} if nonce else {})
        self.seen.append("token")
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "expires_in": 600,
                             "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)})

    def close(self):
        self.server.should_exit = True
        self.thread.join()


@pytest.fixture
def provider():
    made = Provider()
    yield made
    made.close()


@contextlib.contextmanager
def serving(folder, provider, **environment):
    """The app with signing in, started where its secrets lie."""
    port = free_port()
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "secrets.toml").write_text(f"""[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "{secrets.token_hex(16)}"
client_id = {json.dumps(CLIENT)}
client_secret = {json.dumps(SECRET)}
server_metadata_url = "{provider.address}/.well-known/openid-configuration"
""")
    with open(folder / "said", "w") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "thermoviz", "serve", "--port", str(port)], cwd=folder, stdout=said, stderr=said,
            env={**os.environ, "THERMOVIZ_STORE": str(folder / "store"), "THERMOVIZ_SIGNIN": "1",
                 "PYTHONPATH": str(ROOT), **environment})
    try:
        wait_until_healthy(f"http://localhost:{port}")
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


@pytest.mark.browser
def test_who_signs_in_sees_the_page_and_is_not_in_the_log(provider, tmp_path, new_page):
    with serving(tmp_path, provider) as address:
        page = new_page()
        page.goto(f"{address}/?kind=second_law")
        page.get_by_role("heading", name="Please sign in").wait_for(timeout=PATIENCE_MS)
        page.locator("#tv-still").wait_for(state="detached", timeout=PATIENCE_MS)
        assert page.locator("h1").count() == 1 and page.locator("[class*=st-key-stage]").count() == 0
        page.get_by_role("button", name="Sign in").click()
        page.locator("[class*=st-key-stage]").first.wait_for(timeout=PATIENCE_MS)
        assert provider.seen == ["authorize", "token"] and page.complaints == []
        page.goto(f"{address}/?kind=about")  # and stays signed in
        page.get_by_role("heading", name="Please sign in").wait_for(state="detached", timeout=PATIENCE_MS)
        page.goto(f"{address}/?kind=second_law")
        page.get_by_role("button", name="Experiment").click()
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("heading", name="Please sign in").wait_for(timeout=PATIENCE_MS)
        said = (tmp_path / "said").read_text()
        assert "Ada" not in said and "ada@" not in said and "Traceback" not in said


def test_a_server_that_cannot_sign_anybody_in_does_not_start(tmp_path):
    ended = subprocess.run([sys.executable, "-m", "thermoviz", "serve", "--port", "1"], cwd=tmp_path,
                           capture_output=True, text=True, timeout=300,
                           env={**os.environ, "THERMOVIZ_SIGNIN": "1", "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)})
    assert ended.returncode != 0 and "Traceback" not in ended.stderr
    assert "THERMOVIZ_SIGNIN needs redirect_uri, cookie_secret, client_id" in ended.stderr
