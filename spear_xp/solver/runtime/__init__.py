"""What a search runs on: whose turn it is, and how much time is left."""
