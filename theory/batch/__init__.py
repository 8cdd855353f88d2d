"""A whole batch: how many samples find every direction, with what probability, and what no budget can find.

`averaged` is the law behind all, `budget` and `samples_needed` its two readings, `inverse_queries` the batch
or width that a budget reaches, `failure` and `identifiability` what holds for any budget.  `forecasting` puts
an answer together, `zero_counts` and `row_activity` do so for the zeros of an actual gradient.
"""
