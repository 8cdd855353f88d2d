"""Names of formulas and Markdown pages enter; LaTeX leaves, and the pages with every formula written out."""

import re

import sympy

from theory.exact.formulas import named_formula

__all__ = ["fill_formulas", "render_formula"]


def render_formula(name: str) -> str:
    """One of `FORMULAS` as LaTeX.

    Parameters
    ----------
    name : str
        A key of `FORMULAS`.

    Returns
    -------
    str
        LaTeX without delimiters.

    Raises
    ------
    ParameterError
        If no formula has that name.

    Examples
    --------
    >>> render_formula("direction")
    'q_1 = p^{b - 1} {M}_{b - 1}'
    """
    label, expression = named_formula(name)
    shown = expression.replace(sympy.harmonic, sympy.Function("H"))  # sympy would spell the name out
    return f"{label} = {sympy.latex(shown)}"


def fill_formulas(page: str) -> str:
    """Write the formulas of a Markdown page from the expressions.

    Parameters
    ----------
    page : str
        Text with blocks ``<!-- formula: NAME -->`` ... ``<!-- /formula -->``.

    Returns
    -------
    str
        The same text with the inside of each block rendered anew.

    Raises
    ------
    ParameterError
        If a block names no formula.

    Examples
    --------
    >>> print(fill_formulas("<!-- formula: direction --><!-- /formula -->"))
    <!-- formula: direction -->
    $$q_1 = p^{b - 1} {M}_{b - 1}$$
    <!-- /formula -->
    """

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}\n$${render_formula(found[2])}$$\n<!-- /formula -->"

    return re.sub(r"(<!-- formula: (\w+) -->).*?<!-- /formula -->", block, page, flags=re.DOTALL)
