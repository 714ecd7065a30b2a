"""Looks and figures: colours that keep their order for every eye, figures that show the run's numbers."""

import itertools
import json

import numpy as np
import pytest

from thermoviz.figures.looks import LOOKS, hex_colour, rgba

# Full dichromacy, linear sRGB (Machado, Oliveira & Fernandes 2009, table 1, severity 1).
DEUTERANOPIA = np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                         [-0.011820, 0.042940, 0.968881]])
PROTANOPIA = np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                       [-0.003882, -0.048116, 1.051998]])
EYES = {"full": np.eye(3), "deuteranopia": DEUTERANOPIA, "protanopia": PROTANOPIA}
SRGB_TO_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                        [0.0193339, 0.1191920, 0.9503041]])
WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(colour):
    c = np.array([int(colour[i:i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def cielab(colour, eye=EYES["full"]):
    """CIE L*a*b* (D65) as that eye sees it: another colour space than the one the looks were computed in."""
    t = SRGB_TO_XYZ @ np.clip(eye @ linear(colour), 0, 1) / WHITE
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def contrast(one, other):
    """WCAG 2.1 contrast ratio."""
    light, dark = sorted((float(SRGB_TO_XYZ[1] @ linear(c)) for c in (one, other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(params=LOOKS)
def look(request):
    return LOOKS[request.param]


def test_hex_colour_gives_white_and_black():
    assert hex_colour(1, 0, 0) == "#ffffff" and hex_colour(0, 0, 0) == "#000000"
    assert rgba("#ff8000", 0.5) == "rgba(255,128,0,0.5)"


def test_a_look_is_plain_json(look):
    assert json.loads(json.dumps(look.to_json()))["surface"] == list(look.surface)


@pytest.mark.parametrize("eye", EYES)
def test_surface_lightness_rises_at_every_step_and_nearly_linearly(look, eye):
    lightness = np.array([cielab(colour, EYES[eye])[0] for colour in look.surface])
    steps = np.diff(lightness)
    assert (steps > 0).all()
    line = np.linspace(lightness[0], lightness[-1], len(lightness))
    assert np.abs(lightness - line).max() < 0.05 * (lightness[-1] - lightness[0])


def test_equal_steps_of_energy_look_like_equal_steps(look):
    lab = np.array([cielab(colour) for colour in look.surface])
    steps = np.linalg.norm(np.diff(lab[::4], axis=0), axis=1)  # every fourth: 8-bit rounding averages out
    assert steps.max() < 2 * steps.min()


@pytest.mark.parametrize("eye", EYES)
def test_optimisers_heat_and_theory_stay_apart_for_every_eye(look, eye):
    """More than 10 CIE76 units: several just-noticeable differences (2.3)."""
    colours = [*look.optimisers, look.heat, look.theory]
    for one, other in itertools.combinations(colours, 2):
        assert np.linalg.norm(cielab(one, EYES[eye]) - cielab(other, EYES[eye])) > 10, (one, other)


def test_text_is_readable_on_both_grounds(look):
    for ground in (look.background, look.panel):
        assert contrast(look.text, ground) >= 7  # WCAG AAA
        for colour in (look.dim, look.heat, look.theory, look.good, look.poor):
            assert contrast(colour, ground) >= 4.5, (colour, ground)  # WCAG AA
    assert all(contrast(colour, look.panel) >= 2.5 for colour in look.optimisers)


def test_the_projector_is_larger_and_higher_in_contrast():
    dark, projector = LOOKS["dark"], LOOKS["projector"]
    assert projector.font_small > dark.font_small and projector.stroke > dark.stroke
    assert contrast(projector.dim, projector.background) > contrast(dark.dim, dark.background)
