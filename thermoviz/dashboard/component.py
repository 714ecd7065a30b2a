"""The live stage as a Streamlit component: its program travels once, as a file; then only data does."""

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from ..experiments.presets import PRESETS, preset_of
from ..stage.html import component_file
from ..stage.message import Message, Said
from ..stage.payload import payload
from .drawn import drawn

NAME = "thermoviz.stage"
ASSETS = "assets"


@functools.cache
def _program() -> tuple[Path, str]:
    """A folder of this process that holds the stage's program, and the program's file name.

    Streamlit serves a component's files from the folder that a package's manifest names. A checkout is no
    installed package, and one file with its hash in the name is one request that no cache can confuse with
    that of another version.
    """
    name, text = component_file()
    root = Path(tempfile.mkdtemp(prefix="thermoviz-stage-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    (root / ASSETS).mkdir()
    (root / ASSETS / name).write_text(text, encoding="utf-8")
    return root, name


def _declare() -> None:
    """Names the program's folder to the running Streamlit (each runtime has its own list of components)."""
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(NAME) is None:
        package, component = NAME.split(".")
        manifest = ComponentManifest(package, "1", [ComponentConfig(component, ASSETS)])
        manager.register_from_manifest(manifest, _program()[0])


@functools.cache
def _component() -> Callable[..., Any]:
    """The component, defined once."""
    return st.components.v2.component(NAME, js=_program()[1])


def stage(run: Any, look: Any, key: str = "stage", on_temperature: Callable[[], None] | None = None,
          **settings: Any) -> Said:
    """Mounts the live stage of a Run; the balls move in the browser and need no server.

    `look`: a Look or its name; `settings`: what `stage.payload.payload` takes (temperature, seed, n_balls, start,
    title, link, words); without a start, the balls of a preset begin where the preset says. `key` must stay the same
    for the stage to survive reruns. Returns {"temperature": T as last released, or None}. Raises BadInput for a run
    without a surface.
    """
    if "start" not in settings and (known := preset_of(run.id)) is not None:
        settings["start"] = PRESETS[known].start
    message = drawn(run, look, "stage", lambda: _weighed(payload(run, look, **settings)), _told(settings))
    return mount(message, key, on_temperature)


def _weighed(message: Message) -> tuple[Message, int]:
    return message, len(json.dumps(message))


def _told(settings: dict[str, Any]) -> str:
    return json.dumps(settings, sort_keys=True, default=lambda value: np.asarray(value).tolist())


def mount(data: Message, key: str = "stage", on_temperature: Callable[[], None] | None = None) -> Said:
    """Mounts the stage of a message made by `stage.payload.payload`; returns what `stage` returns."""
    _declare()
    # In a list, since Streamlit looks for data frames among a dict's values, and loads pandas (70 MB) to do so.
    state = _component()(key=key, data=[data], width="stretch", height="content",
                         on_temperature_change=on_temperature or _nothing)
    return {"temperature": state.get("temperature")}


def await_stage(on_drawn: Callable[[], None]) -> None:
    """`on_drawn` is called when the first pictures of a stage stand in the browser, whereupon the page is drawn anew.

    Not the stage itself says so: it may stand in a fragment, and Streamlit's browser side takes what a fragment and the
    page say in the same moment for the one's that spoke first. To be called outside of any fragment.
    """
    _declare()
    _component()(key="stands", data=[None], height="content", on_drawn_change=on_drawn)


def _nothing() -> None:
    """A state value needs a callback to exist; the rerun itself is all that is wanted."""
