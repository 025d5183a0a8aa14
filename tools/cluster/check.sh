#!/bin/sh
# Checks that parts computed side by side give the same bytes as an undivided run: by xargs, by
# make, and by Dask if Python has it.
#
#     tools/cluster/check.sh [COFIRE [PYTHON]]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cofire=$(command -v "${1:-cofire}")
python=${2:-python3}
layer="$here/../../examples/data/minilm.safetensors"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
settings="--layer layer.2.ffn --strongest 5 --bins 10 --block-edge 16 --engine cpu"

# shellcheck disable=SC2086 # settings are words
"$cofire" pairs "$layer" $settings --out "$work/whole" >"$work/log" 2>&1

same() {
    for file in pairs.csv pairs.npz entropy.npy; do
        cmp "$work/whole/$file" "$work/$1/$file"
    done
    echo "$1: the same bytes in pairs.csv, pairs.npz and entropy.npy"
}

# shellcheck disable=SC2086
seq 1 6 | xargs -P 3 -I PART "$cofire" pairs "$layer" $settings --job "$work/xargs-job" \
    --part PART/6 2>>"$work/log"
"$cofire" merge "$work/xargs-job" --out "$work/xargs" >>"$work/log" 2>&1
same xargs

make -s -j 3 -f "$here/Makefile" COFIRE="$cofire" FILES="$layer" PARTS=4 SETTINGS="$settings" \
    JOB="$work/make-job" OUT="$work/make" >>"$work/log" 2>&1
same make

if "$python" -c 'import dask.distributed' 2>/dev/null; then
    # shellcheck disable=SC2086
    "$python" "$here/dask_pairs.py" "$layer" --parts 5 --workers 2 --job "$work/dask-job" \
        --out "$work/dask" --cofire "$cofire" -- $settings >>"$work/log" 2>&1
    same dask
else
    echo "dask: not run, as $python has no dask.distributed"
fi
