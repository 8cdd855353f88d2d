"""Where gradients come from: networks of our own and the images that they are taken of."""
