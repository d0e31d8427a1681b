"""Decoders that hang, die, eat memory or break their contract: the caller gets one DecodeError and goes on."""

import importlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from baselines.source import guard
from baselines.source.base import DecodeError
from baselines.source.guard import decode_untrusted
from baselines.source.webp import WebP
from linksim.errors import ContractError

PICTURE = np.arange(48 * 40 * 3, dtype=np.uint8).reshape(40, 48, 3)
MISBEHAVING = """
import os, signal, time
import numpy as np
from baselines.source.webp import WebP

class Misbehaving(WebP):
    name = "misbehaving"

    def decode(self, data, shape=None):
        match data:
            case b"hang":
                time.sleep(60)
            case b"spin":
                sum(range(10**12))
            case b"crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case b"exit":
                os._exit(3)
            case b"eat":
                return np.zeros((1 << 18, 1 << 17, 3), np.uint8)
            case b"bug":
                raise KeyError("nonsense")
            case b"print":
                os.write(1, b"noise on standard output")
        return np.full((2, 3, 3), 7, np.uint8)
"""


@pytest.fixture
def misbehaving(tmp_path, monkeypatch):
    """A codec that does what the bytes say, in a module that a child started from now on can import."""
    (tmp_path / "misbehaving_codec.py").write_text(MISBEHAVING)
    monkeypatch.syspath_prepend(tmp_path)
    _end_child()
    yield importlib.import_module("misbehaving_codec").Misbehaving()
    _end_child()


def _end_child():
    if guard._child is not None and guard._child.usable():
        guard._child.close()


def test_a_good_file_is_decoded_as_ever():
    file = WebP().encode(PICTURE, 80)
    decoded = decode_untrusted(WebP(), file, (40, 48))
    np.testing.assert_array_equal(decoded, WebP().decode(file))
    assert decoded.flags.writeable


def test_a_refusal_comes_through():
    with pytest.raises(DecodeError, match="not a WEBP file"):
        decode_untrusted(WebP(), b"rubbish", (40, 48))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"hang", "misbehaving decoder stopped after 0.5 s"),
        (b"spin", "misbehaving decoder stopped after 0.5 s"),
        (b"crash", r"misbehaving decoder died \(SIGSEGV\)"),
        (b"exit", r"misbehaving decoder died \(exit code 3\)"),
        (b"eat", "Unable to allocate"),
    ],
)
def test_harm_is_one_decode_error_and_the_next_call_works(misbehaving, data, message):
    with pytest.raises(DecodeError, match=message):
        decode_untrusted(misbehaving, data, None, seconds=0.5)
    assert decode_untrusted(misbehaving, b"", None).shape == (2, 3, 3)


def test_a_bug_is_not_taken_for_damage(misbehaving):
    with pytest.raises(ContractError, match="source codec 'misbehaving': KeyError: 'nonsense'"):
        decode_untrusted(misbehaving, b"bug")


def test_what_a_library_prints_does_not_disturb(misbehaving):
    assert (decode_untrusted(misbehaving, b"print") == 7).all()


def test_threads_take_turns():
    file = WebP().encode(PICTURE, 80)
    with ThreadPoolExecutor(4) as pool:
        decoded = list(pool.map(lambda _: decode_untrusted(WebP(), file, (40, 48)), range(12)))
    assert all(np.array_equal(image, decoded[0]) for image in decoded)


def test_the_child_ends_with_its_parent():
    program = (
        "from baselines.source import guard; from baselines.source.webp import WebP; import numpy as np\n"
        "guard.decode_untrusted(WebP(), WebP().encode(np.zeros((8, 8, 3), np.uint8), 5))\n"
        "print(guard._child._process.pid)"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True)
    assert not run.stderr
    for _ in range(50):
        try:
            os.kill(int(run.stdout), 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("the child is still there")
