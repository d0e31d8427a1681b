"""How much each mistake that is seen in published comparisons moves a number: docs/explanation/mistakes.csv.

    python tools/measure_mistakes.py [--out docs/explanation/mistakes.csv] [--only NAME]

Each mistake is written down as the few lines that make it, beside the lines that do not. Channel mistakes move the
nominal Es/N0 at which one block in ten is lost; the others what 24 photographs score, reduced to a quarter and cropped
to 96×96 (the size that most papers compare at). Everything is seeded: a second run gives the same file.
"""

from __future__ import annotations

import argparse
import csv
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import astuple, dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from baselines.fec.base import ChannelCode
from baselines.fec.decoder import Decoder
from baselines.fec.rules import SumProduct
from baselines.fec.wifi import WifiLDPC
from baselines.modulation import QAM
from baselines.separate import SeparateLink, largest
from baselines.source import bpg_format
from baselines.source.bpg import BPG
from baselines.source.jpeg import JPEG
from baselines.source.search import Encoder, Found, SearchedCodec, largest_fitting
from linksim.channels.awgn import AWGN
from linksim.channels.base import complex_normal, noise_stream, noise_variance
from linksim.channels.fading import rayleigh_fast
from linksim.data.photos import Photos
from linksim.link import Budget, Image, outage_image
from linksim.scoring.image_quality import psnr

BLOCKS = 512
HIGHEST_DB = 40.0
BUDGET = Budget("bpp", 0.25)


@dataclass(frozen=True)
class Effect:
    """What a mistake does to one number. right, wrong: the number without and with it."""

    mistake: str
    number: str
    unit: str
    right: float
    wrong: float


# Mistakes on the channel: from the coded bits' symbols to the LLRs that the decoder gets

Chain = Callable[[QAM, npt.NDArray[np.complex64], float, np.random.Generator], npt.NDArray[np.float32]]


def correct(qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator) -> npt.NDArray[np.float32]:
    return qam.demap(x + complex_normal(stream, x.size, n0), n0)


def noise_per_dimension(
    qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Noise of variance N0 in each real dimension: twice what N0 means."""
    noise = math.sqrt(n0) * stream.standard_normal((2, x.size))
    return qam.demap((x + noise[0] + 1j * noise[1]).astype(np.complex64), n0)


def power_per_dimension(
    qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Real and imaginary parts of unit power each, so Es = 2, with noise of variance N0."""
    loud = x * np.float32(math.sqrt(2))
    received = loud + complex_normal(stream, x.size, n0)
    return qam.demap(received / np.float32(math.sqrt(2)), n0 / 2)


def eb_n0(qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator) -> npt.NDArray[np.float32]:
    """Noise set as if the nominal SNR were Eb/N0 at rate 3/4; the receiver knows its true variance."""
    return correct(qam, x, n0 / (0.75 * qam.bits_per_symbol), stream)


def unscaled(qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator) -> npt.NDArray[np.float32]:
    """LLRs from distances alone, never divided by the noise variance."""
    return qam.demap(x + complex_normal(stream, x.size, n0), 1.0)


def samples(qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator) -> npt.NDArray[np.float32]:
    """The received samples of QPSK themselves, taken for LLRs."""
    return (x + complex_normal(stream, x.size, n0)).view(np.float32)


def rayleigh(qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator) -> npt.NDArray[np.float32]:
    """A complex gain for each symbol."""
    return qam.demap(*rayleigh_fast().transmit_one(x, n0, stream))


def real_gains(
    qam: QAM, x: npt.NDArray[np.complex64], n0: float, stream: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Real and imaginary part faded by a real Gaussian gain each, both known to the receiver."""
    gains = stream.standard_normal((2, x.size))
    noise = math.sqrt(n0 / 2) * stream.standard_normal((2, x.size))
    llr = np.empty((x.size, qam.bits_per_symbol), np.float32)
    for i, part in enumerate((x.real, x.imag)):
        received = (part + noise[i] / gains[i]).astype(np.complex64)
        demapped = qam.demap(received, (n0 / gains[i] ** 2).astype(np.float32))
        llr[:, i::2] = demapped.reshape(llr.shape)[:, ::2]
    return llr.reshape(-1)


def threshold(code: ChannelCode, qam: QAM, chain: Chain) -> float:
    """Nominal Es/N0 in dB at which a block in ten is lost, to 0.01 dB; infinite if more are at ``HIGHEST_DB``.

    The same blocks and the same noise, scaled, at every SNR: so the error rate falls steadily and can be bisected.
    """
    lengths = np.full(BLOCKS, code.k)
    bits = noise_stream(0, "bits", 0.0, 0).integers(0, 2, BLOCKS * code.k, np.uint8)
    symbols = qam.map(code.encode(bits, lengths))

    def lost(hundredths: int) -> bool:
        snr_db = hundredths / 100
        llr = chain(qam, symbols, noise_variance(snr_db), noise_stream(0, "noise", 0.0, 0))
        wrong = (code.decode(llr, lengths)[0] != bits).reshape(BLOCKS, -1).any(1)
        return bool(wrong.mean() > 0.1)

    top = int(100 * HIGHEST_DB)
    return math.inf if lost(top) else (largest(lost, top) + 1) / 100


def sum_product(code: WifiLDPC) -> WifiLDPC:
    """The same code under exact belief propagation."""
    code.decoder = Decoder(code.graph, code.n, code.k, rule=SumProduct())
    return code


def channel_effects() -> Iterator[Effect]:
    number = "Es/N0 at BLER 0.1, LDPC 3/4 16-QAM"
    wifi, qam16, qpsk = WifiLDPC(1944, "3/4"), QAM(4), QAM(2)
    right = threshold(wifi, qam16, correct)
    yield Effect("noise of N0 in each real dimension", number, "dB", right, threshold(wifi, qam16, noise_per_dimension))
    yield Effect("unit power in each real dimension", number, "dB", right, threshold(wifi, qam16, power_per_dimension))
    yield Effect("Eb/N0 where Es/N0 is meant", number, "dB", right, threshold(wifi, qam16, eb_n0))
    yield Effect("LLRs not divided by N0", number, "dB", right, threshold(wifi, qam16, unscaled))
    exact = sum_product(WifiLDPC(1944, "3/4"))
    number = "the same, sum-product decoder"
    yield Effect(
        "LLRs not divided by N0", number, "dB", threshold(exact, qam16, correct), threshold(exact, qam16, unscaled)
    )
    exact, number = sum_product(WifiLDPC(1944, "1/2")), "Es/N0 at BLER 0.1, LDPC 1/2 QPSK, sum-product"
    yield Effect("samples fed as LLRs", number, "dB", threshold(exact, qpsk, correct), threshold(exact, qpsk, samples))
    half, number = WifiLDPC(1944, "1/2"), "Es/N0 at BLER 0.1, LDPC 1/2 QPSK, Rayleigh fast fading"
    yield Effect("real gains", number, "dB", threshold(half, qpsk, rayleigh), threshold(half, qpsk, real_gains))


# Mistakes in what is sent and in what is averaged


@cache
def images() -> tuple[Image, ...]:
    """The 24 photographs at a quarter of their size, the central 96×96 pixels."""
    small = (Pillow.fromarray(sample.image).reduce(4) for sample in map(Photos().__getitem__, range(len(Photos()))))
    boxes = ((s, (s.width - 96) // 2, (s.height - 96) // 2) for s in small)
    return tuple(np.asarray(s.crop((left, top, left + 96, top + 96))) for s, left, top in boxes)


def mean_psnr(codec: SearchedCodec, files: list[bytes | None]) -> float:
    """Mean PSNR of the images as decoded from these files, mid-grey where there is none."""
    shown = (outage_image(i.shape) if f is None else codec.decode(f) for i, f in zip(images(), files, strict=True))
    return float(np.mean([psnr(image, got) for image, got in zip(images(), shown, strict=True)]))


def mean_bpp(files: list[bytes | None]) -> float:
    return 8 * float(np.mean([len(file or b"") for file in files])) / 96**2


def bpg_header(file: bytes) -> int:
    """Bytes of a BPG file before the slices."""
    return len(file) - sum(map(len, bpg_format.parse(file).nals[1:]))


def jpeg_header(file: bytes) -> int:
    """Bytes of a JPEG file up to its first scan's data."""
    scan = file.index(b"\xff\xda")
    return scan + 2 + int.from_bytes(file[scan + 2 : scan + 4], "big")


def without_headers(codec: SearchedCodec, header: Callable[[bytes], int], image: Image, max_bytes: int) -> bytes | None:
    """What the codec's own search finds, had a file only the bytes behind its header."""
    fits: list[tuple[Found, bytes]] = []
    for encode in codec.encoders(image):
        found = largest_fitting(
            behind_header(encode, header),
            codec.qualities,
            max_bytes,
            start=fits[-1][0].quality if fits else codec.start,
            doubling=codec.doubling,
            wiggle=codec.wiggle,
        )
        fits += [(found, encode(found.quality))] if found else []
    return best(codec, image, [file for _, file in fits]) if fits else None


def behind_header(encode: Encoder, header: Callable[[bytes], int]) -> Encoder:
    """Quality to the file without its header."""
    return lambda quality: (file := encode(quality))[header(file) :]


def best(codec: SearchedCodec, image: Image, files: list[bytes]) -> bytes:
    """The file with the best PSNR."""
    return max(files, key=lambda file: psnr(image, codec.decode(file)))


def source_effects() -> Iterator[Effect]:
    allowed, shape = BUDGET.of((96, 96)) // 8, (96, 96, 3)
    bpg, jpeg = BPG(), JPEG()
    fair = [bpg.encode_to_budget(image, allowed) for image in images()]
    number = "PSNR of BPG at 0.25 bpp"
    behind = [without_headers(bpg, bpg_header, image, allowed) for image in images()]
    yield Effect("headers not counted", number, "dB", mean_psnr(bpg, fair), mean_psnr(bpg, behind))
    yield Effect("headers not counted", "true bpp of BPG at 0.25 bpp", "bpp", mean_bpp(fair), mean_bpp(behind))
    unfit = [float(np.mean([f is None for f in files])) for files in (
        [jpeg.encode_to_budget(image, allowed) for image in images()],
        [without_headers(jpeg, jpeg_header, image, allowed) for image in images()],
    )]  # fmt: skip
    yield Effect("headers not counted", "share of images that JPEG cannot fit into 0.25 bpp", "", unfit[0], unfit[1])

    # the highest QP that fits is always the last of the scale
    reverse = [best(bpg, image, [encode(51) for encode in bpg.encoders(image)]) for image in images()]
    yield Effect("QP searched upwards", number, "dB", mean_psnr(bpg, fair), mean_psnr(bpg, list(reverse)))

    link = SeparateLink(bpg, WifiLDPC(), QAM(4), BUDGET)
    samples = 3 * 96**2  # CBR is channel uses per source sample
    claimed, true = 8 * allowed / 3 / samples, link.uses(allowed) / samples
    codewords = math.ceil((8 * allowed + 32) / 1458)
    yield Effect("parity of shortened blocks and CRC not counted", "CBR of 0.25 bpp", "", true, claimed)
    yield Effect("zeros sent to fill codewords, not counted", "CBR of 0.25 bpp", "", codewords * 486 / samples, claimed)
    within = SeparateLink(bpg, WifiLDPC(), QAM(4), Budget("cbr", claimed))
    honest = [bpg.encode_to_budget(image, within.max_bytes(shape)) for image in images()]
    yield Effect(
        "parity of shortened blocks and CRC not counted", f"PSNR of BPG at CBR {claimed:.4f}", "dB",
        mean_psnr(bpg, honest), mean_psnr(bpg, fair),
    )  # fmt: skip


def averaging_effects() -> Iterator[Effect]:
    jpeg, bpg = JPEG(), BPG()
    files = [jpeg.encode_to_budget(image, Budget("bpp", 0.375).of(image.shape) // 8) for image in images()]
    kept = [psnr(image, jpeg.decode(file)) for image, file in zip(images(), files, strict=True) if file]
    number = f"PSNR of JPEG at 0.375 bpp ({len(files) - len(kept)} of {len(files)} images do not fit)"
    yield Effect("over-budget images left out", number, "dB", mean_psnr(jpeg, files), float(np.mean(kept)))

    scores, ok = received_psnr(SeparateLink(bpg, WifiLDPC(), QAM(4), BUDGET), 9.5)
    number = f"PSNR of BPG at 9.5 dB, 0.25 bpp ({int((~ok).sum())} of {ok.size} images undecodable)"
    yield Effect("undecodable images left out", number, "dB", float(scores.mean()), float(scores[ok].mean()))

    scores, _ = received_psnr(SeparateLink(bpg, WifiLDPC(), QAM(4), BUDGET), 20.0)
    pooled = -10 * math.log10(float(np.mean(10 ** (-scores / 10))))
    yield Effect("PSNR of the mean squared error", "PSNR of BPG at 0.25 bpp", "dB", float(scores.mean()), pooled)

    power = np.array([np.mean((image / 127.5 - 1) ** 2) for image in images()])  # of pixels sent as they are
    own = 10 + 10 * np.log10(power / power.mean())
    number = "Es/N0 of an analog link's images at a nominal 10 dB"
    yield Effect("power normalised over the batch", f"{number}, the worst", "dB", 10.0, float(own.min()))
    yield Effect("power normalised over the batch", f"{number}, the best", "dB", 10.0, float(own.max()))


def received_psnr(link: SeparateLink, snr_db: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """PSNR of each image after AWGN, and whether it was decoded."""
    sent = link.send(images())
    streams = [noise_stream(0, f"photo {i}", snr_db, 0) for i in range(len(images()))]
    received, noise_var = AWGN().transmit(sent.symbols, sent.offsets, snr_db, streams)
    got = link.receive(received, noise_var, sent.header)
    return np.array([psnr(image, shown) for image, shown in zip(images(), got.images, strict=True)]), got.ok


def table_row(row: Mapping[str, str]) -> str:
    """A line of the file as the page's Markdown table shows it."""
    right, wrong, digits = float(row["right"]), float(row["wrong"]), {"dB": 2, "bpp": 3, "": 4}[row["unit"]]
    cells = [f"{right:.{digits}f}", f"{wrong:.{digits}f}", f"{wrong - right:+.{digits}f} {row['unit']}".strip()]
    return f"| {row['mistake']} | {row['number']} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("docs/explanation/mistakes.csv"))
    parser.add_argument("--only", choices=("channel", "source", "averaging"), help="print one group, write nothing")
    arguments = parser.parse_args()
    groups = {"channel": channel_effects, "source": source_effects, "averaging": averaging_effects}
    effects = []
    for name in [arguments.only] if arguments.only else groups:
        for effect in groups[name]():
            print(
                f"{effect.mistake}: {effect.number}: {effect.right:.4g} {effect.unit} -> {effect.wrong:.4g}", flush=True
            )
            effects.append(effect)
    if not arguments.only:
        with open(arguments.out, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([f.name for f in fields(Effect)])
            writer.writerows([f"{v:.4f}" if isinstance(v, float) else v for v in astuple(e)] for e in effects)


if __name__ == "__main__":
    main()
