"""The page's own few rules of style, written from a Look, so that every look reaches Streamlit too."""

from ..presentation.looks import LOOKS, Look
from ..presentation.words import _

PRINTED = LOOKS["light"]  # paper is light, whatever the screen is

# What was shown before is dimmed while something newer is computed.
DIMMED = ".st-key-scene { opacity: .42; }"


def stylesheet(look: Look) -> str:
    """CSS for what Streamlit's theme does not know: the look's colours, cards, the dimmed old picture."""
    printed = "\n".join((_ground(PRINTED), _widgets(PRINTED), _page(PRINTED)))
    charts = f".stApp .js-plotly-plot text {{ fill: {PRINTED.text} !important; }}"
    return "\n".join((_ground(look), _widgets(look), _page(look), _menu(look),
                      f"@media print {{ {printed} {charts} }}"))


def _menu(look: Look) -> str:
    """The way to the pages where the window is too narrow for their names; and no way into what is closed."""
    return f"""
    [data-testid="stSidebar"][data-collapsed="true"],
    [data-testid="stSidebar"][data-collapsed="true"] * {{ visibility: hidden !important; }}
    @media (max-width: 768px) {{ [data-testid="stExpandSidebarButton"]::after {{ content: "{_("Pages")}";
        color: {look.dim}; font-size: {look.font + 1}px; margin-left: .4rem; }}
        .stApp [data-testid="stExpandSidebarButton"] {{ width: auto; padding: 0 .4rem; }} }}
    """


def _ground(look: Look) -> str:
    return f"""
    .stApp, [data-testid="stHeader"], [data-testid="stAppViewContainer"] {{
        background: {look.background}; color: {look.text}; font-family: {look.font_family}; }}
    [data-testid="stHeader"] {{ border-bottom: 1px solid {look.line}; }}
    [data-testid="stHeader"] a span, [data-testid="stHeader"] a p {{ color: {look.dim}; }}
    .stApp :is([data-testid="stExpandSidebarButton"], [data-testid="stSidebarCollapseButton"] button),
    .stApp :is([data-testid="stExpandSidebarButton"], [data-testid="stSidebarCollapseButton"]) span {{
        color: {look.dim}; opacity: 1; visibility: visible; }}
    /* The room for "3 more" is measured without padding: with it the last word is cut off. */
    [data-testid="stTopNav"] {{ padding: 0; margin: 0 .4rem 0 1rem; min-width: 0; flex: 1 1 0; }}
    [data-testid="stTopNavLink"][aria-current="page"] {{ border-bottom: 2px solid {look.heat};
        border-radius: 0; background: transparent; }}
    [data-testid="stTopNavLink"][aria-current="page"] span {{ color: {look.text}; }}
    [data-testid="stSidebar"] {{ background: {look.panel}; border-right: 1px solid {look.line}; }}
    .stMainBlockContainer {{ padding: 4.6rem 1.8rem 3rem 1.8rem; max-width: 2100px; }}
    @media (max-width: 640px) {{ .stMainBlockContainer {{ padding-left: .8rem; padding-right: .8rem; }} }}
    .stApp :is(p, li, label, summary, h1, h2, h3) {{ color: {look.text}; }}
    .stApp p, .stApp li {{ font-size: {look.font + 1}px; }}
    .stApp [data-testid="stCaptionContainer"] {{ opacity: 1; }}
    .stApp [data-testid="stCaptionContainer"] p {{ color: {look.dim}; font-size: {look.font_small + 1}px; }}
    """


def _widgets(look: Look) -> str:
    return f"""
    .stApp [data-testid^="stBaseButton-"], .stApp [data-testid="stPopoverButton"] {{
        background: {look.panel}; color: {look.text}; border: 1px solid {look.line}; }}
    .stApp [data-testid^="stBaseButton-"]:hover, .stApp [data-testid="stPopoverButton"]:hover {{
        border-color: {look.heat}; color: {look.text}; }}
    .stApp [data-testid^="stBaseButton-"]:focus-visible {{
        outline: 2px solid {look.heat}; outline-offset: 2px; }}
    [data-testid="stPopoverBody"] {{ background: {look.panel} !important; border: 1px solid {look.line}; }}
    [data-testid="stPopoverBody"] :is(p, strong, code, button) {{ color: {look.text}; }}
    [data-testid="stPopoverBody"] [data-testid="stCaptionContainer"] p {{ color: {look.dim}; }}
    [data-testid="stPopoverBody"] :is(pre, button) {{ background: {look.background}; border-color: {look.line}; }}
    [data-testid="stPopoverBody"] button:hover {{ border-color: {look.heat}; color: {look.text}; }}
    .stApp [data-baseweb="select"] > div, .stApp [data-baseweb="input"], .stApp [data-baseweb="base-input"],
    .stApp input {{ background: {look.background}; color: {look.text}; border-color: {look.line}; }}
    .stApp [data-testid="stExpander"] :is(details, summary) {{ background: {look.panel}; color: {look.text};
        border-color: {look.line}; }}
    .stApp [data-testid="stSelectbox"] div:has(> input, > button),
    .stApp :is([data-testid="stTextInputRootElement"], [data-testid="stNumberInputContainer"]) {{
        background: {look.background}; color: {look.text}; border-color: {look.line}; }}
    .stApp :is([data-testid="stSelectbox"], [data-testid="stNumberInput"]) button {{
        background: transparent; color: {look.dim}; }}
    .stApp :is([data-testid="stSelectbox"], [data-testid="stNumberInput"], [data-testid="stTooltipIcon"]) svg {{
        color: {look.dim}; }}
    .stApp [data-testid="stTooltipIcon"] :is(button, svg, svg *) {{ stroke: {look.dim}; opacity: 1; }}
    [role="listbox"], [role="listbox"] [role="option"] {{ background: {look.panel}; color: {look.text}; }}
    [role="option"]:is([aria-selected="true"], [data-focused], :hover) {{ background: {look.line}; }}
    .stApp .modebar-group {{ background: {look.panel} !important; }}
    .stApp .modebar-btn path {{ fill: {look.dim} !important; }}
    .stApp code, .stApp pre {{ background: {look.background}; color: {look.theory}; }}
    """


def _page(look: Look) -> str:
    return f"""
    .stApp .tv-headline {{ font-size: {look.font_title - 2}px; padding: 0;
        font-weight: 650; line-height: 1.25; margin: 0;
        color: {look.text}; letter-spacing: -.005em; }}
    .stApp p.tv-hint {{ font-size: {look.font + 1}px; color: {look.dim}; margin: .25rem 0 0 0; }}
    .st-key-top > :first-child {{ flex: 1 1 20rem; }}
    .st-key-top > :not(:first-child) {{ flex: 0 0 auto; width: auto; }}
    .tv-badge {{ display: inline-block; padding: .1rem .6rem; border-radius: 99px; font-weight: 650;
        font-size: {look.font_small}px; letter-spacing: .02em; }}
    .tv-good {{ color: {look.background}; background: {look.good}; }}
    .tv-poor {{ color: {look.background}; background: {look.poor}; }}
    .tv-open {{ color: {look.text}; background: {look.line}; }}
    .tv-yes {{ color: {look.background}; background: {look.text}; }}
    .tv-no {{ color: {look.text}; background: transparent; box-shadow: inset 0 0 0 1.5px {look.text}; }}
    .tv-badges {{ display: flex; flex-wrap: wrap; gap: .4rem; margin-top: .45rem; }}
    .tv-verdicts {{ display: grid;
        grid-template-columns: repeat(auto-fit, minmax(min({12 * look.font_title}px, 100%), 1fr));
        gap: .8rem; margin: .5rem 0 .2rem 0; }}
    .tv-verdict {{ background: {look.panel}; border: 1px solid {look.line}; border-radius: 12px;
        padding: .8rem .9rem .6rem .9rem; }}
    .tv-verdict-head {{ display: flex; gap: .6rem; align-items: flex-start; justify-content: space-between; }}
    .tv-verdict-head b {{ font-size: {look.font}px; font-weight: 650; line-height: 1.3; }}
    .tv-verdict .tv-badge {{ white-space: nowrap; }}
    .tv-unit {{ font-size: {look.font_small + 1}px; font-weight: 400; color: {look.dim}; }}
    .tv-measured {{ font-size: {look.font_title}px; font-weight: 600; font-variant-numeric: tabular-nums;
        line-height: 1.2; margin: .45rem 0 .3rem 0; color: {look.heat}; }}
    .stApp .tv-verdict dl {{ display: grid; grid-template-columns: auto 1fr; gap: .1rem .8rem;
        margin: 0 0 .5rem 0; padding: 0;
        font-size: {look.font_small + 1}px; font-variant-numeric: tabular-nums; }}
    .stApp .tv-verdict dt {{ margin: 0; padding: 0; color: {look.dim}; }}
    .stApp .tv-verdict dd {{ margin: 0; padding: 0; color: {look.theory}; }}
    .stApp .tv-verdict p {{ font-size: {look.font_small + 1}px; color: {look.dim}; margin: 0; line-height: 1.45; }}
    .stApp .tv-verdict p + p {{ margin-top: .35rem; }}
    .tv-panel-title {{ font-size: {look.font_small}px; font-weight: 650; letter-spacing: .05em;
        text-transform: uppercase; color: {look.dim}; }}
    .stApp p.tv-said {{ color: {look.dim}; font-size: {look.font}px; line-height: 1.45; margin: .4rem 0 .2rem 0; }}
    .stApp p.tv-said b {{ color: {look.text}; font-weight: 650; }}
    .stApp p.tv-saved {{ color: {look.dim}; font-size: {look.font_small}px; margin: 0; text-align: right; }}
    .stApp p.tv-saved a {{ color: {look.dim}; text-decoration: underline; text-underline-offset: .2em;
        text-decoration-color: {look.line}; margin-left: .35em; }}
    .stApp p.tv-saved a:is(:hover, :focus-visible) {{ color: {look.text}; text-decoration-color: currentcolor; }}
    .stApp p.tv-saved i {{ padding-left: 1.2em; }}
    .tv-facts {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr));
        gap: .8rem 1.6rem; margin: .6rem 0 .4rem 0; }}
    .tv-facts b {{ display: block; font-size: {look.font_title}px; font-variant-numeric: tabular-nums;
        font-weight: 600; color: {look.text}; line-height: 1.2; }}
    .tv-facts span {{ color: {look.dim}; font-size: {look.font_small + 1}px; }}
    .st-key-charts [data-testid="stColumn"] > [data-testid="stVerticalBlock"]
        > [data-testid="stLayoutWrapper"]:only-child {{ flex: 1 1 auto; }}
    .st-key-charts [data-testid="stColumn"] > [data-testid="stVerticalBlock"]
        > [data-testid="stLayoutWrapper"]:only-child > * {{ height: 100%; }}
    [class*="st-key-stage"] {{ min-height: calc(clamp(420px, 64vh, 900px) + 110px);
        background: var(--tv-still, none) left 18% top 30% / auto 66% no-repeat; }}
    @media (max-width: 640px) {{ [class*="st-key-stage"] {{ min-height: calc(min(92vw, 68vh) + 700px);
        background-position: center top; background-size: 100% auto; }} }}
    .st-key-scene {{ transition: opacity .25s ease; }}
    .st-key-messages:empty, .st-key-diverged:empty, .st-key-status:empty {{ display: none; }}
    .st-key-link_messages > :first-child {{ flex: 1 1 12rem; }}
    .st-key-link_messages > :not(:first-child) {{ flex: 0 0 auto; width: auto; }}
    @media (min-width: 641px) {{ [data-testid="stSidebar"] :has(> .st-key-refused) {{ display: none; }} }}
    [class*="st-key-card_"] {{ background: {look.panel}; border: 1px solid {look.line};
        border-radius: 12px; padding: .7rem .8rem .5rem .8rem; }}
    [data-stale="true"] {{ opacity: 1 !important; }}
    @media (prefers-reduced-motion: reduce) {{ * {{ transition: none !important; }} }}
    """


def preset_rules(look: Look, n: int) -> str:
    """CSS that makes cards of the n buttons of presets, before their pictures are drawn."""
    return f"""
    .st-key-presets {{ display: grid; grid-template-columns: repeat({n}, minmax(13.4rem, 1fr));
        gap: .6rem; overflow-x: auto; padding: 2px; scrollbar-width: thin; }}
    .st-key-presets > div {{ width: 100% !important; min-width: 0; }}
    .st-key-presets :is(.stButton, .stButton > *, button) {{ height: 100%; }}
    .stApp [class*="st-key-preset_"] button {{ min-height: 62px; width: 100%; justify-content: flex-start;
        text-align: left; padding: 5px 4px 5px 62px; border-radius: 10px;
        background: {look.panel} no-repeat 6px center / 48px 48px; }}
    .stApp [class*="st-key-preset_"] button > *, .stApp [class*="st-key-preset_"] button > * > span {{ width: 100%; }}
    .stApp [class*="st-key-preset_"] button [data-testid="stMarkdownContainer"] {{ width: 100%; text-align: left; }}
    .stApp [class*="st-key-preset_"] button p {{ display: block; font-size: {look.font}px; line-height: 1.3;
        white-space: nowrap; margin: 0;
        color: {look.text}; overflow: hidden; text-overflow: ellipsis; }}
    .stApp [class*="st-key-preset_"] button p + p {{ font-size: {look.font_small}px; color: {look.dim};
        white-space: normal !important; height: 2.6em; }}
    """


def thumbnail_rules(look: Look, pictures: dict[str, str], chosen: str) -> str:
    """CSS that puts the presets' pictures on their cards. `pictures`: preset -> its picture's data URI."""
    rules = [f'''.stApp .st-key-preset_{chosen} button {{
        box-shadow: 0 0 0 2px {look.heat}; border-color: {look.heat}; }}''']
    rules += [f'.stApp .st-key-preset_{key} button {{ background-image: url("{uri}"); }}'
              for key, uri in pictures.items()]
    return "\n".join(rules)
