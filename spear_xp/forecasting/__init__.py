"""What a search will cost, before it runs."""
