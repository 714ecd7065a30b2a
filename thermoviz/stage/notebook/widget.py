"""The widget itself. It needs anywidget (`pip install "thermoviz[notebook]"`), so nothing else loads this module."""

import uuid
from collections.abc import Mapping
from typing import Any

import anywidget
import traitlets

from .. import message as sent
from ..payload import refuse_temperature
from .camera import aimed
from .packing import loader, packed, packed_program, reading
from .points import pointed
from .still import in_notebook, leave_still, still_html


class StageWidget(anywidget.AnyWidget):
    """The live stage of a run. Python and browser both read and write:

    - temperature: of the balls, in the energy's unit (>= 0).
    - camera: {azimuth, elevation (radians), zoom, panX, panY, top}; where it stands, empty until it is shown first. A
      part of it may be set: what is not named stays.
    - clicked: the last place that was clicked, {x, y, loss, valley, step, count} (see `points.pointed`), None before.
      Setting it to (x, y) drops a handful of balls there.

    What is set to something impossible raises BadInput and changes nothing.
    """

    _esm = loader()
    _program = traitlets.Bytes().tag(sync=True)
    _program_name = traitlets.Unicode().tag(sync=True)
    _message = traitlets.Bytes().tag(sync=True)
    _looks = traitlets.Dict().tag(sync=True)
    _reading = traitlets.Unicode().tag(sync=True)
    _still = traitlets.Unicode().tag(sync=True)
    _click: Any = traitlets.List(allow_none=True, default_value=None).tag(sync=True)
    # Of any type: what is wrong with a value is said by us, in one sentence.
    temperature: Any = traitlets.TraitType(None).tag(sync=True)
    camera: Any = traitlets.TraitType().tag(sync=True)
    clicked: Any = traitlets.TraitType(None)

    def __init__(self, run: Any, message: sent.Message | None, looks: dict[str, Any]) -> None:
        self.run = run
        name, program = packed_program()
        T = {} if message is None else {"temperature": message["temperature"]}
        super().__init__(_program=program, _program_name=name, _message=packed(message), _looks=looks,
                         _reading=reading(run), _still=uuid.uuid4().hex, **T)

    @traitlets.validate("temperature")
    def _checked_temperature(self, proposal: Any) -> float | None:
        if proposal["value"] is None and self.run.surface is None:
            return None
        refuse_temperature(proposal["value"])
        return float(proposal["value"])

    @traitlets.validate("camera")
    def _checked_camera(self, proposal: Any) -> dict[str, Any]:
        return aimed(self.camera, proposal["value"])

    @traitlets.default("camera")
    def _nowhere(self) -> dict[str, Any]:
        return {}

    @traitlets.validate("clicked")
    def _checked_click(self, proposal: Any) -> dict[str, Any]:
        value, before = proposal["value"], self.clicked or {}
        place = (value.get("x"), value.get("y")) if isinstance(value, Mapping) else value
        count = value.get("count") if isinstance(value, Mapping) else None
        return {**pointed(self.run, place), "count": count or before.get("count", 0) + 1}

    @traitlets.observe("_click")
    def _clicked_in_browser(self, change: Any) -> None:
        x, y, count = change["new"]
        if count != (self.clicked or {}).get("count"):
            self.clicked = {"x": x, "y": y, "count": count}

    @traitlets.observe("clicked")
    def _clicked_in_python(self, change: Any) -> None:
        self._click = [change["new"][name] for name in ("x", "y", "count")]

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle: Any = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle
        still = still_html(self.run, "light" if list(self._looks) == ["light"] else "dark", self._still)
        if in_notebook():
            leave_still(still)
            still = ""
        return {**data, "text/plain": repr(self), "text/html": still}, metadata

    def __repr__(self) -> str:
        return f"StageWidget({self.run!r})"
