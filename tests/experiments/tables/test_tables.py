"""Tables that people bring: what their columns are, what is missing, what cannot be read; nothing in them is run."""

import io
import pickle
import zipfile

import numpy as np
import pytest

import thermoviz as tv
from thermoviz.core.errors import BadFile, BadInput
from thermoviz.experiments.tables.columns import of_text
from thermoviz.experiments.tables.limits import MOST_BYTES, MOST_COLUMNS, MOST_ROWS
from thermoviz.experiments.tables.table import Table, problem, read, tasks

FLOWERS = "length,width,seen,species\n" + "".join(
    f"{5 + k % 7 / 10},{3 - k % 5 / 10},2024-03-{1 + k % 28:02},{('rose', 'tulip', 'iris')[k % 3]}\n"
    for k in range(60))


def npy(array, allow_pickle=False):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def refused(contents):
    with pytest.raises(BadFile) as told:
        read(contents)
    assert "\n" not in str(told.value) and len(str(told.value)) < 300, str(told.value)
    return str(told.value)


def test_columns_are_numbers_dates_or_words():
    table = read(FLOWERS.encode())
    assert [(one.name, one.kind) for one in table.columns] == [
        ("length", "number"), ("width", "number"), ("seen", "date"), ("species", "word")]
    assert table["species"].words == ("iris", "rose", "tulip") and table["species"].cell(0) == "rose"
    assert table["seen"].cell(1) == "2024-03-02"
    assert np.ptp(table["seen"].values) == 27


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_encodings(encoding, delimiter):
    text = FLOWERS.replace("rose", "Röschen").replace(",", delimiter)
    assert read(text.encode(encoding))["species"].words == ("Röschen", "iris", "tulip")


def test_decimal_commas_where_something_else_parts_the_cells():
    table = read(b"a;b\n1,5;x\n2,25;y\n")
    assert table["a"].values.tolist() == [1.5, 2.25]


def test_a_table_without_names_and_with_quoted_cells():
    assert read(b"1,2\n3,4\n").names == ["column 1", "column 2"]
    assert read(b'a,b\n"x, y",1\n"z\n z",2\n')["a"].words == ("x, y", "z z")


@pytest.mark.parametrize("cell", ["1_000", "\uff11\uff12", "\u0661", "0x10", "1e", "--1", "½", "true"])
def test_what_only_looks_like_a_number_is_a_word(cell):
    assert of_text("a", ["1", cell]).kind == "word"


@pytest.mark.parametrize("cell", ["", " ", "NA", "NaN", "null", "None", "?", "N/A", "inf", "1e400", "<NA>"])
def test_what_is_missing_is_found(cell):
    column = of_text("a", ["1", cell, "2.5"])
    assert column.missing.tolist() == [False, True, False]


@pytest.mark.parametrize("cells, days", [
    (["1970-01-02", "1970-01-03"], [1, 2]), (["02.01.1970", "3.1.1970"], [1, 2]), (["1970/1/2", "1970/01/03"], [1, 2]),
    (["1970-01-01T12:00", "1970-01-01 18:00:00"], [0.5, 0.75]), (["1970-01-02T00:00:00+00:00"], [1])])
def test_dates_are_days(cells, days):
    assert of_text("a", cells).values.tolist() == pytest.approx(days)


def test_words_and_numbers_become_inputs_and_a_test_part_is_held_back():
    table = read(FLOWERS.encode())
    data = problem(table, "species", ["length", "seen"])
    assert data.task == "classification" and data.classes.tolist() == ["iris", "rose", "tulip"]
    assert (data.n_inputs, data.n_train, data.n_test) == (2, 45, 15)
    np.testing.assert_allclose(data.x_train.mean(0), 0, atol=1e-12)
    assert problem(table, "length", ["species"]).n_inputs == 3  # a word each
    assert np.unique(problem(table, "species", ["length"]).y_test, return_counts=True)[1].tolist() == [5, 5, 5]


def test_the_same_table_is_the_same_data_set():
    table = read(FLOWERS.encode())
    again = read(FLOWERS.replace("rose,", "rose,").encode("utf-16"))
    assert problem(table, "species", ["width"]).content_hash == problem(again, "species", ["width"]).content_hash


def test_classes_or_numbers():
    few, many, real = (of_text("a", [str(k % n * s) for k in range(90)]) for n, s in ((3, 1), (90, 1), (90, .5)))
    assert tasks(few) == ["classification", "regression"]
    assert tasks(many) == ["regression"] and tasks(real) == ["regression"]


def test_missing_values_are_named_by_row_and_column_and_left_out_on_demand():
    table = read((FLOWERS + ",3.0,2024-01-01,iris\n5.0,,2024-01-01,\n").encode())
    with pytest.raises(BadInput, match="row 61, column “length”; row 62, column “width”; row 62, column “species”"):
        problem(table, "species", ["length", "width"])
    data = problem(table, "species", ["length", "width"], leave_out=True)
    assert len(data.x) == 60
    assert problem(table, "seen", ["species"], leave_out=True).n_outputs == 1
    assert len(problem(table, "species", ["width"], leave_out=True).x) == 61  # what is not chosen does not matter


@pytest.mark.parametrize("target, inputs, told", [
    ("species", [], "at least one"), ("species", ["species"], "itself"), ("nothing", ["width"], "no column"),
    ("species", ["width", "width"], "once")])
def test_columns_that_make_no_problem(target, inputs, told):
    with pytest.raises(BadInput, match=told):
        problem(read(FLOWERS.encode()), target, inputs)


def test_too_many_words_or_classes_or_only_one():
    rows = "".join(f"{k},w{k},same,0.5\n" for k in range(60))
    table = read(("n,word,one,half\n" + rows).encode())
    for target, inputs, told in (("n", ["word"], "60 different words"), ("word", ["n"], "60 different classes"),
                                 ("one", ["n"], "one class"), ("half", ["n"], "the same number")):
        with pytest.raises(BadInput, match=told):
            problem(table, target, inputs)


def test_numpy_files_are_tables():
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal((40, 2)), np.repeat(["a", "b"], 20)
    table = read(npz(x=x, y=y, when=np.arange(40).astype("datetime64[D]")))
    assert [(one.name, one.kind) for one in table.columns] == [
        ("x 1", "number"), ("x 2", "number"), ("y", "word"), ("when", "date")]
    np.testing.assert_array_equal(table["x 2"].values, x[:, 1])
    np.testing.assert_array_equal(read(npy(np.asfortranarray(x)))["column 2"].values, x[:, 1])
    records = np.array([(1, 2.5), (3, 4.5)], dtype=[("n", "i4"), ("r", "f8")])
    assert read(npy(records)).names == ["n", "r"]
    assert read(npy(generator.standard_normal((30, 4, 4)))).names[15] == "column 16"


class Bomb:
    """Would run code when it is unpickled."""

    ran = False

    def __reduce__(self):
        return _explode, ()


def _explode():
    Bomb.ran = True


def test_nothing_in_a_file_is_run():
    objects = np.array([Bomb(), 1], dtype=object)
    for contents in (npy(objects, allow_pickle=True), npz(x=objects), pickle.dumps(Bomb())):
        assert "never read" in refused(contents)
    assert not Bomb.ran


def _header(text, numbers=b""):
    raw = text.encode()
    return b"\x93NUMPY\x01\x00" + len(raw).to_bytes(2, "little") + raw + numbers


def _archive(**members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in members.items():
            archive.writestr(name, contents)
    return file.getvalue()


@pytest.mark.parametrize("contents, told", [
    (b"", "empty"), (b"\n\n\n", "empty"), (b"a,b\n", "no line of values"),
    (b"a,b\n1,2\n1,2,3\n", "row 2 of this table has 3 cells, and its first line 2"),
    (b'a,b\n1,"2\n' + b"3,4\n" * 100, "quotation mark"),
    (b"a\n" + b"word\n" * 3 + b"x" * 10_000, "row 4, column “a” holds a text of 10,000 letters"),
    (b"a\n" + b"x" * 200_000, "quotation mark"),
    (b"a,b\n1,\x00\x00\x01", "no text"), (bytes(range(1, 32)) * 20, "no text"),
    (b"PAR1xxxx", "Parquet"), (b"\x1f\x8b\x08xxxx", "compressed"), (b"\x89PNG\r\n", "picture"),
    (",".join(f"c{k}" for k in range(MOST_COLUMNS + 1)).encode() + b"\n", "65 columns"),
    (b"a\n" + b"1\n" * (MOST_ROWS + 1), "at most 50,000"),
    (b"a,b\n" + b"1,2\n" * (3 * MOST_ROWS), "rows"),
    (_header("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,), }"), "says that it holds"),
    (_header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), "says that it holds"),
    (_header("{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }", b"12345678"), "says that it holds"),
    (_header("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"), "never read"),
    (_header("{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }", bytes(16)), "complex"),
    (_header("__import__('os').system('true')"), "damaged"), (_header("[" * 5000), "damaged"),
    (b"\x93NUMPY\x02\x00" + (2**31).to_bytes(4, "little") + b"{}", "header"),
    (b"\x93NUMPY", "damaged"), (npy(np.zeros((0, 3))), "no rows"), (npy(np.float64(1)), "single number"),
    (npy(np.zeros((5, 100))), "100 columns"), (npz(x=np.zeros(3), y=np.zeros(4)), "different numbers of rows"),
    (npz(x=np.zeros((3, 2)))[:-30], "damaged"), (b"PK\x03\x04" + b"x" * 100, "damaged"),
    (_archive(**{"x.npy": b"\x00" * (65 * 2**20)}), "once unpacked"),
    (_archive(**{"x.txt": b"1"}), "other things"), (_archive(**{"[Content_Types].xml": b"1"}), "office"),
    (_archive(**{f"x{k}.npy": npy(np.zeros(3)) for k in range(65)}), "65 arrays"),
    (tv.load_preset("mueller-brown").to_bytes(), "run file"),
])
def test_each_bad_file_has_its_sentence(contents, told):
    assert told in refused(contents)


def test_what_is_too_large_is_not_read():
    assert "at most 20 MB" in refused(b"1," * (MOST_BYTES // 2 + 1))


def test_names_lead_nowhere_and_say_nothing_to_a_browser_unseen(tmp_path):
    contents = _archive(**{"../../etc/passwd.npy": npy(np.zeros(3)), "..\\x.npy": npy(np.ones(3))})
    assert read(contents).names == ["passwd", "x"]
    names = read("\u202egnp.exe,a\u200b,a,,\x1b[31m,e\u0301\n1,2,3,4,5,6\n".encode()).names
    assert names == ["gnp.exe", "a", "a (2)", "column 4", "[31m", "é"]
    assert all(name.isprintable() for name in names)


def test_from_python(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [20.0, 30, None] * 10, "city": ["Bern", "Rome", "Oslo"] * 10,
                              "day": pandas.date_range("2024-01-01", periods=30), "ill": [True, False] * 15})
    with pytest.raises(BadInput, match="row 3, column “age”"):
        tv.table(frame, target="ill")
    data = tv.table(frame, target="ill", missing="leave out")
    assert data.task == "classification" and data.n_inputs == 5 and len(data.x) == 20
    path = tmp_path / "flowers.csv"
    path.write_text(FLOWERS)
    assert tv.table(path) == tv.table(str(path), "species", ["length", "width", "seen"])
    assert tv.table(np.random.default_rng(0).standard_normal((50, 3))).task == "regression"
    assert tv.table({"a": np.arange(20), "b": ["x", "y"] * 10}, "b").n_inputs == 1
    assert tv.Descent(dataset=tv.table(path)).dataset.kind == "own"
    for bad in (tmp_path / "none.csv", 5, np.zeros(3), {"a": [1, 2], "b": [1]}, {}):
        with pytest.raises(BadInput):
            tv.table(bad)


def test_a_large_table_is_read():
    """All of what is allowed; its cells are held a few columns at a time."""
    row = ",".join(["0.25000"] * MOST_COLUMNS)
    table = read((row + "\n").encode() * (MOST_BYTES // (len(row) + 1)))
    assert isinstance(table, Table) and table.rows > 30_000 and len(table.columns) == MOST_COLUMNS
