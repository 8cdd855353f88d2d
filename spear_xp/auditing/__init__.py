"""From the update of a whole model to a verdict."""
