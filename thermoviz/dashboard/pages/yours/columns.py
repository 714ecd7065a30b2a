"""A table that is looked at: its first rows, and by click what is to be predicted from what."""

import html

import streamlit as st

from ....core.errors import BadInput
from ....experiments.tables.columns import Column
from ....experiments.tables.limits import MOST_WORDS
from ....experiments.tables.table import Table, Task, refuse, tasks
from ....presentation.looks import Look
from ....presentation.words import _, counted
from .saying import plain_text
from .visit import YoursVisit

SHOWN = 6  # rows of the preview
NAMED = 5  # missing values that are named
SHORT = 24  # letters of a cell in the preview


def choose(here: YoursVisit, table: Table, look: Look) -> None:
    """The preview and the choices; below them the button that trains."""
    with st.container(key="card_table"):
        st.html(f'<h2 class="tv-door">{html.escape(here.file)}</h2><p class="tv-hint">'
                + html.escape(_("{rows:,} rows, {columns} columns. Choose what a network should learn.").format(
                    rows=table.rows, columns=len(table.columns))) + "</p>")
        preview = st.container()
        prefix = here.prefix
        target = st.pills(_("Predict"), table.names, default=_likely(table), key=f"{prefix}.target",
                          format_func=plain_text, required=True) or _likely(table)
        task = _task(table[target], f"{prefix}.{target}")
        others = [name for name in table.names if name != target]
        inputs = st.pills(_("From"), others, selection_mode="multi", format_func=plain_text,
                          default=[name for name in others if _usable(table[name])], key=f"{prefix}.{target}.inputs")
        with preview:
            st.html(_preview(table, target, inputs))
        leave_out = _missing(table, [target, *inputs], prefix)
        refusal = ""
        try:
            refuse(table, target, inputs, task, leave_out)
        except BadInput as error:
            refusal = str(error)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.button(_("Train on it"), type="primary", disabled=bool(refusal), on_click=here.learn, key=f"{prefix}.go",
                      args=(target, inputs, task, leave_out), icon=":material/play_arrow:")
            st.button(_("Another file"), on_click=here.close_table, key=f"{prefix}.away")
            if refusal:
                st.caption(plain_text(refusal[:1].upper() + refusal[1:]))


def _likely(table: Table) -> str:
    """The last column of words that are classes, else the last column."""
    words = [one.name for one in table.columns if one.words is not None and 2 <= len(one.words) <= MOST_WORDS]
    return words[-1] if words else table.names[-1]


def _usable(column: Column) -> bool:
    """Whether a column is predicted from at first: not what is called differently in every row."""
    return column.distinct > 1 and (column.words is None or len(column.words) <= MOST_WORDS)


def _task(column: Column, key: str) -> Task:
    possible = tasks(column)
    if len(possible) == 1:
        return possible[0]
    words = {"classification": _("as classes"), "regression": _("as a number")}
    found = st.segmented_control(_("Learn it"), possible, default=possible[0], format_func=words.__getitem__,
                                 key=f"{key}.task", required=True)
    return found or possible[0]


def _missing(table: Table, names: list[str], prefix: str) -> bool:
    """Names what is missing among the chosen columns; whether their rows are left out."""
    places = table.where_missing(names)
    if not places:
        return False
    rows = int(table.missing(names).sum())
    named = "; ".join(_("row {row}, {column}").format(row=row, column=name) for row, name in places[:NAMED])
    if len(places) > NAMED:
        named = _("{places} and {n:,} more").format(places=named, n=len(places) - NAMED)
    st.warning(plain_text(_("Missing values: {places}.").format(places=named)), icon=":material/data_alert:")
    without = counted("Leave that row out", "Leave these {n} rows out", rows)
    return st.toggle(_("{without} ({left:,} stay)").format(without=without, left=table.rows - rows),
                     key=f"{prefix}.leave_out")


def _preview(table: Table, target: str, inputs: list[str]) -> str:
    """The first rows as HTML; whatever stands in them is escaped."""
    roles = {name: "tv-target" if name == target else "tv-input" if name in inputs else "" for name in table.names}
    head = "".join(f'<th class="{roles[one.name]}" scope="col">{html.escape(one.name)}<span>{_kind(one)}</span></th>'
                   for one in table.columns)
    rows = "".join(
        f'<tr><td class="tv-row">{row + 1}</td>' + "".join(_cell(one, row, roles[one.name]) for one in table.columns)
        + "</tr>" for row in range(min(SHOWN, table.rows)))
    return (f'<div class="tv-scroll" tabindex="0"><table class="tv-table"><thead><tr><th scope="col">'
            f'{html.escape(_("row"))}</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>')


def _kind(column: Column) -> str:
    """What stands in a column, and how much of it is missing."""
    if column.words is not None:
        said = counted("{n} word", "{n} different words", len(column.words))
    else:
        said = _("dates") if column.dates else _("numbers")
    missing = int(column.missing.sum())
    none = f" · <em>{html.escape(_('{n:,} missing').format(n=missing))}</em>" if missing else ""
    return html.escape(said) + none


def _cell(column: Column, row: int, role: str) -> str:
    text = column.cell(row)
    shown = text if len(text) <= SHORT else text[:SHORT - 1] + "…"
    if not text:
        return f'<td class="{role} tv-none">{html.escape(_("missing"))}</td>'
    return f'<td class="{role}">{html.escape(shown)}</td>'
