"""Exact answers with symbols and fractions: closed forms, polynomials in p, and the LaTeX of the pages.

`formulas` are the closed forms, `polynomials` the laws of small batches, `latex` writes formulas into pages.
All three load sympy, which takes longer than the rest of `theory`.
"""
