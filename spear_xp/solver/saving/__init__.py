"""What is kept of a search in files: results, and where they come from."""
