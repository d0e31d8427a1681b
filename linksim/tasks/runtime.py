"""Frozen torch networks in ONNX Runtime, which predicts in half of torch's time on a processor.

    nn.Module ─► torch.fx: its operations in order ─► ONNX graph, in memory ─► InferenceSession

The graph is made from the module when the first image is predicted, in a twentieth of a second, so there is no file
that workers share or that could be out of date. Operators are those of ONNX opset 17, and the numbers of fields those
of ``onnx.proto`` (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) in protobuf's wire format.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from linksim.errors import LinksimError
from linksim.tasks.layers import SameConv, double

OPSET, IR_VERSION = 17, 8
_FLOAT, _EXTERNAL = 1, 1  # TensorProto.DataType, TensorProto.DataLocation

Node = tuple[str, Sequence[Any], dict[str, Any]]
"""Operator, inputs (nodes, tensors, constants, or None where one is left out), attributes."""
Weights = dict[str, npt.NDArray[np.float32]]


class Compiled:
    """A network in ONNX Runtime, on one thread and for inputs of one shape; the first call compiles it.

    So its result depends on the input alone, not on a batch or on the number of threads. Copies and pickles take the
    module along and compile it anew.

    Args:
        module: Frozen, on the processor, of one float32 tensor.
        shape: The shape of that tensor, such as (1, 3, 224, 224).
    """

    def __init__(self, module: nn.Module, shape: Sequence[int]) -> None:
        self.module, self.shape = module, tuple(shape)
        self._session: Any = None
        self._weights: Weights = {}

    def __call__(self, x: Tensor) -> list[Tensor]:
        """The network's outputs for a float32 input of this shape."""
        if self._session is None:
            model, self._weights = graph(self.module, self.shape)
            self._session = session(model, self._weights)
        return [torch.from_numpy(y) for y in self._session.run(None, {"x": x.contiguous().numpy()})]

    def __reduce__(self) -> tuple[Any, ...]:
        return Compiled, (self.module, self.shape)


def session(model: bytes | str, weights: Weights | None = None, threads: int = 1) -> Any:
    """An ``onnxruntime.InferenceSession`` on the processor.

    Args:
        model: A model's bytes, or its path.
        weights: Values of the initializers that the model declares as external; keep them as long as the session.
        threads: How many work on one operator.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.enable_mem_pattern = False  # a fifth of a detector's memory, and no time
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if weights:
        values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]
        options.add_external_initializers(list(weights), values)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def graph(module: nn.Module, shape: Sequence[int]) -> tuple[bytes, Weights]:
    """A frozen module as an ONNX model.

    Args:
        module: Made of what ``MODULES``, ``FUNCTIONS`` and ``METHODS`` list.
        shape: The shape of its input, which the model calls ``x``.

    Returns:
        The model (a ``ModelProto``) without its weights, and these by name, which share the module's memory.

    Raises:
        LinksimError: The module has an operation that is not listed.
    """
    names: dict[Any, str] = {}
    fields: list[tuple[int, Any]] = [(2, "linksim")]
    weights: Weights = {}
    for step in _Tracer(autowrap_functions=(double,)).trace(module).nodes:
        if step.op == "placeholder":
            names[step] = "x"
            fields.append((11, _value("x", shape)))
        elif step.op == "output":
            outputs = step.args[0] if isinstance(step.args[0], tuple) else step.args
            fields += [(12, _value(names[output])) for output in outputs]
        else:
            kind, inputs, attributes = _node(module, step)
            names[step] = step.name
            given = []
            for i, x in enumerate(inputs):
                name = f"{step.name}.{i}"
                if isinstance(x, Tensor):
                    weights[name] = np.ascontiguousarray(x.detach().numpy())
                    fields.append((5, _external(name, x.shape)))
                elif isinstance(x, np.ndarray):
                    fields.append((5, _constant(name, x)))
                given.append("" if x is None else names[x] if isinstance(x, fx.Node) else name)
            parts = [_attribute(*item) for item in attributes.items()]
            node = _message(*((1, name) for name in given), (2, step.name), (4, kind), *((5, part) for part in parts))
            fields.append((1, node))
    return _message((1, IR_VERSION), (8, _message((2, OPSET))), (7, _message(*fields))), weights


class _Tracer(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in MODULES or super().is_leaf_module(m, module_qualified_name)


def _node(module: nn.Module, step: fx.Node) -> Node:
    if step.op == "call_module":
        part = module.get_submodule(str(step.target))
        found, arguments = MODULES.get(type(part)), [*step.args, part]
    else:
        found, arguments = (FUNCTIONS if step.op == "call_function" else METHODS).get(step.target), [*step.args]
    if found is None:
        raise LinksimError(f"ONNX graph of {type(module).__name__}: no operator is known for {step.format_node()}")
    return found(*arguments, **step.kwargs)


def _conv(x: Any, conv: SameConv) -> Node:
    left, right, top, bottom = conv.pads
    attributes = {"strides": conv.stride, "pads": (top, left, bottom, right), "group": conv.groups}
    return "Conv", (x, conv.weight, conv.bias), attributes


def _clip(x: Any, **_: Any) -> Node:
    return "Clip", (x, np.array(0, np.float32), np.array(6, np.float32)), {}


def _mean(x: Any, axes: Sequence[int], keepdim: bool = False) -> Node:
    return "ReduceMean", (x,), {"axes": axes, "keepdims": int(keepdim)}


def _double(x: Any) -> Node:
    """``layers.double``: asymmetric coordinates are those of TensorFlow 1, output pixel i at i/2 of the input."""
    scales = np.array([1, 1, 2, 2], np.float32)
    return "Resize", (x, None, scales), {"mode": "linear", "coordinate_transformation_mode": "asymmetric"}


def _of_one(kind: str, **attributes: Any) -> Callable[..., Node]:
    return lambda x, *_, **__: (kind, (x,), attributes)


def _of_two(kind: str) -> Callable[..., Node]:
    return lambda *xs: (kind, [x if isinstance(x, fx.Node) else np.array(x, np.float32) for x in xs], {})


# Each makes an ONNX node of the arguments of a call; of a module's call, of its input and the module.
MODULES: dict[type[nn.Module], Callable[..., Node]] = {
    SameConv: _conv,
    nn.AdaptiveAvgPool2d: _of_one("GlobalAveragePool"),
    nn.Hardsigmoid: _of_one("HardSigmoid", alpha=1 / 6, beta=0.5),
    nn.Hardswish: _of_one("HardSwish"),
    nn.Identity: _of_one("Identity"),
    nn.Linear: lambda x, linear: ("Gemm", (x, linear.weight, linear.bias), {"transB": 1}),
    nn.ReLU: _of_one("Relu"),
    nn.ReLU6: lambda x, _: _clip(x),
    nn.Sigmoid: _of_one("Sigmoid"),
}
FUNCTIONS: dict[Any, Callable[..., Node]] = {
    F.relu: _of_one("Relu"),
    F.relu6: _clip,
    double: _double,
    operator.add: _of_two("Add"),
    operator.mul: _of_two("Mul"),
    torch.cat: lambda parts, axis: ("Concat", parts, {"axis": axis}),
}
METHODS: dict[Any, Callable[..., Node]] = {
    "flatten": lambda x, axis: ("Flatten", (x,), {"axis": axis}),
    "mean": _mean,
}


def _message(*fields: tuple[int, int | float | str | bytes]) -> bytes:
    """A protobuf message of (field number, value): an integer, a float, text, or bytes, such as another message."""
    parts = []
    for number, value in fields:
        if isinstance(value, int):
            parts += [_varint(number << 3), _varint(value)]
        elif isinstance(value, float):
            parts += [_varint(number << 3 | 5), np.float32(value).tobytes()]
        else:
            content = value.encode() if isinstance(value, str) else value
            parts += [_varint(number << 3 | 2), _varint(len(content)), content]
    return b"".join(parts)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the top bit says that more follow.

    >>> _varint(300).hex()
    'ac02'
    """
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _value(name: str, shape: Sequence[int] | None = None) -> bytes:
    """ValueInfoProto of a float32 tensor; outputs need no shape."""
    sizes = [] if shape is None else [(2, _message(*((1, _message((1, size))) for size in shape)))]
    return _message((1, name), (2, _message((1, _message((1, _FLOAT), *sizes)))))


def _external(name: str, shape: Sequence[int]) -> bytes:
    """TensorProto whose values are given to the session."""
    place = _message((1, "location"), (2, "memory"))
    return _message(*((1, size) for size in shape), (2, _FLOAT), (8, name), (13, place), (14, _EXTERNAL))


def _constant(name: str, array: npt.NDArray[np.float32]) -> bytes:
    """TensorProto with its values."""
    return _message(*((1, size) for size in array.shape), (2, _FLOAT), (8, name), (9, array.astype("<f4").tobytes()))


def _attribute(name: str, value: float | str | Sequence[int]) -> bytes:
    """AttributeProto, whose last field is its type: FLOAT, INT, STRING or INTS."""
    if isinstance(value, float):
        return _message((1, name), (2, value), (20, 1))
    if isinstance(value, int):
        return _message((1, name), (3, value), (20, 2))
    if isinstance(value, str):
        return _message((1, name), (4, value), (20, 3))
    return _message((1, name), *((8, item) for item in value), (20, 7))
