"""What `import theory` takes along, and which names it answers to."""

import subprocess
import sys

import pytest

import theory


def test_import_is_light():
    """Neither statistics, symbols nor plots are loaded by ``import theory``."""
    code = (
        "import sys, theory; heavy = {'scipy.stats', 'sympy', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; assert not any(name.startswith('spear_xp') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lazy_names():
    assert theory.symbolic.__name__ == "theory.symbolic"
    with pytest.raises(AttributeError, match="nothing_like_it"):
        theory.nothing_like_it  # noqa: B018
    for name in theory.__all__:
        assert getattr(theory, name) is not None
