"""Oracle: pyldpc's own matrix."""

import sys

import numpy as np
import pytest

from baselines.fec.random_regular import SEED, RandomLDPC
from linksim.errors import LinksimError


def test_matrix_is_pyldpcs_and_codewords_satisfy_it():
    pyldpc = pytest.importorskip("pyldpc")
    code = RandomLDPC.from_spec("random-120-3-6")
    theirs = pyldpc.parity_check_matrix(120, 3, 6, seed=SEED)
    assert (theirs.sum(axis=0) == 3).all()
    assert (theirs.sum(axis=1) == 6).all()
    bits = np.random.default_rng(0).integers(0, 2, 10 * code.k, dtype=np.uint8)
    coded = code.encode(bits, np.full(10, code.k)).reshape(10, 120)
    order = np.concatenate([code.encoder.information, code.encoder.parity])
    codewords = np.empty_like(coded)
    codewords[:, order] = coded
    assert not (codewords.astype(int) @ theirs.T % 2).any()
    decoded, ok = code.decode((1 - 2.0 * coded.ravel()).astype(np.float32) * 3, np.full(10, code.k))
    assert ok.all()
    np.testing.assert_array_equal(decoded, bits)


def test_without_pyldpc_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyldpc", None)
    with pytest.raises(LinksimError, match=r"linksim-jscc\[pyldpc\]"):
        RandomLDPC.from_spec("random-120-3-6")


@pytest.mark.parametrize(
    "spec",
    [
        "random-120",
        "random-120-3-7",
        "random-120-1-6",
        "random-120-6-6",
        "random-9999996-3-6",
        "random-a-b-c",
        "randomly",
    ],
)
def test_bad_specs(spec):
    with pytest.raises(LinksimError, match=r"random-N-DV-DC|needs 2 <= DV"):
        RandomLDPC.from_spec(spec)
