"""HEVC parameter sets: what BPG leaves out of the stream and a HEVC decoder wants back.

BPG drops VPS and SPS; a short header keeps the few SPS fields that are free (``CodingTools``), the rest is implied.
Syntax: ITU-T H.265, 7.3.
"""

from __future__ import annotations

from dataclasses import dataclass

from baselines.source.bits import BitReader, BitWriter

PPS, VPS, SPS = 34, 32, 33
IRAP = range(16, 24)
"""NAL unit types of pictures that decode by themselves."""


@dataclass(frozen=True)
class PCM:
    """Sizes of uncompressed blocks: sample bits of luma and chroma, log2 of the smallest block and of the ratio."""

    luma_bits: int
    chroma_bits: int
    log2_min_cb: int
    log2_diff_cb: int


@dataclass(frozen=True)
class CodingTools:
    """The free fields of a BPG stream's SPS; ``log2_*`` of sizes in luma samples, ``diff`` = log2(largest/smallest).

    ``pcm_loop_filter_off`` matters only with ``pcm``; ``range_extension`` holds the nine flags of
    sps_range_extension() in their order, None where the stream has none. ValueError for what HEVC does not allow.
    """

    log2_min_cb: int
    log2_diff_cb: int
    log2_min_tb: int
    log2_diff_tb: int
    depth_intra: int
    sao: bool
    strong_intra: bool
    pcm: PCM | None = None
    pcm_loop_filter_off: bool = False
    range_extension: tuple[bool, ...] | None = None

    def __post_init__(self) -> None:
        ctb = self.log2_min_cb + self.log2_diff_cb
        max_tb = self.log2_min_tb + self.log2_diff_tb
        if not (self.log2_min_cb >= 3 and 4 <= ctb <= 6):
            raise ValueError(f"coding blocks of 2^{self.log2_min_cb} to 2^{ctb} samples (8 to 64 allowed)")
        if not (2 <= self.log2_min_tb < self.log2_min_cb and max_tb <= min(ctb, 5)):
            raise ValueError(f"transform blocks of 2^{self.log2_min_tb} to 2^{max_tb} samples (4 to 32 allowed)")
        if self.depth_intra > ctb - self.log2_min_tb:
            raise ValueError(f"transform hierarchy depth {self.depth_intra} (at most {ctb - self.log2_min_tb})")
        if self.pcm:
            low, high = self.pcm.log2_min_cb, self.pcm.log2_min_cb + self.pcm.log2_diff_cb
            if not (min(self.log2_min_cb, 5) <= low and high <= min(ctb, 5)):
                raise ValueError(f"PCM blocks of 2^{low} to 2^{high} samples")
            if max(self.pcm.luma_bits, self.pcm.chroma_bits) > 8:
                raise ValueError("PCM samples of more than 8 bits")

    def padded(self, side: int) -> int:
        """Coded size of a side: the next multiple of the smallest coding block."""
        return -(-side >> self.log2_min_cb) << self.log2_min_cb


def escape(payload: bytes) -> bytes:
    """Insert emulation prevention bytes: 00 00 0x becomes 00 00 03 0x for x <= 3 (7.4.2.1)."""
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(out)


def unescape(nal: bytes) -> bytes:
    """Remove emulation prevention bytes."""
    out, zeros = bytearray(), 0
    for byte in nal:
        if zeros >= 2 and byte == 3:
            zeros = 0
            continue
        out.append(byte)
        zeros = 0 if byte else zeros + 1
    return bytes(out)


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units between start codes 000001; zeros before a start code are not part of a unit."""
    return [nal for part in data.split(b"\0\0\1") if (nal := part.rstrip(b"\0"))]


def nal_type(nal: bytes) -> int:
    """Type in the two-byte NAL unit header; ValueError if it is cut short or its forbidden bit is set."""
    if len(nal) < 3 or nal[0] & 0x80:
        raise ValueError("not a NAL unit")
    return nal[0] >> 1


def _profile_tier_level(w: BitWriter) -> None:
    """Format range extensions profile, level 5: wide enough for every 8-bit still picture."""
    w.u(4, 8)
    w.u(1 << 27, 32)
    w.u(9, 4)
    w.u(0, 44)
    w.u(150, 8)


def _nal(kind: int, w: BitWriter) -> bytes:
    w.trailing()
    return bytes((kind << 1, 1)) + escape(w.getvalue())


def make_vps() -> bytes:
    """A VPS NAL unit for one layer and one sub-layer."""
    w = BitWriter()
    w.u(0b0000_11_000000_000_1, 16)  # id 0, base layer internal and available, 1 layer, 1 sub-layer, nested
    w.u(0xFFFF, 16)
    _profile_tier_level(w)
    w.u(1, 1)
    for _ in range(3):  # picture buffer of 1, no reordering, no latency
        w.ue(0)
    w.u(0, 6)
    w.ue(0)
    w.u(0, 2)  # no timing, no extension
    return _nal(VPS, w)


def make_sps(tools: CodingTools, chroma_format: int, width: int, height: int) -> bytes:
    """The SPS NAL unit that BPG implies. chroma_format: 0 gray, 1 4:2:0, 2 4:2:2, 3 4:4:4; width, height as coded."""
    w = BitWriter()
    w.u(0b0000_000_1, 8)
    _profile_tier_level(w)
    w.ue(0)
    w.ue(chroma_format)
    if chroma_format == 3:
        w.u(0, 1)
    w.ue(width)
    w.ue(height)
    w.u(0, 1)
    w.ue(0)  # 8 bits
    w.ue(0)
    w.ue(8 - 4)
    w.u(1, 1)
    for _ in range(3):
        w.ue(0)
    _write_block_sizes(w, tools)
    w.ue(tools.depth_intra)  # of inter pictures, which there are none of
    w.ue(tools.depth_intra)
    w.u(0b01, 2)  # no scaling lists, asymmetric partitions
    w.u(tools.sao, 1)
    _write_pcm(w, tools)
    w.ue(0)
    w.u(0b01, 2)  # no long-term references, temporal motion vector prediction
    w.u(tools.strong_intra, 1)
    w.u(0, 1)
    _write_extension(w, tools)
    return _nal(SPS, w)


def write_tools(w: BitWriter, tools: CodingTools) -> None:
    """The body of a BPG file's HEVC header."""
    _write_block_sizes(w, tools)
    w.ue(tools.depth_intra)
    w.u(tools.sao, 1)
    _write_pcm(w, tools)
    w.u(tools.strong_intra, 1)
    _write_extension(w, tools)


def _write_block_sizes(w: BitWriter, tools: CodingTools) -> None:
    w.ue(tools.log2_min_cb - 3)
    w.ue(tools.log2_diff_cb)
    w.ue(tools.log2_min_tb - 2)
    w.ue(tools.log2_diff_tb)


def _write_pcm(w: BitWriter, tools: CodingTools) -> None:
    w.u(tools.pcm is not None, 1)
    if tools.pcm:
        w.u(tools.pcm.luma_bits - 1, 4)
        w.u(tools.pcm.chroma_bits - 1, 4)
        w.ue(tools.pcm.log2_min_cb - 3)
        w.ue(tools.pcm.log2_diff_cb)
        w.u(tools.pcm_loop_filter_off, 1)


def _write_extension(w: BitWriter, tools: CodingTools) -> None:
    w.u(tools.range_extension is not None, 1)
    if tools.range_extension is not None:
        w.u(1 << 7, 8)
        for flag in tools.range_extension:
            w.u(flag, 1)


def read_tools(r: BitReader) -> CodingTools:
    """Parse the body of a BPG file's HEVC header; ValueError or EOFError if it is malformed."""
    sizes = [r.ue() for _ in range(5)]
    sao = bool(r.u(1))
    pcm, filter_off = _read_pcm(r)
    strong = bool(r.u(1))
    extension = None
    if r.u(1):
        has_range = r.u(1)
        if r.u(7):
            raise ValueError("HEVC extension other than the range extension")
        if has_range:
            extension = tuple(bool(r.u(1)) for _ in range(9))
    return _tools(sizes, sao, strong, pcm, filter_off, extension)


def parse_sps(nal: bytes) -> tuple[CodingTools, int, int, int]:
    """(tools, chroma format, width, height) of an encoder's SPS; ValueError where BPG cannot express it."""
    r = BitReader(unescape(nal[2:]))
    if r.u(8) >> 1 & 7:
        raise ValueError("SPS with several sub-layers")
    r.u(96)
    r.ue()
    chroma_format = r.ue()
    if chroma_format == 3:
        r.u(1)
    width, height = r.ue(), r.ue()
    if r.u(1):
        for _ in range(4):
            r.ue()
    if r.ue() or r.ue():
        raise ValueError("SPS of more than 8 bits a sample")
    if r.ue() != 8 - 4:
        raise ValueError("SPS with an order count that is not 8 bits")
    r.u(1)
    for _ in range(3):
        r.ue()
    sizes = [r.ue() for _ in range(4)]
    r.ue()
    sizes.append(r.ue())
    if r.u(1):
        raise ValueError("SPS with scaling lists")
    r.u(1)
    sao = bool(r.u(1))
    pcm, filter_off = _read_pcm(r)
    if r.ue():
        raise ValueError("SPS with reference picture sets")
    r.u(2)
    return _tools(sizes, sao, bool(r.u(1)), pcm, filter_off, None), chroma_format, width, height


def still_picture(
    nals: list[bytes], chroma_format: int, width: int, height: int
) -> tuple[CodingTools, tuple[bytes, ...]]:
    """(coding tools, NAL units: PPS and slice) of an encoder's stream of one intra picture.

    Args:
        nals: with the encoder's parameter sets.
        chroma_format, width, height: what it was given.

    Raises:
        RuntimeError: the encoder wrote something else.
    """
    by_type = {nal_type(nal): nal for nal in nals}
    slices = [nal for nal in nals if nal_type(nal) < VPS]
    tools, coded_format, *coded_size = parse_sps(by_type[SPS])
    if coded_format != chroma_format or coded_size != [tools.padded(width), tools.padded(height)]:
        raise RuntimeError(f"x265 coded {coded_size} in format {coded_format}, not {width}x{height} in {chroma_format}")
    if len(slices) != 1 or nal_type(slices[0]) not in IRAP:
        raise RuntimeError("x265 wrote something other than one slice of an intra picture")
    return tools, (by_type[PPS], *slices)


def _read_pcm(r: BitReader) -> tuple[PCM | None, bool]:
    if not r.u(1):
        return None, False
    return PCM(r.u(4) + 1, r.u(4) + 1, r.ue() + 3, r.ue()), bool(r.u(1))


def _tools(
    sizes: list[int], sao: bool, strong: bool, pcm: PCM | None, filter_off: bool, extension: tuple[bool, ...] | None
) -> CodingTools:
    min_cb, diff_cb, min_tb, diff_tb, depth = sizes
    return CodingTools(min_cb + 3, diff_cb, min_tb + 2, diff_tb, depth, sao, strong, pcm, filter_off, extension)
