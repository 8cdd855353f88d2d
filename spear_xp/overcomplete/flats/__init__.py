"""Hyperplanes that hold the gradient on many rows: what opens a batch without quiet rows."""
