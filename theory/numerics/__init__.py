"""Checked arguments and careful logarithms, which everything else in `theory` is built from.

`checks` is the one error type and the messages, `logmath` elementary functions, `binomial` binomial laws.
"""
