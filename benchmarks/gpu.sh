#!/usr/bin/env bash
# Every GPU check and benchmark in one call: benchmarks/gpu.sh [OUT]. Figures go to OUT (default benchmarks/results) as JSON.
# Needs torch, numpy, scipy, numba, h5py, opencv, matplotlib, safetensors, rich and pytest; nothing is fetched.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-benchmarks/results}
mkdir -p "$out"
python3 - <<'PY'
import torch
assert torch.cuda.is_available(), "no CUDA device: this script measures one"
print(f"device: {torch.cuda.get_device_name()}, torch {torch.__version__}")
PY
python3 benchmarks/gpu_agreement.py --out "$out"
python3 benchmarks/counters.py --device cuda --out "$out"
