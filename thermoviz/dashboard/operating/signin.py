"""Signing in, where it is set: by the OpenID provider that Streamlit's secrets name. Nothing of it is kept or logged.

What a link's preview shows (title, still, pictures of presets) is for everybody; pages and computing are for those who
have signed in.
"""

from typing import Any

import streamlit as st
from streamlit.auth_util import is_authlib_installed
from streamlit.errors import StreamlitSecretNotFoundError

from ...core.errors import BadInput
from ...core.settings import settings
from ...presentation.words import _

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")


def refuse_half_set() -> None:
    """Raises BadInput where signing in is set, but cannot work."""
    if not settings().signin:
        return
    if not is_authlib_installed():
        raise BadInput('THERMOVIZ_SIGNIN needs Authlib: pip install "thermoviz[signin]".')
    there = _secrets()
    missing = [name for name in NEEDED if not there.get(name)]
    if missing:
        raise BadInput(f"THERMOVIZ_SIGNIN needs {', '.join(missing)} in the section [auth] of .streamlit/secrets.toml "
                       "(docs/deploy.md).")


def _secrets() -> Any:
    try:
        return st.secrets.get("auth", {})
    except StreamlitSecretNotFoundError:
        return {}


def is_signed_in() -> bool:
    """Whether this visitor may see the pages."""
    return not settings().signin or bool(st.user.get("is_logged_in"))


def ask_to_sign_in() -> None:
    """What stands there instead of a page."""
    st.set_page_config(page_title="thermoviz")
    st.title(_("Please sign in"))
    st.markdown(_("This server is for those who sign in. Nothing about you is kept here."))
    st.button(_("Sign in"), on_click=st.login)


def offer_to_leave() -> None:
    """A button in the sidebar."""
    if settings().signin:
        st.sidebar.button(_("Sign out"), on_click=st.logout)
