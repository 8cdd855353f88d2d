"""A result as one HTML page that needs no network. Needs jinja2 and matplotlib (the `report` extra)."""

from spear_xp.reporting.html.page import report

__all__ = ["report"]
