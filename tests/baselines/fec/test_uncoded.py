import numpy as np
import pytest

from baselines.fec.uncoded import Uncoded
from linksim.errors import LinksimError


def test_bits_go_through_and_come_back_by_sign():
    code = Uncoded.from_spec("uncoded")
    bits = np.array([0, 1, 1, 0, 1], np.uint8)
    lengths = np.array([2, 3])
    coded = code.encode(bits, lengths)
    np.testing.assert_array_equal(coded, bits)
    decoded, ok = code.decode(np.array([0.1, -3, -0.5, 9, 2], np.float32), lengths)
    np.testing.assert_array_equal(decoded, [0, 1, 1, 0, 0])
    np.testing.assert_array_equal(ok, [True, True])
    assert code.coded_length(7) == 7


def test_takes_no_parts():
    with pytest.raises(LinksimError, match="uncoded-1/2"):
        Uncoded.from_spec("uncoded-1/2")
