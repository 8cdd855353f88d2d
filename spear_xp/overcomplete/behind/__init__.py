"""What the layers behind say of a batch with more samples than features: how much of each is in every row."""
