"""Integers and one-hot groups among the features: what rounds to them, and what they tell from one row."""
