"""A verdict is a key and numbers; its lab has words for each key that it uses, and uses each key that it has words for.

That the words can be made of the verdict's values is asked of each lab's runs by `verdict_contract.check_all`.
"""

import ast
import importlib
from pathlib import Path

import pytest

import thermoviz.labs
from thermoviz.catalogue import shipped
from thermoviz.runs.run import open_run

ROOM = Path(thermoviz.labs.__file__).parent
LABS = thermoviz.labs.LABS


def keys_used(lab):
    """The keys that its calls of `judge` name: literals, or a choice between literals."""
    for path in sorted((ROOM / lab).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "judge":
                named = [part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)]
                assert named and all(isinstance(key, str) for key in named), (
                    f"{path.name}:{node.lineno}: the key of a verdict must be a literal")
                yield from named


@pytest.mark.parametrize("lab", LABS)
def test_each_key_has_words_and_is_used(lab):
    words = importlib.import_module(f"thermoviz.labs.{lab}.words")
    assert set(keys_used(lab)) == set(words.VERDICTS)


@pytest.mark.parametrize("lab", sorted(set(LABS) & set(shipped.labs())))
def test_verdicts_of_older_files_are_found_by_their_names(lab):
    """Shipped runs may be of before the keys; figures and pages ask for verdicts by key."""
    words = importlib.import_module(f"thermoviz.labs.{lab}.words")
    found = open_run(shipped.specification_and_path(lab)[1]).verdicts
    assert {one.key for one in found} == set(words.VERDICTS)
