"""Tests of spear_xp, theory and the command line."""
