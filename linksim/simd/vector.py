"""Vectors of 32 or 64 bytes as a numba type: lanes of int8 or uint8, or a quarter as many of float32 or int32.

numba's loops over the frames of a batch do not become vector instructions; LLVM's vector types do, on any processor.
Inside a jitted function ``load`` and ``store`` move a vector from and to an array, ``fill`` repeats a scalar, and
``+ - * / ^ |``, ``<``, ``==`` and the functions below work lane by lane. 8-bit ``+`` and ``-`` saturate; ``^`` and
``|`` work on bit patterns, also of floats; a comparison makes a mask for ``select``. Arrays are taken as flat memory
and nothing is bounds-checked.

An array's type chooses the width, so that one function serves both: a vector of an array of one dimension has 32 bytes,
that of two dimensions 64 (see ``widened``). Which is faster depends on the processor; the values are the same.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy.typing as npt
from llvmlite import binding, ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

WIDTH = 32
"""Bytes in a vector of an array of one dimension."""
HAS_WIDE = bool(binding.get_host_cpu_features().get("avx512bw", False))
"""Whether the processor works on 64 bytes at a time."""

_ELEMENTS = {
    types.boolean: ir.IntType(1),
    types.int8: ir.IntType(8),
    types.uint8: ir.IntType(8),
    types.int32: ir.IntType(32),
    types.float32: ir.FloatType(),
}


class Vector(types.Type):
    """numba's type of a vector of ``lanes`` elements of the scalar type ``dtype``; a mask has dtype boolean."""

    def __init__(self, dtype, lanes):
        self.dtype, self.lanes = dtype, lanes
        self.llvm = ir.VectorType(_ELEMENTS[dtype], lanes)
        self.pattern = ir.VectorType(ir.IntType(getattr(dtype, "bitwidth", 1)), lanes)
        super().__init__(f"vector({dtype} x {lanes})")

    @classmethod
    def of(cls, like) -> Vector:
        """The type of an array's vectors; that of a vector itself."""
        return like if isinstance(like, Vector) else cls(like.dtype, 8 * WIDTH * like.ndim // like.dtype.bitwidth)

    @property
    def real(self):
        return self.dtype == types.float32


def widened(array: npt.NDArray[Any], wide: bool) -> npt.NDArray[Any]:
    """A flat array as one whose vectors have 64 bytes if ``wide``."""
    return array[None] if wide else array


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager, vector):
        super().__init__(manager, vector, vector.llvm)


def _intrinsic(define: Any) -> Any:
    """numba's ``intrinsic``, for a type checker that does not know that it drops the first argument."""
    return intrinsic(define)


def _repeat(builder, scalar, vector: ir.VectorType):
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(single, undefined, ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None))


def _shuffle(builder, a, b, pattern: list[int]):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(pattern)), pattern))


def _llvm(builder, name: str, *arguments):
    """Call of the LLVM intrinsic ``name`` whose result has its first argument's type."""
    vector = arguments[0].type
    element = "f32" if isinstance(vector.element, ir.FloatType) else f"i{vector.element.width}"
    function_type = ir.FunctionType(vector, [a.type for a in arguments])
    function = cgutils.get_or_insert_function(builder.module, function_type, f"llvm.{name}.v{vector.count}{element}")
    return builder.call(function, arguments)


def _address(context, builder, sig, args, vector):
    data = context.make_array(sig.args[0])(context, builder, args[0]).data
    index = context.cast(builder, args[1], sig.args[1], types.intp)
    return builder.bitcast(builder.gep(data, [index]), vector.llvm.as_pointer())


@_intrinsic
def lanes_of(typing, array):
    """How many of an array's elements make a vector, a constant to the compiler."""
    return types.intp(array), lambda context, builder, sig, args: context.get_constant(
        types.intp, Vector.of(array).lanes
    )


@_intrinsic
def load(typing, array, index):
    """The vector that begins at flat element ``index`` of a C-contiguous array."""
    vector = Vector.of(array)

    def generate(context, builder, sig, args):
        return builder.load(_address(context, builder, sig, args, vector), align=1)

    return vector(array, index), generate


@_intrinsic
def store(typing, array, index, value):
    """Write ``value`` from flat element ``index`` of a C-contiguous array on."""

    def generate(context, builder, sig, args):
        builder.store(args[2], _address(context, builder, sig, args, value), align=1)
        return context.get_dummy_value()

    return types.void(array, index, value), generate


@_intrinsic
def fill(typing, like, scalar):
    """A vector with ``scalar`` in every lane, of the type of ``like``, a vector or an array."""
    vector = Vector.of(like)

    def generate(context, builder, sig, args):
        return _repeat(builder, context.cast(builder, args[1], sig.args[1], vector.dtype), vector.llvm)

    return vector(like, scalar), generate


def _operator(function, generate: Callable[[Any, Vector, Any, Any], Any], mask: bool = False):
    """Teach numba ``function`` of two vectors of one type: ``generate(builder, type, a, b)`` emits the code."""

    @infer_global(function)
    class _Typing(AbstractTemplate):
        def generic(self, args, kws):
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(Vector(types.boolean, args[0].lanes) if mask else args[0], *args)
            return None

    @lower_builtin(function, Vector, Vector)
    def _lower(context, builder, sig, args):
        return generate(builder, sig.args[0], *args)


def _arithmetic(name: str) -> Callable[[Any, Vector, Any, Any], Any]:
    def generate(builder, vector, a, b):
        if vector.real:
            return getattr(builder, "f" + name)(a, b)
        if vector.dtype == types.int32:
            return getattr(builder, name)(a, b)
        return _llvm(builder, ("u" if vector.dtype == types.uint8 else "s") + name + ".sat", a, b)

    return generate


def _bitwise(name: str) -> Callable[[Any, Vector, Any, Any], Any]:
    def generate(builder, vector, a, b):
        patterns = [builder.bitcast(value, vector.pattern) for value in (a, b)]
        return builder.bitcast(getattr(builder, name)(*patterns), vector.llvm)

    return generate


def _compare(symbol: str) -> Callable[[Any, Vector, Any, Any], Any]:
    def generate(builder, vector, a, b):
        if vector.real:
            return builder.fcmp_ordered(symbol, a, b)
        if vector.dtype == types.uint8:
            return builder.icmp_unsigned(symbol, a, b)
        return builder.icmp_signed(symbol, a, b)

    return generate


_operator(operator.add, _arithmetic("add"))
_operator(operator.sub, _arithmetic("sub"))
_operator(operator.mul, lambda builder, vector, a, b: builder.fmul(a, b))
_operator(operator.truediv, lambda builder, vector, a, b: builder.fdiv(a, b))
_operator(operator.xor, _bitwise("xor"))
_operator(operator.or_, _bitwise("or_"))
_operator(operator.lt, _compare("<"), mask=True)
_operator(operator.eq, _compare("=="), mask=True)


@_intrinsic
def minimum(typing, a, b):
    """The smaller of each pair of lanes."""

    def generate(context, builder, sig, args):
        return builder.select(_compare("<")(builder, a, *args), *args)

    return a(a, a), generate


@_intrinsic
def maximum(typing, a, b):
    """The larger of each pair of lanes."""

    def generate(context, builder, sig, args):
        return builder.select(_compare(">")(builder, a, *args), *args)

    return a(a, a), generate


@_intrinsic
def select(typing, mask, yes, no):
    """``yes`` in the lanes where the mask is true, ``no`` elsewhere."""
    return yes(mask, yes, yes), lambda context, builder, sig, args: builder.select(*args)


@_intrinsic
def magnitude(typing, a):
    """|a|: float32 of float32, and uint8 of int8, where |−128| = 128."""
    result = a if a.real else Vector(types.uint8, a.lanes)

    def generate(context, builder, sig, args):
        if a.real:
            return _llvm(builder, "fabs", args[0])
        function_type = ir.FunctionType(a.llvm, [a.llvm, ir.IntType(1)])
        function = cgutils.get_or_insert_function(builder.module, function_type, f"llvm.abs.v{a.lanes}i8")
        return builder.call(function, [args[0], ir.Constant(ir.IntType(1), 0)])

    return result(a), generate


@_intrinsic
def with_sign(typing, size, sign):
    """``size`` (float32, or uint8 of at most 127) with the sign bits of ``sign``, a vector of float32 or int8."""

    def generate(context, builder, sig, args):
        if size.real:
            return _llvm(builder, "copysign", *args)
        negative = builder.ashr(args[1], ir.Constant(sign.llvm, [7] * sign.lanes))
        return builder.sub(builder.xor(args[0], negative), negative)

    return sign(size, sign), generate


@_intrinsic
def sign_bits(typing, a):
    """The sign bits of all lanes as one uint32, or uint64 of 64 lanes; lane 0 lowest."""
    width = 64 if a.lanes > 32 else 32

    def generate(context, builder, sig, args):
        pattern = builder.bitcast(args[0], a.pattern)
        negative = builder.icmp_signed("<", pattern, ir.Constant(a.pattern, None))
        bits = builder.bitcast(negative, ir.IntType(a.lanes))
        return bits if a.lanes == width else builder.zext(bits, ir.IntType(width))

    return (types.uint64 if width == 64 else types.uint32)(a), generate


@_intrinsic
def interleave_low(typing, a, b):
    """a₀ b₀ a₁ b₁ …: the lower halves of both, alternating."""
    pattern = [lane // 2 + a.lanes * (lane % 2) for lane in range(a.lanes)]
    return a(a, a), lambda context, builder, sig, args: _shuffle(builder, args[0], args[1], pattern)


@_intrinsic
def interleave_high(typing, a, b):
    """The upper halves of both, alternating."""
    pattern = [a.lanes // 2 + lane // 2 + a.lanes * (lane % 2) for lane in range(a.lanes)]
    return a(a, a), lambda context, builder, sig, args: _shuffle(builder, args[0], args[1], pattern)


@_intrinsic
def even_lanes(typing, a, b):
    """a₀ a₂ … b₀ b₂ …"""
    pattern = list(range(0, 2 * a.lanes, 2))
    return a(a, a), lambda context, builder, sig, args: _shuffle(builder, args[0], args[1], pattern)


@_intrinsic
def odd_lanes(typing, a, b):
    """a₁ a₃ … b₁ b₃ …"""
    pattern = list(range(1, 2 * a.lanes, 2))
    return a(a, a), lambda context, builder, sig, args: _shuffle(builder, args[0], args[1], pattern)


@_intrinsic
def to_float(typing, a):
    """The nearest float32 of int32 lanes."""
    result = Vector(types.float32, a.lanes)
    return result(a), lambda context, builder, sig, args: builder.sitofp(args[0], result.llvm)


@_intrinsic
def square_root(typing, a):
    """The square roots of float32 lanes, rounded correctly."""
    return a(a), lambda context, builder, sig, args: _llvm(builder, "sqrt", args[0])


@_intrinsic
def floor(typing, a):
    """The whole numbers at or below float32 lanes, as float32."""
    return a(a), lambda context, builder, sig, args: _llvm(builder, "floor", args[0])


@_intrinsic
def times_power_of_two(typing, a, whole):
    """a · 2^whole of float32 lanes: ``a`` and the result must be normal numbers, ``whole`` whole ones."""

    def generate(context, builder, sig, args):
        steps = builder.shl(builder.fptosi(args[1], a.pattern), ir.Constant(a.pattern, [23] * a.lanes))
        return builder.bitcast(builder.add(builder.bitcast(args[0], a.pattern), steps), a.llvm)

    return a(a, a), generate


@_intrinsic
def exponent(typing, a):
    """⌊log2 a⌋ as float32, of float32 lanes that hold positive normal numbers."""

    def generate(context, builder, sig, args):
        biased = builder.lshr(builder.bitcast(args[0], a.pattern), ir.Constant(a.pattern, [23] * a.lanes))
        return builder.sitofp(builder.sub(biased, ir.Constant(a.pattern, [127] * a.lanes)), a.llvm)

    return a(a), generate
