"""The gradient that autograd computes for a Linear + ReLU network, inverted.

python examples/torch_gradient.py        # needs torch, which is no dependency of this library
"""

import sys

import spear_xp
from spear_xp.reporting import metrics

try:
    import torch
except ModuleNotFoundError:
    sys.exit("this example needs torch: pip install torch")


def main() -> None:
    """One client, one batch, one backward pass."""
    torch.manual_seed(0)
    first = torch.nn.Linear(300, 200)
    model = torch.nn.Sequential(first, torch.nn.ReLU(), torch.nn.Linear(200, 10))
    inputs, labels = torch.randn(16, 300), torch.randint(0, 10, (16,))
    torch.nn.functional.cross_entropy(model(inputs), labels).backward()

    # Tensors with a history are fine. On CUDA the computation needs CuPy; on the CPU nothing is copied.
    result = spear_xp.invert(first.weight.grad, first.bias.grad, first.weight, first.bias, rng=0)

    print(f"{result.status.name}: {int(result.certified.sum())} of {result.batch_size} certified")
    print(f"inputs come back as {type(result.inputs).__name__} of {result.inputs.dtype}")
    psnr = metrics.compare(inputs, result.inputs).psnr
    print(f"against the truth: PSNR {psnr.min():.0f} to {psnr.max():.0f} dB")


if __name__ == "__main__":
    main()
