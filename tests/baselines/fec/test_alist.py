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


def test_the_zeros_that_fill_up_lines_may_be_missing():
    short = "\n".join(" ".join(w for w in line.split() if w != "0") for line in HAMMING.splitlines())
    np.testing.assert_array_equal(dense(*parse(short)), CHECKS)


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
        (lambda t: "", "ends after 0 lines"),
        (lambda t: t.replace("7 3", "7", 1), "1 numbers where 2 are expected"),
        (lambda t: t.replace("7 3", "0 3", 1), "0 columns"),
        (lambda t: t.replace("7 3", "99999 3", 1), f"from 0 to {MAX_LENGTH}"),
        (lambda t: t.replace("7 3", "7 " + "9" * 6000, 1), "must be a whole number"),
        (lambda t: t.replace("7 3", "7 -3", 1), "'-3'"),
        (lambda t: t.replace("7 3", "7 ³", 1), "whole number"),
        (lambda t: t.replace("1 1 2 1 2 2 3", "1 1 2 1 2 2", 1), "6 numbers where 7"),
        (lambda t: t.replace("1 1 2 1 2 2 3", "1 1 2 1 2 2 4", 1), "column weight '4'"),
        (lambda t: t.replace("1 1 2 1 2 2 3", "1 1 2 1 2 2 2", 1), "11 ones by columns, 12 by rows"),
        (lambda t: t.replace("1 3 5 7", "1 3 5 8"), "index '8'"),
        (lambda t: t.replace("1 3 5 7", "1 3 5 5"), "4 different indices"),
        (lambda t: t.replace("1 3 5 7", "1 3 5 6"), "different matrices"),
        (lambda t: t.replace("1 3 5 7", "1 3 0 7"), "4 different indices"),
        (lambda t: t.replace("4 5 6 7\n", ""), "ends after 13 lines"),
        (lambda t: t + "1 2\n", "15 lines where 14"),
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
    n = MAX_LENGTH
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
