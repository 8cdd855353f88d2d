"""What stands in front of the layers of a torch module, and what follows them."""
