"""Results as text, progress bars, pictures and errors against a known truth."""
