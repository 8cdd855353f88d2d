"""More samples than features: rows of the gradient in few dimensions, peeled one sample at a time."""
