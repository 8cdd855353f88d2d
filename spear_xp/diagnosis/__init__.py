"""What is wrong with an update, named from what it shows."""
