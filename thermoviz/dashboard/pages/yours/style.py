"""The page's own rules of style."""

from ....presentation.looks import Look


def rules(look: Look) -> str:
    """CSS of the doors, of the table that is looked at, and of what was brought."""
    return f"""
    .stApp .tv-door {{ font-size: {look.font_large}px; font-weight: 650; margin: 0; padding: 0; color: {look.text}; }}
    .st-key-card_file, .st-key-card_drawing, .st-key-card_mine, .st-key-card_table, .st-key-card_brought {{
        padding: 1.1rem 1.2rem !important; }}
    .stApp .tv-kinds {{ list-style: none; margin: .4rem 0 0 0; padding: 0; display: grid; gap: .45rem; }}
    .stApp .tv-kinds li {{ margin: 0; padding: 0; font-size: {look.font}px; color: {look.dim};
        display: grid; grid-template-columns: minmax(5.6em, auto) 1fr; gap: .2rem .8rem; overflow-wrap: anywhere; }}
    .stApp .tv-kinds b {{ color: {look.text}; font-weight: 650; }}
    .stApp [data-testid="stFileUploaderDropzone"] {{ background: {look.background}; border: 1.5px dashed {look.line};
        border-radius: 12px; padding: 1.6rem 1.2rem; }}
    .stApp [data-testid="stFileUploaderDropzone"]:hover {{ border-color: {look.heat}; }}
    .stApp [data-testid="stFileUploaderDropzone"] :is(span, small, div) {{ color: {look.dim}; }}
    [class*="st-key-mine_"] > :first-child {{ flex: 1 1 10rem; }}
    .stApp .tv-mine {{ color: {look.text}; font-size: {look.font + 1}px; overflow-wrap: anywhere; }}
    .stApp .tv-mine span {{ color: {look.dim}; font-size: {look.font_small + 1}px; white-space: nowrap; }}
    .stApp .tv-mine .tv-until {{ display: block; white-space: normal; }}
    .stApp .tv-sketch {{ display: block; width: min(440px, 100%); margin: 1.2rem auto; }}
    .tv-scroll {{ overflow-x: auto; max-width: 100%; border: 1px solid {look.line}; border-radius: 10px; }}
    .stApp .tv-table {{ border-collapse: collapse; width: 100%; margin: 0; font-size: {look.font}px;
        font-variant-numeric: tabular-nums; color: {look.text}; }}
    .stApp .tv-table :is(th, td) {{ padding: .34rem .8rem; text-align: left; white-space: nowrap; max-width: 16rem;
        overflow: hidden; text-overflow: ellipsis; border: 0; border-bottom: 1px solid {look.line};
        color: {look.text}; }}
    .stApp .tv-table tr:last-child td {{ border-bottom: 0; }}
    .stApp .tv-table th {{ background: {look.background}; font-weight: 650; vertical-align: top; }}
    .stApp .tv-table th span {{ display: block; font-weight: 400; color: {look.dim}; font-size: {look.font_small}px; }}
    .stApp .tv-table th em, .stApp .tv-table td.tv-none {{ font-style: normal; color: {look.heat}; }}
    .stApp .tv-table :is(th, td).tv-target {{ background: color-mix(in srgb, {look.heat} 14%, transparent); }}
    .stApp .tv-table :is(th, td).tv-input {{ background: color-mix(in srgb, {look.theory} 10%, transparent); }}
    .stApp .tv-whole :is(th, td) {{ white-space: normal; max-width: none; }}
    .stApp .tv-table td.tv-says {{ white-space: normal; max-width: none; color: {look.dim}; }}
    .stApp .tv-table td.tv-row {{ color: {look.dim}; }}
    .stApp [data-testid="stButtonGroup"] button {{ background: {look.background}; color: {look.text};
        border-color: {look.line}; }}
    .stApp [data-testid="stButtonGroup"] button[kind$="Active"] {{ background: {look.line}; color: {look.text};
        border-color: {look.heat}; }}
    .stApp [data-testid="stBaseButton-primary"] {{ background: {look.heat}; border-color: {look.heat}; }}
    .stApp [data-testid="stBaseButton-primary"] p {{ color: {look.background}; font-weight: 650; }}
    .stApp [data-testid="stBaseButton-primary"]:disabled {{ opacity: .45; }}
    .st-key-brought > :first-child {{ flex: 1 1 18rem; }}
    """
