"""Feed damaged files to every parser of foreign bytes, and count what becomes of them.

    python tools/fuzz.py --seconds 120                # each parser for two minutes
    python tools/fuzz.py alist recipe --seed 7

A parser runs in a process of its own, with bounded memory, on mutations of valid files. It may accept what it gets, or
refuse it with a LinksimError of one line. Anything else is a defect: another exception, a result that is not what it
should be, a process that dies or takes too long. The files of a defect are kept, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import random
import re
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

from fuzz_parsers import PARSERS, Parse

from linksim.errors import LinksimError, one_line

MEMORY = 8 << 30
"""Address space of a parser's process in bytes: torch alone reserves half of it."""
SECONDS_AT_MOST = 60.0
SECONDS_TO_START = 600.0
NUMBERS = (b"0", b"-1", b"1", b"65536", b"2147483648", b"99999999999999999999", b"nan", b"1e999", b"", b"[]", b"null")
WORDS = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\x80\0\0\0")


def mutate(content: bytes, chance: random.Random) -> bytes:
    """The content with one to six things done to it, mostly near its ends, where headers and footers are."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        size = len(data)
        near = min(size, 300) + 1
        at = chance.choice((chance.randrange(size + 1), chance.randrange(near), size - chance.randrange(near)))
        match chance.randrange(8):
            case 0 if at < size:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + 1] = chance.choice((b"\0", b"\xff", b"\x7f", b"\x80", b"\n", b"9", b":"))
            case 2:
                data[at : at + 4] = chance.choice(WORDS)
            case 3:
                del data[at : at + chance.choice((1, 2, 8, 64))]
            case 4:
                data[at:at] = data[at : at + chance.choice((1, 4, 16, 200))]
            case 5 if chance.random() < 0.3:
                del data[at:]
            case 6:
                data[at:at] = chance.randbytes(chance.choice((1, 4, 16)))
            case _:
                found = list(re.finditer(rb"\d+", data[max(0, at - 400) : at + 400]))
                if found:
                    hit = chance.choice(found)
                    start = max(0, at - 400)
                    data[start + hit.start() : start + hit.end()] = chance.choice(NUMBERS)
    return bytes(data)


def work(name: str, seed: int, first: int, folder: Path, results: Connection) -> None:
    """Damage and parse, from input number ``first`` on, until the process is stopped."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    sys.stdout = sys.stderr = io.StringIO()
    os.chdir(folder.parent)  # names without a path are looked up here
    try:
        parse = PARSERS[name](folder)
        valid = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        parse()  # valid files are accepted
    except Exception as error:
        results.send(("broken", f"{type(error).__name__}: {error}"))
        return
    results.send(("ready", ""))
    index = first
    while True:
        for path in [p for p in folder.rglob("*") if p.is_file()]:
            if path not in valid:
                path.unlink()
        for path, content in valid.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        chance = random.Random(f"{name} {seed} {index}")
        path = chance.choice(list(valid))
        path.write_bytes(mutate(valid[path], chance))
        results.send(outcome(parse))
        index += 1


def outcome(parse: Parse) -> tuple[str, str]:
    """What became of one input, and why."""
    try:
        parse()
    except LinksimError as error:
        message = one_line(error)  # as the commands print it
        if re.search(r"decoder (stopped after|died)", message):
            return "stopped by the guard", message
        if len(message) > 2000:
            return "defect", f"message of {len(message)} characters: {message[:200]}"
        return "refused", message
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "defect", f"{type(error).__name__}: {str(error)[:200]} ({Path(where.filename).name}:{where.lineno})"
    return "accepted", ""


def inputs(name: str, seed: int, seconds: float, keep: Path) -> Iterator[tuple[str, str]]:
    """Outcomes of a parser for as long as asked; its process is replaced whenever it dies or hangs."""
    context = multiprocessing.get_context("spawn")
    end, done = None, 0
    while end is None or time.monotonic() < end:
        with tempfile.TemporaryDirectory() as temporary:
            here, there = context.Pipe(duplex=False)
            folder = Path(temporary) / "input"
            folder.mkdir()
            process = context.Process(target=work, args=(name, seed, done, folder, there), daemon=True)
            process.start()
            there.close()
            patience = SECONDS_TO_START
            while end is None or time.monotonic() < end:
                try:
                    if not here.poll(patience):
                        what, why = "defect", f"more than {patience:g} s"
                    else:
                        what, why = here.recv()
                except EOFError:
                    process.join()
                    what, why = "defect", f"died with exit code {process.exitcode}"
                if what == "broken" or (end is None and what == "defect"):
                    raise SystemExit(f"{name}: its valid files are not accepted: {why}")
                if what == "ready":
                    patience = SECONDS_AT_MOST
                    end = end or time.monotonic() + seconds
                    continue
                if what == "defect":
                    shutil.copytree(folder, keep / f"{name}-{seed}-{done}", dirs_exist_ok=True)
                done += 1
                yield what, why
                if why.startswith(("more than", "died with")):
                    break
            process.kill()
            process.join()


def main() -> int:
    """Fuzz the parsers named, or all; print counts as a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parsers", nargs="*", help=", ".join(PARSERS))
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-defects"), help="where the files of defects go")
    options = parser.parse_args()
    print("| parser | inputs | refused in one line | accepted | stopped by the guard | defects |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |", flush=True)
    failed = False
    for name in options.parsers or PARSERS:
        counts: Counter[str] = Counter()
        defects: Counter[str] = Counter()
        for what, why in inputs(name, options.seed, options.seconds, options.keep):
            counts[what] += 1
            if what == "defect":
                defects[why] += 1
        shown = [counts[what] for what in ("refused", "accepted", "stopped by the guard", "defect")]
        print(f"| {name} | {counts.total()} | {' | '.join(map(str, shown))} |", flush=True)
        for why, count in defects.most_common(12):
            print(f"    {count} × {why}", file=sys.stderr, flush=True)
        failed |= bool(defects)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
