"""What the page says of things that strangers named: as it is, and on the visitor's clock."""

import datetime
import zoneinfo
from typing import Any

import streamlit as st

from ....presentation.words import _
from .visit import YoursVisit


def say(here: YoursVisit) -> None:
    """What was refused, and what a link asked for and did not get."""
    with st.container(key="messages"):
        if here.refusal:
            st.error(plain_text(here.refusal), icon=":material/error:")
        for message in here.messages:
            st.warning(plain_text(message), icon=":material/info:")


def plain_text(text: str) -> str:
    """Words that somebody brought, as Markdown that shows them as they are."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|~$:^&" else letter for letter in text)


def until(moment: float) -> str:
    """Until when something is kept, on the visitor's clock."""
    try:
        zone: Any = zoneinfo.ZoneInfo(st.context.timezone or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        zone = datetime.UTC
    at = datetime.datetime.fromtimestamp(moment, zone)
    return _("kept until {day}, {time}").format(day=at.strftime("%d.%m."), time=at.strftime("%H:%M"))
