"""A batch, worked off in parts, side by side where there are threads for it."""
