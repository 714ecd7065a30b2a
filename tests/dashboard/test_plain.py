"""Refusals in the page's words: titles instead of field names, limits as people say them."""

import pytest

from thermoviz.catalogue import EXPERIMENTS
from thermoviz.catalogue.links import from_query
from thermoviz.core.errors import BadInput
from thermoviz.core.specs import from_json
from thermoviz.dashboard.plain import in_short, plain, plain_link

DESCENT = EXPERIMENTS["descent"]


def refusal(tree):
    with pytest.raises(BadInput) as caught:
        from_json(DESCENT, tree)
    return str(caught.value)


@pytest.mark.parametrize(("tree", "said"), [
    ({"steps": -5}, "Steps: at least 1 is needed (not -5)."),
    ({"network": {"hidden": [16, 256]}}, "Hidden layers: at most 128 is allowed (not 256)."),
    ({"dynamics": [{"kind": "sgd", "lr": "x"}]}, "Learning rate: a number is needed (not 'x')."),
    ({"replicas": 2.5}, "Replicas: a whole number is needed (not 2.5)."),
])
def test_a_refusal_names_the_control_and_what_is_allowed(tree, said):
    assert plain(DESCENT, refusal(tree)) == said


def test_what_is_not_understood_stays_as_it_is():
    assert plain(DESCENT, "Something else happened.") == "Something else happened."


@pytest.mark.parametrize(("query", "words"), [
    ({"kind": "garbage"}, ("no experiment “garbage”",)), ({"preset": "nowhere"}, ("“nowhere”", "“Three minds”")),
    ({"steps": "-5"}, ("Steps: at least 1", "steps=-5")), ({"unheard": "1"}, ("“unheard”", "no setting")),
])
def test_what_a_link_asks_in_vain_is_told_without_insiders_names(query, words):
    message, = from_query(query).messages
    said = plain_link(DESCENT, message)
    assert all(word in said for word in words) and said.endswith(".")
    assert not any(word in said for word in ("descent", "Descent", "narrow-deep", "input should"))
    assert in_short(message) == "=".join(*query.items())
