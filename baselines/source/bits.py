"""Bit strings as HEVC and BPG write them: most significant bit first, Exp-Golomb integers."""

from __future__ import annotations


class BitWriter:
    """Collects bits; ``getvalue`` pads the last byte with zeros."""

    def __init__(self) -> None:
        self._value = 0
        self._length = 0

    def u(self, value: int, width: int) -> None:
        """An unsigned integer in ``width`` bits."""
        if value < 0 or value >> width:
            raise ValueError(f"{value} does not fit in {width} bits")
        self._value = self._value << width | value
        self._length += width

    def ue(self, value: int) -> None:
        """An unsigned Exp-Golomb integer (ITU-T H.265, 9.2)."""
        self.u(value + 1, 2 * (value + 1).bit_length() - 1)

    def trailing(self) -> None:
        """The stop bit of a NAL unit's payload."""
        self.u(1, 1)

    def getvalue(self) -> bytes:
        pad = -self._length % 8
        return (self._value << pad).to_bytes((self._length + pad) // 8, "big")


class BitReader:
    """Reads bits; EOFError past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def u(self, width: int) -> int:
        """An unsigned integer of ``width`` bits."""
        if width > self._left:
            raise EOFError(f"cut short: {width} bits wanted, {self._left} left")
        self._left -= width
        return self._value >> self._left & ((1 << width) - 1)

    def ue(self) -> int:
        """An unsigned Exp-Golomb integer of at most 32 bits (ITU-T H.265, 9.2)."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("Exp-Golomb code longer than 32 bits")
        return (1 << zeros) - 1 + self.u(zeros)
