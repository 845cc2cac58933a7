#!/usr/bin/env bash
# Every GPU check and benchmark in one call: benchmarks/gpu.sh [OUT]. Figures go to OUT (default benchmarks/results) as JSON.
# Needs throng's environment (envs/gpu.yaml or make setup); nothing is fetched.
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
python3 benchmarks/gauconv.py --device cuda --out "$out"
python3 benchmarks/counting.py --device cuda --rounds 20 --settings eager channels-last bf16 bf16-compiled --out "$out"
python3 benchmarks/learning_to_count.py --device cuda --out "$out"
python3 benchmarks/gan.py --device cuda --rounds 7 --out "$out"
python3 benchmarks/gan_networks.py --device cuda --out "$out"
# a machine of several GPUs: one process on each of them, against one process alone
if [ "$(python3 -c 'import torch; print(torch.cuda.device_count())')" -gt 1 ]; then
  python3 benchmarks/shared_steps.py --device cuda --out "$out"
fi
# counting without labels on rendered crowds, a ResNet-50, three runs each; its table is the result
python3 -m snakemake results/ladder-gpu/ladder/ladder.html --configfile config/ladder.yaml config/ladder-gpu.yaml --cores 16
cp results/ladder-gpu/ladder/ladder.json "$out/ladder_rendered_gpu.json"
# generators of rendered crowds, StyleGAN3 beside R3GAN; trainings go on where an earlier call was stopped
python3 -m snakemake results/gan-gpu/evaluate_gan/{crowds,relativistic}/seed-1/gan.html --configfile config/gan.yaml config/gan-gpu.yaml --cores 16
for gan in crowds relativistic; do
  cp "results/gan-gpu/evaluate_gan/$gan/seed-1/metrics.json" "$out/gan_rendered_gpu_$gan.json"
done
python3 benchmarks/detect.py --device cuda --model yolo11m --images 512 --threads 16 --out "$out"
python3 benchmarks/diffusion.py --device cuda --compile --out "$out"
python3 benchmarks/diffusion.py --task draw --device cuda --compile --out "$out"
