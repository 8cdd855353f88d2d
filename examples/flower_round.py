"""What a Flower server can read from three clients in two rounds of federated averaging.

python examples/flower_round.py        # needs flwr[simulation] and torch, no dependencies of this library

Each client has 8 face photographs of its own and takes one step of SGD on them. The server is honest: it
averages. It also keeps what each client sent, and audits that.
"""

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

os.environ |= {  # read when Flower and Ray are imported
    "FLWR_TELEMETRY_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

import spear_xp
from spear_xp.numerics.backend import to_host
from spear_xp.reporting import metrics
from spear_xp.updates.adapters import Training, read
from spear_xp.updates.images import faces

try:
    import torch
    from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp
    from flwr.serverapp import Grid, ServerApp
    from flwr.serverapp.strategy import FedAvg
    from flwr.simulation import run_simulation
except ModuleNotFoundError as error:
    sys.exit(f'this example needs {error.name}: pip install "flwr[simulation]" torch')

CLIENTS, ROUNDS, BATCH = 3, 2, 8
TRAINING = Training(lr=0.1)
client, server = ClientApp(), ServerApp()


def network() -> torch.nn.Module:
    """Two hidden layers, the same at every place."""
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(625, 200),
        torch.nn.ReLU(),
        torch.nn.Linear(200, 100),
        torch.nn.ReLU(),
        torch.nn.Linear(100, 10),
    )


def data_of(number: int) -> torch.Tensor:
    """The photographs of one client."""
    return torch.as_tensor(faces(CLIENTS * BATCH, rng=0)[number * BATCH : (number + 1) * BATCH])


@client.train()
def train(message: Message, context: Context) -> Message:
    """One step on the data of this client."""
    number, model = int(context.node_config["partition-id"]), network()
    model.load_state_dict(message.content["arrays"].to_torch_state_dict())
    loss = torch.nn.functional.cross_entropy(model(data_of(number)), torch.arange(BATCH) % 10)
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=TRAINING.lr).step()
    metrics_of = MetricRecord({"num-examples": BATCH, "client": number})
    content = RecordDict({"arrays": ArrayRecord(model.state_dict()), "metrics": metrics_of})
    return Message(content=content, reply_to=message)


class Curious(FedAvg):
    """Federated averaging by a server that audits what comes in."""

    sent: ArrayRecord

    def configure_train(self, server_round: int, arrays: ArrayRecord, *rest: Any) -> Iterable[Message]:
        """Keep the weights that go out."""
        self.sent = arrays
        return super().configure_train(server_round, arrays, *rest)

    def aggregate_train(self, server_round: int, replies: Iterable[Message]) -> tuple[Any, Any]:
        """Audit each answer, then average."""
        replies = list(replies)
        for reply in sorted(replies, key=lambda one: one.content["metrics"]["client"]):
            number = int(reply.content["metrics"]["client"])
            update = read(reply.content["arrays"], self.sent, model=network(), training=TRAINING)
            audit = spear_xp.audit(update, time_limit=4.0, rng=0)
            found = audit.layers[0].result
            psnr = metrics.compare(to_host(data_of(number)), to_host(found.inputs)).psnr
            print(
                f"round {server_round}, client {number}: {audit.verdict.name}, {audit.layers[0].outcome}, "
                f"PSNR {psnr.min():.0f} to {psnr.max():.0f} dB, labels {audit.labels}"
            )
        return super().aggregate_train(server_round, replies)


@server.main()
def main(grid: Grid, context: Context) -> None:  # noqa: ARG001  # Flower calls it with both
    """Two rounds of federated averaging."""
    strategy = Curious(fraction_evaluate=0.0, min_train_nodes=CLIENTS, min_available_nodes=CLIENTS)
    strategy.start(grid=grid, initial_arrays=ArrayRecord(network().state_dict()), num_rounds=ROUNDS)


if __name__ == "__main__":
    logging.getLogger("flwr").setLevel(logging.ERROR)
    run_simulation(server_app=server, client_app=client, num_supernodes=CLIENTS)
