"""Updates of which entries are missing: low rank completes them from those that came."""
