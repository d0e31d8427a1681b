"""Oracles: a Hamming code worked out by hand, a code of pyldpc's kind read back, and files broken in every way."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baselines.fec.alist import MAX_EDGES, MAX_LENGTH, AlistLDPC, parse, write
from baselines.fec.rules import Graph
from baselines.fec.wifi import WifiLDPC
from linksim.errors import LinksimError

HAMMING = """7 3
3 4
1 1 2 1 2 2 3
4 4 4
1 0 0
2 0 0
1 2 0
3 0 0
1 3 0
2 3 0
1 2 3
1 3 5 7
2 3 6 7
4 5 6 7
"""
CHECKS = np.array([[1, 0, 1, 0, 1, 0, 1], [0, 1, 1, 0, 0, 1, 1], [0, 0, 0, 1, 1, 1, 1]])


@pytest.fixture
def saved(tmp_path: Path):
    def save(text: str) -> str:
        path = tmp_path / "code.alist"
        path.write_text(text)
        return f"alist:{path}"

    return save


def dense(graph: Graph, n: int) -> np.ndarray:
    matrix = np.zeros((graph.rows.size - 1, n), int)
    for i in range(len(matrix)):
        matrix[i, graph.columns[graph.rows[i] : graph.rows[i + 1]]] = 1
    return matrix


def test_hamming_code(saved):
    np.testing.assert_array_equal(dense(*parse(HAMMING)), CHECKS)
    code = AlistLDPC.from_spec(saved(HAMMING))
    assert (code.n, code.k, code.coded_length(4), code.coded_length(1)) == (7, 4, 7, 4)
    messages = np.array(list(itertools.product((0, 1), repeat=4)), np.uint8)
    book = code.encode(messages.ravel(), np.full(16, 4)).reshape(16, 7)
    distances = (book[:, None] != book).sum(axis=2)
    assert distances[~np.eye(16, dtype=bool)].min() == 3
    for i in range(7):  # one error anywhere is corrected
        llr = (1 - 2.0 * book.astype(np.float32)) * 4
        llr[:, i] *= -0.5
        decoded, ok = code.decode(llr.ravel(), np.full(16, 4))
        assert ok.all()
        np.testing.assert_array_equal(decoded.reshape(16, 4), messages)


COMMENTED = """# the (7,4) Hamming code
7 3  % columns and rows

% largest weights
3 4
1 1 2 1 2 2 3 # of the columns
# 4 4 4 would be the rows
4 4 4
"""


def unpadded(text: str) -> str:
    return "\n".join(" ".join(w for w in line.split() if w != "0") for line in text.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        unpadded(HAMMING),
        COMMENTED + "".join(f"{line}\n# after\n" for line in HAMMING.splitlines()[4:]),
        unpadded(COMMENTED + "\n\n".join(HAMMING.splitlines()[4:])),
        HAMMING.replace("\n", "\r\n"),
        HAMMING.replace("\n", "\r"),
        HAMMING.replace(" ", "\t "),
        "\n  " + HAMMING + "\n \n# the end",
        HAMMING.replace("3 4\n", "9 9\n", 1),  # larger bounds than needed
        "# für Größe 7\n" + HAMMING,
    ],
    ids=["unpadded", "comments", "both", "windows", "mac", "tabs", "spaces", "bounds", "umlauts"],
)
def test_what_writers_do_with_lines(text):
    np.testing.assert_array_equal(dense(*parse(text)), CHECKS)


def test_a_file_with_a_byte_order_mark(tmp_path):
    (tmp_path / "a.alist").write_bytes(b"\xef\xbb\xbf" + HAMMING.encode())
    assert AlistLDPC.from_spec(f"alist:{tmp_path}/a.alist").k == 4


@pytest.mark.parametrize("padded", [True, False])
def test_irregular_with_rows_and_columns_of_no_ones(padded):
    chance = np.random.default_rng(3)
    matrix = (chance.random((12, 20)) < 0.2).astype(int)
    matrix[:, [0, 7, 19]] = 0
    matrix[[2, 11]] = 0
    rows, columns = np.nonzero(matrix)
    graph = Graph(np.searchsorted(rows, np.arange(13)).astype(np.uint32), columns.astype(np.uint32))
    text = write(graph, 20)
    if not padded:
        lines = text.splitlines(keepends=True)
        text = "".join(lines[:4]) + unpadded("".join(lines[4:]))
    np.testing.assert_array_equal(dense(*parse(text)), matrix)


def test_a_code_of_64800_bits(saved):
    """Of DVB-S2's size and kind: weights of 8 and 3, and parity on a staircase."""
    n, k = 64_800, 32_400
    chance = np.random.default_rng(0)
    column = np.repeat(np.arange(k), np.where(np.arange(k) < 12_960, 8, 3))
    places = np.unique(chance.integers(0, n - k, column.size) * n + column)
    stairs = np.arange(n - k)
    places = np.sort(np.concatenate([places, stairs * n + k + stairs, stairs[1:] * n + k + stairs[:-1]]))
    starts = np.searchsorted(places, np.arange(n - k + 1) * n)
    text = write(Graph(starts.astype(np.uint32), (places % n).astype(np.uint32)), n)
    code = AlistLDPC.from_spec(saved(text))
    assert (code.n, code.k) == (n, k)
    bits = chance.integers(0, 2, 2 * k, dtype=np.uint8)
    coded = code.encode(bits, np.full(2, k))
    sums = np.add.reduceat(coded.reshape(2, n)[:, code.graph.columns], starts[:-1], axis=1)
    assert not (sums % 2).any()
    decoded, ok = code.decode((1 - 2.0 * coded.astype(np.float32)) * 4, np.full(2, k))
    assert ok.all()
    np.testing.assert_array_equal(decoded, bits)


@pytest.mark.parametrize("spec", ["ldpc-648-5/6", "ldpc-1296-1/2"])
def test_round_trip_gives_the_same_code(spec, saved):
    original = WifiLDPC.from_spec(spec)
    again, n = parse(write(original.graph, original.n))
    assert n == original.n
    np.testing.assert_array_equal(again.rows, original.graph.rows)
    np.testing.assert_array_equal(again.columns, original.graph.columns)
    code = AlistLDPC.from_spec(saved(write(original.graph, original.n)))
    bits = np.random.default_rng(0).integers(0, 2, 5 * code.k, dtype=np.uint8)
    lengths = np.full(5, code.k)
    np.testing.assert_array_equal(code.encode(bits, lengths), original.encode(bits, lengths))


def test_redundant_rows_do_not_count(saved):
    graph, n = parse(HAMMING)
    twice = Graph(np.concatenate([graph.rows, graph.rows[1:] + graph.rows[-1]]), np.tile(graph.columns, 2))
    assert AlistLDPC.from_spec(saved(write(twice, n))).k == 4


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: "", "ends after line 0, before the columns and rows"),
        (lambda t: t.replace("7 3", "7", 1), "line 1: 1 numbers where 2 are expected"),
        (lambda t: t.replace("7 3", "7 3 4", 1), "line 1: 3 numbers where 2 are expected .* non-binary"),
        (lambda t: t.replace("7 3", "0 3", 1), "line 1: a matrix of 0 columns"),
        (lambda t: t.replace("7 3", "99999 3", 1), f"line 1: '99999' .* from 0 to {MAX_LENGTH}"),
        (lambda t: t.replace("7 3", "7 " + "9" * 6000, 1), "must be a whole number"),
        (lambda t: t.replace("7 3", "7 -3", 1), "line 1: '-3'"),
        (lambda t: t.replace("7 3", "7 3.0", 1), "line 1: '3.0'"),
        (lambda t: t.replace("7 3", "7 ³", 1), "whole number"),
        (lambda t: "# one\n\n" + t.replace("1 1 2 1 2 2 3", "1 1 2 1 2 2", 1), "line 5: 6 numbers where 7"),
        (lambda t: t.replace("1 1 2 1 2 2 3", "1 1 2 1 2 2 4", 1), "line 3: '4' among the column weights"),
        (lambda t: t.replace("1 1 2 1 2 2 3", "1 1 2 1 2 2 2", 1), "line 4: 11 ones by columns, 12 by rows"),
        (lambda t: t.replace("1 3 5 7", "1 3 5 8"), "line 12: '8' among the indices of row 1"),
        (lambda t: t.replace("1 3 5 7", "1 3 5 5"), "line 12: row 1 must list 4 different indices"),
        (lambda t: t.replace("1 3 5 7", "1 3 5 6"), "row 1 and column 6 is listed by only one"),
        (lambda t: t.replace("1 3 5 7", "1 3 0 7"), "row 1 must list 4 different indices"),
        (lambda t: t.replace("4 5 6 7\n", ""), "ends after line 13, before the indices of row 3"),
        (lambda t: t + "# more\n1 2\n", "line 16: nothing more is expected"),
        (lambda t: t[:20] + "\0\x80" + t[20:], "number"),
    ],
)
def test_broken_files_are_refused_in_one_line(change, says, saved):
    with pytest.raises(LinksimError, match=says) as error:
        AlistLDPC.from_spec(saved(change(HAMMING)))
    assert "\n" not in str(error.value)
    assert "code.alist" in str(error.value)
    assert len(str(error.value)) < 400


def test_other_things_than_files_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "missing", Path("/dev/zero"), "\0", "x" * 5000):
        with pytest.raises(LinksimError, match=r"alist file|no such file"):
            AlistLDPC.from_spec(f"alist:{path}")
    for spec in ("alist", "alist:", "alistx:y"):
        with pytest.raises(LinksimError, match="alist:PATH"):
            AlistLDPC.from_spec(spec)


def test_a_code_without_information_is_refused(saved):
    identity = Graph(np.arange(4, dtype=np.uint32), np.arange(3, dtype=np.uint32))
    with pytest.raises(LinksimError, match="carries no information"):
        AlistLDPC.from_spec(saved(write(identity, 3)))


def test_too_many_ones_are_refused_before_they_are_read():
    n = 16_384
    weight = MAX_EDGES // n + 1
    text = f"{n} {n}\n{weight} {weight}\n{f'{weight} ' * n}\n{f'{weight} ' * n}\n"
    with pytest.raises(LinksimError, match=f"at most {MAX_EDGES}"):
        parse(text)


small = st.integers(-2, 9).map(str) | st.sampled_from(["", "x", "1e3", "0x1", "٣", "1" * 30, "16385", "\n", "\0"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(small, max_size=9).map(" ".join), max_size=16).map("\n".join))
def test_no_text_does_worse_than_a_refusal(text):
    try:
        graph, n = parse(text)
    except LinksimError:
        return
    assert graph.columns.size == 0 or graph.columns.max() < n


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(HAMMING) - 1), st.characters(max_codepoint=127), st.booleans())
def test_one_changed_character_gives_a_valid_matrix_or_a_refusal(position, character, insert):
    text = HAMMING[:position] + character + HAMMING[position + (not insert) :]
    try:
        graph, n = parse(text)
    except LinksimError:
        return
    assert graph.rows[0] == 0
    assert graph.rows[-1] == graph.columns.size
    assert dense(graph, n).sum() == graph.columns.size
