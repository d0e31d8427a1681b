"""The contracts of links, channels, tasks and data sets, checked at every call.

Violations raise ContractError naming the component; none of its values enters a result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from linksim.channels.base import Channel
from linksim.data.base import Dataset, Sample
from linksim.data.checking import complaint
from linksim.engine.deadline import Overdue
from linksim.errors import ContractError, LinksimError, one_line
from linksim.link import Image, Reception, Transmission
from linksim.tasks.base import Task

POWER_TOLERANCE = 0.01


@contextmanager
def errors_from(what: str) -> Iterator[None]:
    """Turn exceptions of a user's code into ContractErrors that name it; LinksimErrors pass unchanged.

    Args:
        what: The component and the call, such as "link 'mine': send"; it begins the message.

    Raises:
        ContractError: The block raised an exception, left the interpreter, or took too long.
    """
    try:
        yield
    except LinksimError:
        raise
    except Overdue as error:
        raise ContractError(f"{what} {error}") from None
    except (Exception, SystemExit) as error:
        raise ContractError(f"{what} failed with {type(error).__name__}: {_reason(error)}") from error


def check_sample(data: Dataset, index: int) -> Sample:
    """Read image number ``index`` of a data set.

    Returns:
        The sample: an image that can be sent and scored, with a valid key, label and sources.

    Raises:
        ContractError: The data set raised an exception, or the sample is not valid.
    """
    with errors_from(f"data set {data.name!r}: reading image {index}"):
        sample = data[index]
        wrong = complaint(sample, len(data.classes))
    if wrong:
        named = isinstance(sample, Sample) and isinstance(sample.key, str)
        raise ContractError(f"data set {data.name!r}: image {repr(sample.key) if named else index} {wrong}")
    return sample


def check_transmission(name: str, sent: Any, images: Sequence[Image]) -> Transmission:
    """Check what a link's ``send`` returned.

    Args:
        name: The link's name.
        sent: What ``send`` returned.
        images: The images it was to send.

    Returns:
        ``sent`` itself.

    Raises:
        ContractError: Offsets, shapes, dtypes or powers violate the contract of ``Transmission``.
    """
    if not isinstance(sent, Transmission):
        raise ContractError(f"link {name!r}: send must return a Transmission, not {type(sent).__name__}")
    with errors_from(f"link {name!r}: reading what send returned"):
        n, symbols, offsets = len(images), np.asarray(sent.symbols), np.asarray(sent.offsets)
        bits = np.asarray(sent.payload_bits)
        side_info = np.zeros(n, int) if sent.side_info_bits is None else np.asarray(sent.side_info_bits)
    if symbols.ndim != 1 or symbols.dtype != np.complex64:
        raise ContractError(f"link {name!r}: symbols must be (S,) complex64, not {symbols.shape} {symbols.dtype}")
    if offsets.shape != (n + 1,) or not np.issubdtype(offsets.dtype, np.integer):
        raise ContractError(f"link {name!r}: offsets must be ({n + 1},) integers, not {offsets.shape} {offsets.dtype}")
    if offsets[0] != 0 or offsets[-1] != len(symbols) or (np.diff(offsets) < 0).any():
        raise ContractError(f"link {name!r}: offsets must rise from 0 to {len(symbols)}, not {offsets.tolist()[:9]}")
    _check_bits(name, "payload_bits", bits, n)
    _check_bits(name, "side_info_bits", side_info, n)
    if not np.isfinite(symbols).all():
        raise ContractError(f"link {name!r}: its symbols hold NaN or infinity")
    _check_power(name, symbols, offsets)
    return sent


def _check_bits(name: str, what: str, bits: npt.NDArray[Any], count: int) -> None:
    if bits.shape != (count,) or not np.issubdtype(bits.dtype, np.integer) or (bits < 0).any():
        shown = bits.tolist()[:9] if bits.ndim == 1 else f"{bits.shape} {bits.dtype}"
        raise ContractError(f"link {name!r}: {what} must be {count} whole numbers of at least 0, not {shown}")


def _check_power(name: str, symbols: npt.NDArray[np.complex64], offsets: npt.NDArray[np.int64]) -> None:
    """The mean power of each image must be 1, within 1 % plus the spread of random QAM symbols.

    |x|² of any square QAM has a standard deviation below 0.65, so the mean of S
    symbols has one below 0.65/√S. Five of these are allowed for each image, and for all images together.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.abs(symbols.astype(np.complex128)) ** 2)])
    spans = [(int(a), int(b), f"image {i}") for i, (a, b) in enumerate(pairwise(offsets))]
    for start, stop, what in [*spans, (0, len(symbols), "all images")]:
        count = stop - start
        if count == 0:
            continue
        power = (energy[stop] - energy[start]) / count
        allowed = POWER_TOLERANCE + 5 * 0.65 / np.sqrt(count)
        if abs(power - 1) > allowed:
            raise ContractError(
                f"link {name!r}: average power of {what} is {power:.4g} over {count} symbols; "
                f"it must be 1 ± {allowed:.2g}"
            )


def check_received(
    name: str, got: Any, symbols: npt.NDArray[np.complex64]
) -> tuple[npt.NDArray[np.complex64], npt.NDArray[np.float32]]:
    """Check what a channel's ``transmit`` returned.

    Args:
        name: The channel's name.
        got: What ``transmit`` returned.
        symbols: (S,) complex64, the symbols sent.

    Returns:
        (S,) complex64 received symbols, all finite, and (S,) float32 noise variances, all positive.

    Raises:
        ContractError: It is anything else.
    """
    if not isinstance(got, tuple) or len(got) != 2:
        raise ContractError(f"channel {name!r}: transmit must return symbols and noise variances, not {got!r:.60}")
    for array, what, dtype in zip(got, ("symbols", "noise variances"), (np.complex64, np.float32), strict=True):
        if not isinstance(array, np.ndarray):
            raise ContractError(f"channel {name!r}: {what} must be an array, not {type(array).__name__}")
        if array.shape != symbols.shape or array.dtype != dtype:
            wanted = f"{symbols.shape} {np.dtype(dtype)}"
            raise ContractError(f"channel {name!r}: {what} must be {wanted}, not {array.shape} {array.dtype}")
        if not np.isfinite(array).all():
            raise ContractError(f"channel {name!r}: its {what} hold NaN or infinity")
    received, noise_var = got
    if not (noise_var > 0).all():
        raise ContractError(f"channel {name!r}: noise variances must be above 0, not {noise_var.min()}")
    return received, noise_var


def check_uses(channel: Channel, symbols: int) -> int:
    """Channel uses of so many symbols, as the channel counts them."""
    name = channel.name or type(channel).__name__
    with errors_from(f"channel {name!r}: uses"):
        uses = channel.uses(symbols)
    if not isinstance(uses, int | np.integer) or uses < symbols:
        raise ContractError(
            f"channel {name!r}: uses({symbols}) must be a whole number of at least that, not {uses!r:.60}"
        )
    return int(uses)


def check_reception(name: str, got: Any, images: Sequence[Image], sent: Transmission) -> Reception:
    """Check what a link's ``receive`` returned.

    Args:
        name: The link's name.
        got: What ``receive`` returned.
        images: The images that were sent.
        sent: Their transmission.

    Returns:
        ``got`` itself.

    Raises:
        ContractError: It does not have one uint8 image of the right shape and one flag for each image sent, or its
            bits do not match the bits sent.
    """
    if not isinstance(got, Reception):
        raise ContractError(f"link {name!r}: receive must return a Reception, not {type(got).__name__}")
    with errors_from(f"link {name!r}: reading what receive returned"):
        ok, _ = np.asarray(got.ok), len(got.images)
    if len(got.images) != len(images) or ok.shape != (len(images),) or ok.dtype != np.bool_:
        raise ContractError(
            f"link {name!r}: receive must return {len(images)} images and as many booleans, "
            f"not {len(got.images)} and {ok.shape} {ok.dtype}"
        )
    for i, (image, original) in enumerate(zip(got.images, images, strict=True)):
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.shape != original.shape:
            shape = f"{image.shape} {image.dtype}" if isinstance(image, np.ndarray) else type(image).__name__
            raise ContractError(f"link {name!r}: received image {i} must be {original.shape} uint8, not {shape}")
    if got.bits is not None and (sent.blocks is None or got.bits.shape != sent.blocks.bits.shape):
        raise ContractError(f"link {name!r}: decoded bits must have the shape of the bits sent")
    return got


class CheckedTask(Task):
    """A task whose exceptions and predictions are checked at each call.

    Args:
        task: The task itself.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.name, self.kind, self.classes = task.name, task.kind, task.classes

    def predict(self, images: Sequence[Image]) -> list[Any]:
        """The task's predictions on (H, W, 3) uint8 images.

        Raises:
            ContractError: The task raised an exception, or gave anything but one valid prediction per image.
        """
        with errors_from(f"task {self.name!r}: predict"):
            predictions = list(self.task.predict([image.copy() for image in images]))  # theirs to write into
        if len(predictions) != len(images):
            raise ContractError(
                f"task {self.name!r}: must predict {len(images)} images, but gave {len(predictions)} predictions"
            )
        for prediction in predictions:
            if not self._is_valid(prediction):
                below = f" below {len(self.classes)}" if self.classes else ""
                wanted = f"a class index{below}"
                if self.kind == "detection":
                    wanted = f"a finite (n, 6) array of detections, its last column {wanted}"
                raise ContractError(f"task {self.name!r}: a prediction must be {wanted}, not {prediction!r:.60}")
        return predictions

    def _is_valid(self, prediction: Any) -> bool:
        if self.kind == "classification":
            integer = np.ndim(prediction) == 0 and np.issubdtype(np.asarray(prediction).dtype, np.integer)
            return bool(integer and 0 <= prediction < (len(self.classes) or prediction + 1))
        shaped = isinstance(prediction, np.ndarray) and prediction.ndim == 2 and prediction.shape[1] == 6
        if not shaped or not np.isfinite(prediction).all():
            return False
        labels = prediction[:, 5]
        return bool((labels >= 0).all() and (not self.classes or (labels < len(self.classes)).all()))

    def identity(self) -> dict[str, Any]:
        """The identity of the task itself."""
        return self.task.identity()


def _reason(error: BaseException) -> str:
    """An exception's message on one line; only the last line of TorchScript's, which quote the network's code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    quotes_code = "TorchScript interpreter" in "".join(lines[:1])
    return one_line(lines[-1].removeprefix(f"{type(error).__name__}: ") if quotes_code else error)
