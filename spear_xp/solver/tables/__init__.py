"""Batches with more samples than dimensions: how their search is run, and its result."""
