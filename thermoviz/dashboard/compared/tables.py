"""What differs, as tables: settings in the words of the controls; numbers, their errors, and whether that is far."""

import csv
import html
import io
from collections.abc import Sequence

from ...comparison.differences import Difference, Number, Setting
from ...comparison.pair import Comparison
from ...presentation.looks import Look
from ...presentation.numbers import number
from ...presentation.verdicts import with_error
from ...presentation.words import _
from ..lab import raised

NOTHING = "–"
FULL = 10.0  # errors at which the meter is full
MANY = 100.0  # errors that are told no more exactly


def settings_table(settings: Sequence[Setting]) -> str:
    """Which settings differ, side by side."""
    if not settings:
        return f'<p class="tv-said">{html.escape(_("All settings that both have are the same."))}</p>'
    rows = "".join(f'<tr data-setting="{html.escape(one.name)}"><th scope="row">{html.escape(one.title)}</th>'
                   f"<td>{html.escape(one.a)}</td><td>{html.escape(one.b)}</td></tr>" for one in settings)
    return f'<table class="tv-compared"><thead>{_heads("A", "B")}</thead><tbody>{rows}</tbody></table>'


def numbers_table(numbers: Sequence[Difference]) -> str:
    """The numbers of both, by how much they differ, and in errors."""
    if not numbers:
        return f'<p class="tv-said">{html.escape(_("No number was measured of both."))}</p>'
    rows = "".join(_row(one) for one in numbers)
    heads = _heads("A", "B", _("B − A"), _("in errors"))
    return f'<table class="tv-compared tv-numbers"><thead>{heads}</thead><tbody>{rows}</tbody></table>'


def _heads(*names: str) -> str:
    cells = "".join(f'<th scope="col">{_letter(name) if name in ("A", "B") else html.escape(name)}</th>'
                    for name in names)
    return f"<tr><td></td>{cells}</tr>"


def _letter(name: str) -> str:
    return f'<span class="tv-letter tv-letter-{name.lower()}">{name}</span>'


def _row(one: Difference) -> str:
    tone, what = {True: "far", False: "near", None: "open"}[one.differs], html.escape(one.what)
    between = NOTHING if one.difference is None else _written(one.difference, one.error)
    return (f'<tr class="tv-row-{tone}" data-what="{what}"><th scope="row">{what}</th>'
            f'{_cell(one.a, "A")}{_cell(one.b, "B")}<td data-label="{_("B − A")}">{between}</td>'
            f'<td data-label="{_("in errors")}">{_meter(one)}</td></tr>')


def _cell(value: Number | None, name: str) -> str:
    if value is None:
        return f'<td data-label="{name}">{NOTHING}</td>'
    words = f' <span class="tv-unit">{html.escape(value.words)}</span>' if value.words else ""
    shown = _written(value.value, value.error)
    return f'<td data-label="{name}" data-value="{value.value!r}">{shown}{words}</td>'


def _written(value: float, error: float | None) -> str:
    """A number; its error in small letters, which may stand below it."""
    value_shown, plus_minus, error_shown = html.escape(with_error(value, error)).partition(" ± ")
    small = f' <span class="tv-error">±&nbsp;{error_shown}</span>' if plus_minus else ""
    return raised(f'<span class="tv-value">{value_shown}</span>{small}')


def _meter(one: Difference) -> str:
    """The difference in errors as a number and a bar, with a word that says whether that is far."""
    found = one.in_errors
    if found is None:
        return f'<span class="tv-unit">{html.escape(_("no error known") if one.difference else NOTHING)}</span>'
    size = abs(found)
    told = f"> {MANY:.0f}" if size > MANY else number(size, 2)
    words = {True: _("differ"), False: _("no difference seen"), None: _("too few to tell")}[one.differs]
    return (f'<span class="tv-meter"><i style="width: {100 * min(1.0, size / FULL):.0f}%"></i></span>'
            f'<b>{told}</b> <span class="tv-unit">{html.escape(words)}</span>')


def csv_of(compared: Comparison) -> str:
    """The table as text with commas, as `Comparison.table` names its columns."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["what", "a", "b", "difference", "error", "in errors", "differs"])
    writer.writerows([one.title, one.a, one.b, "", "", "", ""] for one in compared.settings)
    writer.writerows([one.what, *("" if side is None else repr(side.value) for side in (one.a, one.b)),
                      *("" if value is None else repr(value) for value in (one.difference, one.error, one.in_errors)),
                      "" if one.differs is None else one.differs] for one in compared.numbers)
    return text.getvalue()


def rules(look: Look, colours: tuple[str, str]) -> str:
    """Style of the tables and of the page's own parts; `colours`: the curves' of A and B."""
    letters = "\n".join(f".tv-letter-{name} {{ background: {colour}; color: {_on(colour, look)}; }}"
                        for name, colour in zip("ab", colours, strict=True))
    return f"""
    .tv-letter {{ display: inline-grid; place-items: center; width: 1.6em; height: 1.6em; border-radius: 50%;
        font-weight: 700; font-size: {look.font_small}px; box-shadow: 0 0 0 1px {look.line}; }}
    {letters}
    .tv-compared {{ width: 100%; border-collapse: collapse; font-size: {look.font}px;
        font-variant-numeric: tabular-nums; color: {look.text}; }}
    .stApp .tv-compared :is(th, td) {{ border: 0; border-bottom: 1px solid {look.line}; padding: .42rem .7rem .42rem 0;
        text-align: left; vertical-align: baseline; font-weight: 400; color: {look.text}; }}
    .stApp .tv-compared thead :is(th, td) {{ color: {look.dim}; font-size: {look.font_small}px; }}
    .stApp .tv-compared tbody th {{ color: {look.dim}; }}
    .stApp .tv-compared tbody tr:last-child > * {{ border-bottom: 0; }}
    .tv-numbers tbody th {{ min-width: 8em; }}
    .tv-numbers td:last-child {{ min-width: 9em; }}
    .tv-value {{ white-space: nowrap; }}
    .st-key-card_scale label:not(:has(input:checked)) > div:first-of-type {{ background: {look.dim}; }}
    .tv-error {{ font-size: {look.font_small}px; color: {look.dim}; font-weight: 400; white-space: nowrap; }}
    .tv-numbers .tv-row-far td:nth-of-type(n+3) {{ font-weight: 650; }}
    .tv-meter {{ display: inline-block; width: 3.5em; height: 6px; border-radius: 3px; background: {look.line};
        margin-right: .6em; vertical-align: middle; overflow: hidden; }}
    .tv-meter i {{ display: block; height: 100%; background: {look.dim}; border-radius: 3px; }}
    .tv-row-far .tv-meter i {{ background: {look.heat}; }}
    .tv-row-near .tv-meter i {{ background: {look.theory}; }}
    .st-key-side_a, .st-key-side_b {{ background: {look.panel}; border: 1px solid {look.line}; border-radius: 12px;
        padding: .6rem .8rem; }}
    :is(.st-key-choice_a, .st-key-choice_b) > :not(:has([data-testid="stSelectbox"])) {{ flex: 0 0 auto; width: auto; }}
    :is(.st-key-choice_a, .st-key-choice_b) > :has([data-testid="stSelectbox"]) {{ flex: 1 1 9rem; width: auto; }}
    .st-key-card_scale > :first-child {{ flex: 0 0 auto; width: auto; }}
    .st-key-card_scale > :has([data-testid="stCaptionContainer"]) {{ flex: 1 1 18rem; width: auto; min-width: 0; }}
    .st-key-card_scale > :has(.stButton) {{ flex: 0 0 auto; width: auto; margin-left: auto; }}
    .st-key-card_scale [data-testid="stCaptionContainer"] {{ margin: 0; }}
    .st-key-empty_a, .st-key-empty_b {{ min-height: 300px; }}
    .st-key-scene [class*="st-key-stage_"] {{ min-height: calc(min(46vw, 68vh) + 420px); background: none; }}
    @media (min-width: 1800px) {{
        .st-key-scene [class*="st-key-stage_"] {{ min-height: calc(clamp(420px, 64vh, 900px) + 140px); }} }}
    .st-key-card_scale [data-testid="stCaptionContainer"] p {{ margin: 0; }}
    @media (max-width: 640px) {{
        :is(.st-key-choice_a, .st-key-choice_b) button p {{ font-size: 0 !important; }}
        :is(.st-key-choice_a, .st-key-choice_b) button > div {{ gap: 0; }}
        .st-key-scene [class*="st-key-stage_"] {{ min-height: calc(min(92vw, 68vh) + 700px); }}
        .tv-numbers thead {{ display: none; }}
        .tv-numbers tr {{ display: grid; grid-template-columns: 1fr 1fr; gap: .1rem .8rem; padding: .5rem 0;
            border-bottom: 1px solid {look.line}; }}
        .tv-numbers tr > th {{ grid-column: 1 / -1; }}
        .stApp .tv-numbers tr > * {{ border: 0; padding: 0; white-space: normal; }}
        .tv-numbers td::before {{ content: attr(data-label) "  "; color: {look.dim};
            font-size: {look.font_small}px; font-weight: 400; }}
    }}
    """


def _on(colour: str, look: Look) -> str:
    """Dark or light letters, whichever are read on that colour."""
    red, green, blue = (int(colour[k:k + 2], 16) for k in (1, 3, 5))
    return "#14181f" if 0.3 * red + 0.59 * green + 0.11 * blue > 140 else "#ffffff"
