"""The command `spear-xp`."""

from spear_xp.cli.command import main

__all__ = ["main"]
