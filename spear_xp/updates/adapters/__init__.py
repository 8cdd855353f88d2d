"""What federated-learning systems send, turned into updates of layers: `read`."""

from spear_xp.updates.adapters.read import read
from spear_xp.updates.adapters.training import Training

__all__ = ["Training", "read"]
