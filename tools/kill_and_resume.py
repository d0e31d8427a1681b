"""Kill a comparison with SIGKILL at random moments, resume it until it ends, and compare every byte it leaves.

    python tools/kill_and_resume.py --kills 50

Prints one line per chain of kills and exits with 1 if any ends with other bytes than an undisturbed run.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMAND = "compare --methods webp,bpg --dataset stamps10 --task none --limit 192 --snr 8:13 --no-figures --workers 2"
OUTPUTS = ("summary.csv", "table.md", "table.tex", "experiment.json")


def start(folder: Path) -> subprocess.Popen[bytes]:
    """The comparison, writing to a folder."""
    command = [sys.executable, "-m", "linksim", *COMMAND.split(), "--out", str(folder)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def state(folder: Path) -> dict[str, bytes]:
    """Every byte that a finished run leaves."""
    parts = {path.name: path.read_bytes() for path in (folder / "rows").iterdir()}
    return parts | {name: (folder / name).read_bytes() for name in OUTPUTS}


def main() -> int:
    """Run chains of kills until there were enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments, kills, wrong = random.Random(options.seed), 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        begun = time.monotonic()
        assert start(Path(temporary) / "whole").wait() == 0
        seconds = time.monotonic() - begun
        expected = state(Path(temporary) / "whole")
        chain = 0
        while kills < options.kills:
            chain += 1
            folder = Path(temporary) / f"chain{chain}"
            mine = 0
            while True:
                process = start(folder)
                try:
                    errors = process.communicate(timeout=moments.uniform(0, 1.1 * seconds))[1]
                    break
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    mine += 1
            kills += mine
            same = process.returncode == 0 and state(folder) == expected
            wrong += not same
            note = "" if process.returncode == 0 else errors.decode().splitlines()[-1]
            print(f"chain {chain}: {mine} kills, {'the same bytes' if same else 'OTHER BYTES'} {note}", flush=True)
    print(f"{kills} kills in {chain} chains, {wrong} ended differently")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
