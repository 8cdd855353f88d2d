"""Parts of the public call: what it checks, and what it does before a search."""
