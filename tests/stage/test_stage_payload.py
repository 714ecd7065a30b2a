"""The one message to the browser: small, strict JSON, and nothing in it that was not in the run."""

import base64
import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.experiments.landscape import specification as landscape
from thermoviz.presentation.looks import LOOKS
from thermoviz.stage.payload import payload, quantised, sentences

PRESETS = tuple(tv.PRESETS)
BUDGET = 180_000


def decoded(message):
    """What `decode` in surface.js returns, in numpy."""
    raw = np.frombuffer(base64.b64decode(message["data"]), np.dtype(message["dtype"]).newbyteorder("<"))
    if "step" in message:
        k = len(message["step"])
        raw = np.where(raw == message["none"], np.nan,
                       (np.array(message["low"]) + np.array(message["step"]) * raw.reshape(-1, k)).ravel())
    return raw.reshape(message["shape"])


def surface_run(xs, ys, U):
    """A run that is a surface alone."""
    return landscape.surface_run(tv.Potential(), tv.Surface.from_grid(xs, ys, U))


def grid(function, n=21, half=2.0):
    xs = np.linspace(-half, half, n)
    return xs, xs, function(*np.meshgrid(xs, xs, indexing="ij"))


def strict(message):
    """The message as the browser reads it: strict JSON, without NaN and infinities."""
    return json.loads(json.dumps(message, allow_nan=False))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_fits_and_is_strict_json(preset):
    run = tv.load_preset(preset)
    message = payload(run, "dark")
    assert len(json.dumps(strict(message))) <= BUDGET
    assert message["id"] == run.id and message["title"]
    assert (message["network"] is None) == (message["paths"] is None) == (run.kind == "potential")
    assert message["temperature"] > 0 and len(message["basins"]["names"]) == len(message["basins"]["minima"])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_surface_travels_unchanged(preset):
    surface, message = tv.load_preset(preset).surface, payload(tv.load_preset(preset))["surface"]
    for name in ("E", "Ex", "Ey", "Exy"):
        if message[name] is not None:
            assert np.array_equal(decoded(message[name]), getattr(surface, name).astype(np.float32))
    assert message["xs"] == [surface.bounds[0][0], surface.bounds[0][1], len(surface.xs)]
    assert message["min"] == surface.minimum and message["barrier"] == surface.barrier


def test_labels_are_those_of_the_lattice():
    run = tv.load_preset(PRESETS[0])
    labels = payload(run)["basins"]["labels"]
    flat = np.repeat(decoded(labels["values"]), decoded(labels["runs"]))
    assert np.array_equal(flat.reshape(labels["shape"]), run.surface.basins.labels)


def test_quantised_numbers_are_right_to_half_a_step_and_keep_what_is_missing():
    values = np.random.default_rng(0).normal(size=(7, 5, 2)) * [1, 1000]
    values[2, 3] = np.nan
    values[4, 1, 0] = np.inf
    message = quantised(values)
    back = decoded(message)
    finite = np.isfinite(values)
    assert np.array_equal(np.isnan(back), ~finite)
    error = np.abs(np.where(finite, back - values, 0)).max(axis=(0, 1))
    assert (error <= np.array(message["step"]) * 0.5000001).all()
    assert np.isnan(decoded(quantised(np.full((2, 2), np.nan)))).all()
    assert np.array_equal(decoded(quantised(np.full((3, 1), 2.5))), np.full((3, 1), 2.5))


def test_paths_keep_start_end_and_order():
    run = tv.load_preset(PRESETS[0])
    paths, u = payload(run)["paths"], run.arrays["paths_u"]
    back, steps = decoded(paths["u"]), np.array(paths["steps"])
    at = np.searchsorted(run.arrays["steps"], steps)
    assert at[0] == 0 and at[-1] == len(u) - 1 and (np.diff(at) > 0).all()
    assert np.abs(back - u[at][:, :back.shape[1]]).max() <= np.ptp(u, axis=(0, 1)).max() / 65534
    assert back.shape[0] * back.shape[1] <= 3000 and paths["member"] == run.arrays["member"].tolist()


def largest_run(n=81, d=5000, replicas=256, records=121):
    """A run at every limit: 81 x 81 nodes, 5000 parameters, 256 networks."""
    generator = np.random.default_rng(0)
    xs, ys, U = grid(lambda x, y: (x**2 - 1) ** 2 + y**2 + 0.3 * np.sin(5 * x + 3 * y), n)
    inputs, hidden = 62, 76
    outputs = (d - (inputs + 1) * hidden) // (hidden + 1)
    d = (inputs + 1) * hidden + (hidden + 1) * outputs
    spec = tv.Descent(network=tv.MLP(hidden=(hidden,)), replicas=replicas)
    vectors = np.linalg.qr(generator.normal(size=(d, 3)))[0].T
    path = generator.normal(size=(records, replicas, 2)).cumsum(axis=0)
    path[60:, 7] = np.nan
    return tv.Run(spec, {
        "xs": xs, "ys": ys, "U": U, "temperatures": np.geomspace(0.01, 10, 31),
        "steps": np.arange(records, dtype=np.int32), "times": np.arange(records) * 0.1,
        "losses": np.exp(path[..., 0]), "paths_u": path, "residual": np.abs(path[..., 1]),
        "member": np.zeros(replicas, np.int8), "diverged_at": np.where(np.arange(replicas) == 7, 60, -1),
        "plane_origin": vectors[0] * 30, "plane_u": vectors[1], "plane_v": vectors[2],
        "data_x": generator.normal(size=(1000, inputs)), "data_y": np.arange(1000) % outputs,
        "data_center": np.zeros(inputs), "data_scale": np.ones(inputs)})


def test_the_largest_run_fits():
    message = strict(payload(largest_run()))
    assert len(json.dumps(message)) <= BUDGET
    assert message["surface"]["Ex"] is None and message["surface"]["xs"][2] == 81
    assert len(decoded(message["network"]["origin"])) > 4900
    u = decoded(message["paths"]["u"])
    assert u.shape[1] == 64 and u.shape[0] >= 40


def test_finer_surfaces_are_sent_at_81_nodes():
    xs, ys, U = grid(lambda x, y: (x**2 - 1) ** 2 + y**2, 161)
    run = surface_run(xs, ys, U)
    message = payload(run)["surface"]
    assert message["xs"] == [-2.0, 2.0, 81]
    for name in ("E", "Ex", "Ey", "Exy"):
        exact = getattr(run.surface, name)[::2, ::2]
        assert np.abs(decoded(message[name]) - exact).max() <= 1e-6 * np.abs(exact).max()


BAD = {
    "all equal": lambda x, y: 0 * x + 0.7,
    "one basin": lambda x, y: x**2 + y**2,
    "steep walls": lambda x, y: np.exp(3 * (x**2 + y**2)),
    "hole": lambda x, y: np.where(x**2 + y**2 < 0.3, np.nan, x**4 + y),
    "infinite rim": lambda x, y: np.where(np.abs(x) > 1.7, np.inf, x**2 + y**2),
    "tiny": lambda x, y: 1e-12 * (x**2 + y**2),
    "offset": lambda x, y: 1e6 + x**2 + y**2,
}


@pytest.mark.parametrize("kind", BAD)
def test_odd_surfaces_give_sane_messages(kind):
    run = surface_run(*grid(BAD[kind]))
    message = strict(payload(run))
    surface = message["surface"]
    for name in ("E", "Ex", "Ey", "Exy"):
        assert surface[name] is None or np.isfinite(decoded(surface[name])).all()
    assert surface["scale"] >= 0 and surface["ceiling"] >= surface["min"] and message["temperature"] >= 0
    assert (surface["mask"] is None) == (not run.surface.mask.any())
    if surface["mask"]:
        assert np.array_equal(decoded(surface["mask"]), run.surface.mask)
    assert len(message["basins"]["minima"]) == run.surface.basins.n >= 1


def test_settings_reach_the_message():
    run = tv.load_preset("mueller-brown") if "mueller-brown" in PRESETS else surface_run(*grid(BAD["one basin"]))
    message = payload(run, "projector", {"Play": "Los"}, temperature=2, seed=7, n_balls=300, title="T", link="?v=1")
    assert (message["temperature"], message["seed"], message["n_balls"]) == (2.0, 7, 300)
    assert (message["title"], message["link"], message["words"]) == ("T", "?v=1", {"Play": "Los"})
    assert message["look"]["background"] == LOOKS["projector"].background


@pytest.mark.parametrize("settings,what", [
    ({"temperature": -1}, "temperature"), ({"temperature": float("nan")}, "temperature"),
    ({"start": "moon"}, "start"), ({"start": None}, "start"),
    ({"start": "point"}, "at"), ({"start": "point", "at": (99.0, 0.0)}, "at"),
    ({"start": "point", "at": (0.0, 0.0), "width": 0.0}, "width"),
    ({"temperature": "hot"}, "temperature"), ({"n_balls": 0}, "n_balls"), ({"n_balls": 50_001}, "n_balls"),
    ({"n_balls": 2.5}, "n_balls"), ({"seed": -1}, "seed"), ({"seed": 2**32}, "seed"), ({"look": "neon"}, "look"),
])
def test_settings_out_of_range_are_refused_in_one_sentence(settings, what):
    run = surface_run(*grid(BAD["one basin"]))
    with pytest.raises(tv.BadInput, match=what) as caught:
        payload(run, **settings)
    assert "\n" not in str(caught.value)


def test_a_run_without_a_surface_is_refused():
    with pytest.raises(tv.BadInput, match="surface"):
        payload(SimpleNamespace(surface=None))


def test_the_stage_s_sentences_are_found_for_translators():
    found = sentences()
    assert len(found) > 30 and all(isinstance(text, str) and text.strip() for text in found)
    assert payload(surface_run(*grid(BAD["one basin"])))["words"] == {}  # English is the source


def test_members_keep_their_names_and_looks_their_colours():
    run = tv.load_preset(PRESETS[0])
    message = payload(run)
    assert len(message["paths"]["names"]) == len(run.spec.dynamics)
    assert message["look"]["heat"].startswith("#") and "font_family" in message["look"]
    assert dataclasses.is_dataclass(run.spec) and message["axes"]
