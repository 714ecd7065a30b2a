"""Widgets out of specifications: ranges, steps, titles and help come from the fields, none is listed here.

`controls(...)` draws the settings that `presentation/settings.py` reads, and returns the changed specification. Widgets
start from `base` and keep their own state until their keys change (a preset is chosen, a link is followed).
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterable, Iterator
from typing import Any

import streamlit as st

from ..core.errors import BadInput
from ..core.specs import from_json, to_json
from ..presentation.names import class_title
from ..presentation.numbers import number
from ..presentation.settings import Setting, describe
from ..presentation.words import _, term

# The order of the experiment's fields on the page. A field that stands in no section comes in the last one.
SECTIONS = (
    ("data", ("dataset", "potential")),
    ("network", ("network", "weight_decay", "l1")),
    ("training", ("dynamics", "batch_size", "batching", "temperature", "replicas", "steps")),
    ("slice", ("plane", "resolution", "margin", "tolerance")),
    ("chance", ("seed",)),
)


def section_title(key: str) -> str:
    """The title of a section, or of the rest."""
    return {"data": _("The problem"), "network": _("The network"), "training": _("Training"),
            "slice": _("The slice"), "chance": _("Chance")}.get(key, _("More"))


def controls(spec_class: Any, base: Any, prefix: str, without: tuple[str, ...] = ()) -> Any:
    """Draws all controls of an experiment and returns its specification as the widgets say.

    `base`: the specification that the widgets start from, anew when `prefix`, of their keys, changes. `without`:
    settings that stay as they are there. Raises BadInput where the settings do not fit together.
    """
    tree, refused = to_json(base), list[BadInput]()
    settings = {setting.name: setting for setting in describe(spec_class)}
    placed = {name for _key, names in SECTIONS for name in names}
    sections = (*SECTIONS, ("more", tuple(name for name in settings if name not in placed)))
    for key, names in sections:
        shown = [settings[name] for name in names if name in settings and name not in without]
        if shown:
            with st.expander(section_title(key), expanded=key in ("data", "training")), _later(refused):
                _draw_all(shown, tree, f"{prefix}/")
    _refuse(refused)
    return from_json(spec_class, tree)


def plain_controls(spec_class: Any, base: Any, prefix: str) -> Any:
    """The controls of an experiment with few settings: one below the other, in the order of its fields.

    `prefix`: of the widgets' keys; widgets start anew from `base` when it changes. Raises BadInput.
    """
    tree = to_json(base)
    _draw_all(describe(spec_class), tree, f"{prefix}/")
    return from_json(spec_class, tree)


def _draw_all(settings: Iterable[Setting], tree: dict[str, Any], prefix: str) -> None:
    """Draws the controls and writes what they say into `tree`. The first refusal is raised when all are drawn: those
    that stand below would vanish otherwise, and forget what they were set to."""
    refused: list[BadInput] = []
    for setting in settings:
        with _later(refused):
            tree[setting.name] = _draw(setting, tree[setting.name], f"{prefix}{setting.name}")
    _refuse(refused)


@contextlib.contextmanager
def _later(refused: list[BadInput]) -> Iterator[None]:
    """Keeps a refusal for later."""
    try:
        yield
    except BadInput as error:
        refused.append(error)


def _refuse(refused: list[BadInput]) -> None:
    if refused:
        raise refused[0]


def _draw(setting: Setting, value: Any, key: str) -> Any:
    """One widget, or the widgets of a member; the value as JSON.

    A content's hash and a setting that each replica has its own of stay as they are: no widget can say them.
    """
    if setting.form == "fixed" or (setting.form == "number" and isinstance(value, (list, tuple))):
        return value
    return _WIDGETS[setting.form](setting, value, key)


def _number(setting: Setting, value: Any, key: str) -> Any:
    if setting.ladder or setting.optional:
        return _ladder(setting, value, key)
    label: dict[str, Any] = {"label": term(setting.title), "help": term(setting.help) or None, "key": key}
    if setting.whole:
        return st.number_input(**label, value=int(value), min_value=_bound(setting.low, int), step=1,
                               max_value=_bound(setting.high, int))
    if _fits_a_slider(setting, value):
        return st.slider(**label, value=float(value), min_value=float(setting.low),  # type: ignore[arg-type]
                         max_value=float(setting.high))  # type: ignore[arg-type]
    return st.number_input(**label, value=float(value), min_value=_bound(setting.low, float),
                           max_value=_bound(setting.high, float), format="%g")


def _fits_a_slider(setting: Setting, value: Any) -> bool:
    """Whether steps of a hundredth can say the value: 0.999 and 10^-8 would be shown as 1 and 0."""
    if setting.low is None or setting.high is None or setting.high - setting.low > 1:
        return False
    return abs(100 * value - round(100 * value)) < 1e-9


def _bound(bound: float | None, kind: type[int] | type[float]) -> Any:
    """A range's end in the widget's own type, which Streamlit insists on."""
    return None if bound is None else kind(bound)


def _ladder(setting: Setting, value: Any, key: str) -> Any:
    """Steps 1-3-10 rather than every number; a value that stands between two rungs is one more."""
    rungs = sorted({*setting.ladder, value} - {None})
    options = [*rungs, None] if setting.optional else rungs
    if len(options) == 1:
        return options[0]
    return st.select_slider(term(setting.title), options, value=value, key=key,
                            help=term(setting.help) or None, format_func=_rung)


def _rung(value: Any) -> str:
    """A whole number in full, another to three digits, None as "all"."""
    return _("all") if value is None else str(value) if isinstance(value, int) else number(value)


def _choice(setting: Setting, value: Any, key: str) -> Any:
    options = list(setting.choices)
    return st.selectbox(term(setting.title), options, index=options.index(value), key=key,
                        help=term(setting.help) or None, format_func=choice_title)


def choice_title(value: Any) -> str:
    """A choice in plain words."""
    return {"replacement": _("each drawn from all samples"), "fresh": _("each without repeats"),
            "epochs": _("shuffled epochs")}.get(value) or term(str(value).replace("_", " "))


def _switch(setting: Setting, value: Any, key: str) -> bool:
    return st.toggle(term(setting.title), value=bool(value), key=key, help=term(setting.help) or None)


def _list(setting: Setting, value: Any, key: str) -> list[Any]:
    """Numbers in a row, such as the widths of the hidden layers: "16, 16"."""
    title, written = term(setting.title), ", ".join(str(v) for v in value)
    text = st.text_input(title, value=written, key=key, help=term(setting.help) or None)
    st.caption(_limits(setting))
    words = [word for word in re.split(r"[,;\s]+", text.strip()) if word]
    try:
        numbers = [int(word) if setting.whole else float(word) for word in words]
    except ValueError:
        numbers = None
    if numbers is None or not _allowed(setting, numbers):
        raise BadInput(_("{title}: use commas, such as {example}; {limits} (not “{text}”).").format(
            title=title, example=written or "16, 16", limits=_limits(setting), text=text[:40]))
    return numbers


def _limits(setting: Setting) -> str:
    """What a list may hold."""
    parts = [_("at most {n} numbers").format(n=setting.most)] if setting.most > 1 else []
    if setting.low is not None and setting.high is not None:
        parts.append(_("each from {low} to {high}").format(low=number(setting.low), high=number(setting.high)))
    return ", ".join(parts) or _("numbers")


def _allowed(setting: Setting, numbers: list[Any]) -> bool:
    """Whether each number, and how many they are, is within the limits."""
    few = setting.most <= 1 or len(numbers) <= setting.most
    return few and all((setting.low is None or n >= setting.low) and (setting.high is None or n <= setting.high)
                       for n in numbers)


def _member(setting: Setting, value: dict[str, Any], key: str) -> dict[str, Any]:
    """A choice among classes, then the chosen one's settings; a newly chosen one starts from its defaults."""
    cls = _chosen_class(setting, value, key)
    tree = dict(value) if _kind(cls) == value.get("kind") else to_json(cls())
    if _has_defaults(cls):  # one's own data have nothing that could be set
        _draw_all(describe(cls), tree, f"{key}.{_kind(cls)}.")
    return tree


def _kind(cls: Any) -> str | None:
    field = cls.__pydantic_fields__.get("kind")
    return None if field is None else field.default


def _chosen_class(setting: Setting, value: dict[str, Any], key: str) -> Any:
    by_kind = {_kind(cls): cls for cls in setting.choices}
    if len(by_kind) == 1:
        return setting.choices[0]
    ready = [kind for kind, cls in by_kind.items() if kind == value["kind"] or _has_defaults(cls)]
    chosen = st.selectbox(term(setting.title), ready, index=ready.index(value["kind"]), key=f"{key}.kind",
                          help=term(setting.help) or None,
                          format_func=lambda kind: class_title(by_kind[kind]))
    return by_kind[chosen]


def _has_defaults(cls: Any) -> bool:
    """Whether a member can be chosen on the page: one that needs a user's own arrays cannot."""
    return not any(field.is_required() for field in cls.__pydantic_fields__.values())


def _members(setting: Setting, value: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Several members to compare; a further one starts as the first class that is not yet among them."""
    count = st.select_slider(_("How many to compare"), list(range(1, setting.most + 1)), value=len(value),
                             key=f"{key}.count") if setting.most > 1 else 1
    drawn: list[dict[str, Any]] = []
    for i in range(count):
        one = dataclasses.replace(setting, form="member", title=_("Optimiser {n}").format(n=i + 1))
        drawn.append(_member(one, value[i] if i < len(value) else _another(setting, drawn), f"{key}.{i}"))
    return drawn


def _another(setting: Setting, drawn: list[dict[str, Any]]) -> dict[str, Any]:
    """The defaults of the first class that is not among the members drawn so far."""
    used = {member["kind"] for member in drawn}
    fresh = [cls for cls in setting.choices if _has_defaults(cls) and _kind(cls) not in used]
    return to_json((fresh or setting.choices)[0]())


_WIDGETS = {"number": _number, "choice": _choice, "switch": _switch, "list": _list, "member": _member,
            "members": _members}
