"""One round of federated learning, audited by the workers of a cluster of dask.

python examples/cluster.py               # needs dask's `distributed`, no dependency of this library

The cluster is two processes on this machine; docs/long-runs.md has a sketch, not run, for several GPUs.
"""

import logging
import sys
import tempfile
from pathlib import Path

import numpy as np

import spear_xp
from spear_xp.updates import synthetic

try:
    from distributed import Client, LocalCluster
except ModuleNotFoundError:
    sys.exit("this example needs dask: pip install distributed")

CLIENTS, BATCH, FEATURES, WIDTH = 6, 12, 100, 200


def send(folder: Path) -> None:
    """Write what each client sends: the gradient of the first layer, for a batch of its own."""
    for client in range(CLIENTS):
        batch = synthetic.gaussian_inputs(BATCH, FEATURES, rng=client)
        sent = synthetic.mlp_gradient(batch, width=WIDTH, rng=0)
        names = ("grad_w", "grad_b", "weight", "bias")
        np.savez(folder / f"client-{client}.npz", **dict(zip(names, sent.observed, strict=True)))


def main() -> None:
    """Updates side by side, and then one search whose turns run side by side."""
    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=logging.CRITICAL
    )
    with tempfile.TemporaryDirectory() as name, cluster, Client(cluster) as client:
        folder = Path(name)
        send(folder)
        workers = client.get_executor()
        found = spear_xp.audit_folder(folder, rng=0, time_limit=10.0, executor=workers)
        print(found.summary())

        with np.load(folder / "client-0.npz") as file:
            arrays = [file[name] for name in ("grad_w", "grad_b", "weight", "bias")]
        alone = spear_xp.invert(*arrays, rng=0, rounds=2)
        together = spear_xp.invert(*arrays, rng=0, rounds=2, executor=workers)
        same = together.inputs.tobytes() == alone.inputs.tobytes()
        print(f"one search, two workers: {together.status.name}, the same bytes as without: {same}")


if __name__ == "__main__":
    main()
