"""The one-file export and the bundler behind it, without a browser."""

import html as html_text
import json
import re

import pytest
import stage_scene

from thermoviz.stage import html


def parts(page):
    """(payload, program) of an exported page."""
    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    return json.loads(scripts[0]), scripts[1]


def test_program_holds_every_module_once_and_no_module_syntax():
    program = html.program()
    names = sorted(path.stem for path in html.ASSETS.glob("*.js"))
    assert sorted(re.findall(r"^const m_(\w+) = \(\(\) => \{$", program, re.MULTILINE)) == names
    assert not re.search(r"^(import|export)\b", program, re.MULTILINE)
    assert "import.meta" not in program and "import.meta.url" in html.component_file()[1]


def test_program_holds_no_comment_lines_and_is_a_quarter_smaller_for_it():
    program = html.program()
    sources = sum(len(path.read_text(encoding="utf-8")) for path in html.ASSETS.glob("*.js"))
    assert not re.search(r"^\s*(//|/\*)", program, re.MULTILINE)
    assert len(program) < 0.8 * sources


def test_every_module_comes_after_those_it_uses():
    program = html.program()
    for match in re.finditer(r"= m_(\w+);$", program, re.MULTILINE):
        assert program.index(f"const m_{match[1]} = ") < match.start()


def test_nothing_in_the_program_reaches_out():
    """No address but those of XML name spaces; the only request is for the stage's own program in Streamlit."""
    addresses = set(re.findall(r"https?://[^\"'`\s)]+", html.program()))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    assert html.program().count("fetch(") == 1


def test_page_carries_the_payload_unchanged_and_below_400_kB():
    message = stage_scene.message(n=81)
    page = html.page(message)
    payload, program = parts(page)
    assert payload == json.loads(json.dumps(message))
    assert program.endswith("thermoviz.open();\n")
    assert len(page.encode()) < 400_000


def test_a_run_writes_itself(tmp_path):
    """run.to_html: the whole way from a specification to a file, in each look."""
    import thermoviz as tv
    from thermoviz.presentation.looks import LOOKS

    run = tv.run(tv.Potential(potential=tv.DoubleWell()))
    for look in LOOKS:
        payload, _ = parts(html.to_html(run, look=look, temperature=.5, title="Two wells"))
        assert payload["look"]["background"] == LOOKS[look].background
        assert payload["temperature"] == .5 and payload["title"] == "Two wells"
    path = tmp_path / "wells.html"
    run.to_html(path)
    assert len(path.read_bytes()) < 400_000 and parts(path.read_text(encoding="utf-8"))[0]["id"] == run.id
    with pytest.raises(tv.BadInput, match="look"):
        html.to_html(run, look="sepia")


@pytest.mark.parametrize("title", [
    "</script><script>alert(1)</script>", "<!--", "a \u2028 b", "&amp; \"quoted\" 'text' @PROGRAM@ \\1", ""])
def test_titles_and_links_cannot_leave_their_place(title):
    page = html.page(stage_scene.message(title=title, link=title))
    payload, _ = parts(page)
    assert payload["title"] == payload["link"] == title
    assert f"<title>{html_text.escape(title or 'thermoviz')}</title>" in page


@pytest.mark.parametrize("source", ['import "./other.js";\n', "export default function f() {}\n", "export { a };\n",
                                    'import a from "./other.js";\n', "export let a = 1;\n"])
def test_unknown_module_syntax_is_refused(source):
    with pytest.raises(ValueError, match="bundler"):
        html._wrapped("odd", source)


def test_circles_are_refused(tmp_path):
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\n')
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match="a -> b -> a"):
        html._ordered(("a",), tmp_path)
