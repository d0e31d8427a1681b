"""Decoding of bytes that may be damaged, where it can be stopped.

Image decoders are large C programs; damage that passes the channel code is just what makes them hang or crash. They
then take a child process with them, not the run. The child starts once, serves many calls and ends with its parent.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from typing import IO

import cloudpickle
import numpy as np

from baselines.source.base import DecodeError, SourceCodec
from linksim.errors import ContractError
from linksim.link import Image

MEMORY = 4 << 30
"""Address space of the child in bytes."""

_REQUEST = struct.Struct(">Id")  # length of the pickled call, seconds
_REPLY = struct.Struct(">BII")  # an image's height and width, or a message's length and 0
_IMAGE, _REFUSAL, _BUG = range(3)
_lock = threading.Lock()
_child: _Child | None = None


def decode_untrusted(
    codec: SourceCodec, data: bytes, shape: tuple[int, int] | None = None, seconds: float = 10.0
) -> Image:
    """``codec.decode(data, shape)`` in a child process; DecodeError too if it takes over ``seconds`` or dies.

    ContractError if the codec raises what it must not.
    """
    global _child
    with _lock:
        if _child is None or not _child.usable():
            _child = _Child()
        return _child.decode(codec, data, shape, seconds)


class _Child:
    """A process that runs ``serve``, owned by the process that made it."""

    def __init__(self) -> None:
        self._owner = os.getpid()
        start = f"import sys; sys.path[:] = {sys.path!r}; from baselines.source.guard import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", start], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        atexit.register(self.close)

    def usable(self) -> bool:
        """False in a process forked from the owner, and once the child has ended."""
        return self._owner == os.getpid() and self._process.returncode is None

    def close(self) -> None:
        """End the child, if it is ours."""
        if self._owner == os.getpid():
            self._process.kill()
            self._process.communicate()
            atexit.unregister(self.close)

    def decode(self, codec: SourceCodec, data: bytes, shape: tuple[int, int] | None, seconds: float) -> Image:
        call = cloudpickle.dumps((codec, bytes(data), shape))  # a codec of a script or notebook too
        try:
            _write(self._process.stdin, _REQUEST.pack(len(call), seconds) + call)
            kind, first, second = _REPLY.unpack(_read(self._process.stdout, _REPLY.size))
            content = _read(self._process.stdout, first * second * 3 if kind == _IMAGE else first)
        except (OSError, EOFError):
            self.close()
            raise DecodeError(self._obituary(codec, seconds)) from None
        except BaseException:  # interrupted: a reply that comes late must not pass for the next one
            self.close()
            raise
        if kind == _REFUSAL:
            raise DecodeError(content.decode(errors="replace"))
        if kind == _BUG:
            raise ContractError(f"source codec {codec.name!r}: {content.decode(errors='replace')}")
        return np.frombuffer(bytearray(content), np.uint8).reshape(first, second, 3)

    def _obituary(self, codec: SourceCodec, seconds: float) -> str:
        code = self._process.returncode
        if code == -signal.SIGALRM:
            return f"{codec.name} decoder stopped after {seconds:g} s"
        return f"{codec.name} decoder died ({signal.Signals(-code).name if code < 0 else f'exit code {code}'})"


def serve() -> None:
    """Answer calls from standard input until it ends. The alarm's default action ends the process, wherever it is."""
    with contextlib.suppress(OSError, ValueError, ImportError):  # Windows has no limits
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints stays out of the replies
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while head := sys.stdin.buffer.read(_REQUEST.size):
        length, seconds = _REQUEST.unpack(head)
        reply = _answer(sys.stdin.buffer.read(length), seconds)
        _write(replies, reply)


def _answer(call: bytes, seconds: float) -> bytes:
    """The reply to one pickled call."""
    try:
        codec, data, shape = pickle.loads(call)
        signal.setitimer(signal.ITIMER_REAL, seconds)
        image = codec.decode(data, shape)
        return _REPLY.pack(_IMAGE, *image.shape[:2]) + np.ascontiguousarray(image).tobytes()
    except (DecodeError, MemoryError) as error:
        kind, message = _REFUSAL, str(error).encode()
    except Exception as error:  # must not pass for a damaged file
        kind, message = _BUG, f"{type(error).__name__}: {error}".encode()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return _REPLY.pack(kind, len(message), 0) + message


def _write(pipe: IO[bytes] | None, data: bytes) -> None:
    assert pipe is not None
    pipe.write(data)
    pipe.flush()


def _read(pipe: IO[bytes] | None, size: int) -> bytes:
    assert pipe is not None
    data = pipe.read(size)
    if len(data) < size:
        raise EOFError
    return data
