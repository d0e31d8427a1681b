#!/usr/bin/env bash
# Builds the sdist and from it the wheel, installs the wheel into an environment of its own, and uses it in another folder.
#
#   tools/try_wheel.sh
#
# Needs .venv with the extra dev. To save the download of a gigabyte, the new environment sees the requirements that
# .venv has; linksim itself comes from the wheel, which the first check makes sure of.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
limit=50000000
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { printf '%(%T)T %s\n' -1 "$*"; }

say "building the sdist and the wheel"
"$python" -m build --no-isolation --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m twine check --strict "$work"/dist/*
for file in "$work"/dist/*; do
    size=$(stat -c %s "$file")
    say "$(basename "$file"): $size bytes"
    [ "$size" -lt $limit ] || { say "over $limit bytes"; exit 1; }
done
"$python" - "$work"/dist/*.whl <<'PY'
import subprocess, sys, zipfile
there = set(zipfile.ZipFile(sys.argv[1]).namelist())
wanted = subprocess.run(["git", "ls-files", "-z", "linksim", "baselines", "jscc"], capture_output=True, text=True, check=True)
missing = {name for name in wanted.stdout.split("\0") if name} - there
sys.exit(f"not in the wheel: {sorted(missing)}" if missing else 0)
PY

say "installing the wheel"
"$python" -m venv --without-pip "$work/env"
"$python" -m pip --python "$work/env/bin/python" install --quiet --no-deps "$work"/dist/*.whl
"$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$("$work/env/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/requirements.pth"
mkdir "$work/elsewhere"
cd "$work/elsewhere"
export PATH=$work/env/bin:$PATH
unset PYTHONPATH
python -c "import linksim, sys; sys.exit(not linksim.__file__.startswith('$work/env/'))"

try() { say "linksim $*"; linksim "$@" >log.txt 2>&1 || { cat log.txt; exit 1; }; }
for name in compare ber encode decode plot methods channels datasets report run reproduce train train-task; do
    linksim "$name" --help >/dev/null
done
try compare --methods bpg,sdjscc --snr 5,12 --limit 8 --workers 1 --out compared
try report compared --images 2 --workers 1
try plot compared
for name in photos scenes things; do
    try compare --methods webp --dataset $name --bpp 1 --snr 12 --limit 1 --workers 1 --no-figures --out "of-$name"
done
try datasets
try methods
try channels
python - <<'PY'
from linksim import registry
from PIL import Image
Image.fromarray(registry.dataset("photos")[0].image).save("photo.png")
PY
try encode photo.png --bpp 0.5 --out-dir coded
try decode coded/photo.bpg --out-dir decoded
test -s decoded/photo.bpg.png -o -s decoded/photo.png
try ber --code ldpc-1/2 --modulation qpsk --snr 3 --max-blocks 64 --out ber
try reproduce table1 --quick --limit 10 --workers 1 --out reproduced
test -s reproduced/table1/summary.csv -o -s reproduced/summary.csv
try train deepjscc --steps 1 --batch 1 --val-images 2 --out trained
say "the wheel works"
