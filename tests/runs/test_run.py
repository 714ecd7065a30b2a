"""Run files: every bit comes back, and what is not a sound file of ours is refused with one sentence."""

import json
import pickle

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.specs import NUMERICS_VERSION, identity
from thermoviz.runs import files
from thermoviz.runs.run import Run, Verdict, open_run


def small_run(**numbers) -> Run:
    """A potential's run by hand, with awkward values: NaN in the grid, digits that need all 17 places."""
    U = np.random.default_rng(0).normal(size=(9, 7)).astype(np.float32)
    U[0, 0] = np.nan
    arrays = {"xs": np.linspace(-1, 1, 9), "ys": np.linspace(0, 0.1, 7), "U": U,
              "temperatures": np.array([0.1, 1 / 3])}
    return Run(tv.Potential(seed=7), arrays, {"surface": {"levels": [9], "error": None}, **numbers})


def test_everything_comes_back_bit_by_bit(tmp_path):
    run = small_run(third=1 / 3, tiny=5e-324, large=2**53, words="naïve", nested={"list": [1, None, True]})
    again = open_run(run.save(tmp_path / "run.safetensors"))
    assert again.spec == run.spec and again.id == run.id == identity(run.spec) and again.kind == "potential"
    assert dict(again.numbers) == dict(run.numbers)
    assert again.arrays.keys() == run.arrays.keys()
    for name, array in run.arrays.items():
        assert again.arrays[name].dtype == array.dtype
        assert again.arrays[name].tobytes() == array.tobytes()


def test_a_reopened_surface_is_the_same_energy():
    run = small_run()
    again = Run.from_bytes(run.to_bytes())
    u = np.random.default_rng(1).uniform([-1, 0], [1, 0.1], (200, 2))
    np.testing.assert_array_equal(again.surface(u), run.surface(u))
    np.testing.assert_array_equal(again.surface.force(u), run.surface.force(u))
    assert [e.F for e in again.equilibria] == [e.F for e in run.equilibria] and len(run.equilibria) == 2


def test_arrays_cannot_be_changed():
    run = small_run()
    with pytest.raises(ValueError):
        run.arrays["U"][0, 0] = 0


def test_numbers_are_plain_json_and_say_none_for_nan():
    run = small_run(a=np.float32(0.5), b=np.nan, c=np.arange(2), d=(1, np.inf))
    assert {key: run.numbers[key] for key in "abcd"} == {"a": 0.5, "b": None, "c": [0, 1], "d": [1, None]}
    json.dumps(dict(run.numbers), allow_nan=False)


def test_verdicts_survive_the_file():
    verdict = Verdict("volume", 0.21, 0.01, 0.2, None, True, values={"T": 0.21})
    run = Run.from_bytes(small_run(verdicts=[verdict.to_json()]).to_bytes())
    assert run.verdicts == (verdict,) and run.verdicts[0].room == "thermoviz.experiments.landscape"


def test_metadata_name_format_version_specification_and_libraries():
    _, metadata = files.unpack(small_run().to_bytes())
    assert metadata["format"] == files.FORMAT and metadata["numerics_version"] == str(NUMERICS_VERSION)
    assert json.loads(metadata["specification"])["kind"] == "potential"
    assert json.loads(metadata["libraries"])["numpy"] == np.__version__
    assert len(metadata["sha256"]) == 64


def test_a_run_of_older_numerics_does_not_pass_for_a_new_one():
    run = small_run()
    old = Run(run.spec, run.arrays, run.numbers, numerics_version=NUMERICS_VERSION - 1)
    again = Run.from_bytes(old.to_bytes())
    assert again.numerics_version == NUMERICS_VERSION - 1 and again.id != identity(run.spec)


CONTENTS = small_run().to_bytes()


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 100, len(CONTENTS) // 2, len(CONTENTS) - 1])
def test_truncated_files_are_refused(length, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(CONTENTS[:length])
    with pytest.raises(tv.BadFile) as error:
        open_run(path)
    assert str(error.value).count("\n") == 0


def test_every_altered_byte_is_noticed():
    """One flipped bit in each of 300 places spread over the file: header, metadata and arrays."""
    for place in np.linspace(0, len(CONTENTS) - 1, 300).astype(int):
        altered = bytearray(CONTENTS)
        altered[place] ^= 1
        with pytest.raises(tv.BadFile):
            Run.from_bytes(bytes(altered))


def foreign(tmp_path) -> dict[str, bytes]:
    from safetensors.numpy import save
    np.savez(tmp_path / "a.npz", x=np.ones(3))
    specification = '{"kind":"nothing"}'
    return {
        "pickle": pickle.dumps({"a": 1}),
        "npz": (tmp_path / "a.npz").read_bytes(),
        "another safetensors": save({"x": np.ones(3)}),
        "another safetensors with metadata": save({"x": np.ones(3)}, {"format": "pt"}),
        "HTML": b"<!doctype html><p>not found</p>" * 10,
        "deep JSON": (100_000).to_bytes(8, "little") + b"{" + b'"a":[' * 20_000,
        "a header that claims 2^62 bytes": (2**62).to_bytes(8, "little") + b"{}",
        "no specification": files.pack({"x": np.ones(3)}, {}),
        "an unknown experiment": files.pack({}, {"specification": specification, "numbers": "{}", "kind": "x",
                                                 "numerics_version": "1"}),
        "an impossible specification": files.pack({}, {
            "specification": '{"kind":"potential","resolution":100000}', "numbers": "{}", "kind": "potential",
            "numerics_version": "1"}),
        "arrays that do not fit": files.pack({"xs": np.arange(5.0), "ys": np.arange(5.0), "U": np.ones((4, 5))}, {
            "specification": '{"kind":"potential"}', "numbers": "{}", "kind": "potential",
            "numerics_version": "1"}),
    }


def test_foreign_files_are_refused_with_one_sentence(tmp_path):
    for name, contents in foreign(tmp_path).items():
        with pytest.raises(tv.BadFile) as error:
            Run.from_bytes(contents)
        assert "\n" not in str(error.value) and len(str(error.value)) < 300, name


def test_oversized_files_are_refused_before_they_are_read(tmp_path):
    path = tmp_path / "large.safetensors"
    with path.open("wb") as file:
        file.truncate(files.MAX_BYTES + 1)  # sparse: nothing is written
    with pytest.raises(tv.BadFile, match="at most 64 MB"):
        open_run(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(tv.BadFile, match="cannot be read"):
        open_run(tmp_path / "missing")
    with pytest.raises(tv.BadFile, match="cannot be read"):
        open_run(tmp_path)
    with pytest.raises(tv.BadInput, match="cannot be written"):
        small_run().save(tmp_path / "no" / "folder")
    assert list(tmp_path.iterdir()) == []


def test_saving_replaces_whole_files_only(tmp_path):
    path = small_run().save(tmp_path / "run.safetensors")
    small_run(more=1).save(path)
    assert open_run(path).numbers["more"] == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.safetensors"]


def test_arrays_that_do_not_fit_are_refused():
    with pytest.raises(tv.BadInput, match="does not fit"):
        Run(tv.Potential(), {"xs": np.arange(4.0), "ys": np.arange(4.0), "U": np.ones((4, 5))})
    with pytest.raises(tv.BadInput, match="together"):
        Run(tv.Potential(), {"xs": np.arange(4.0)})


def test_run_refuses_what_is_no_specification():
    for wrong in (None, "descent", {}, tv.Potential, tv.DoubleWell()):
        with pytest.raises(tv.BadInput, match="specification of an experiment"):
            tv.run(wrong)


def test_the_band_is_the_quantiles_of_the_finite_replicas_and_never_warns(recwarn):
    losses = np.array([[1.0, 2.0, 3.0, 9.0], [np.nan, 5.0, np.nan, 9.0], [np.nan, np.nan, np.inf, 9.0]])
    run = Run(tv.Descent(), {"steps": np.arange(3), "losses": losses, "member": np.array([0, 0, 0, 1])})
    np.testing.assert_allclose(run.band("losses", 0), [[1.2, 5, np.nan], [2, 5, np.nan], [2.8, 5, np.nan]])
    np.testing.assert_allclose(run.band("losses", 1), 9)
    assert not recwarn.list


def test_lost_counts_the_diverged_replicas_of_each_dynamics():
    member, at = np.array([0, 0, 1, 1, 2]), np.array([-1, -1, 40, 30, 7])
    run = Run(tv.Descent(), {"member": member, "diverged_at": at})
    assert run.lost == ((1, 2, 30), (2, 1, 7)) and Run(tv.Potential(), {}).lost == ()


def test_the_crossing_lies_where_the_largest_share_changes_hands():
    """Shares are asked anew on both sides; a bowl has one valley and no crossing."""
    found = tv.run(tv.Potential(tv.TwoBasins(depth=0.4, narrow=16, wide=2, distance=1.1)))
    cold, hot, T = found.crossing
    rung = found.arrays["temperatures"][1] / found.arrays["temperatures"][0]
    below, above = (found.surface.equilibrium(t).shares for t in (T / rung, T * rung))
    assert cold != hot and below.argmax() == cold and above.argmax() == hot
    assert tv.run(tv.Potential(tv.Harmonic())).crossing is None


def test_runs_that_keep_the_same_grid_share_what_is_found_on_it():
    first, second = small_run(), small_run(more=1)
    assert first.surface is second.surface and first.equilibria is second.equilibria
    U = np.array(first.arrays["U"])
    U[3, 3] += 1e-3
    other = Run(first.spec, {**first.arrays, "U": U}, first.numbers)
    assert other.surface is not first.surface and other.surface.minimum != np.inf
    assert Run(first.spec, first.arrays, {"surface": {"levels": [9], "error": 0.1}}).surface.error == 0.1
