"""Enters: what a model computes in front of a layer. Leaves: steps, each of which may be undone."""

from dataclasses import dataclass

from spear_xp.numerics.backend import Array

__all__ = ["Affine", "Dense", "Front", "Lookup", "Relu", "Standardise", "Step"]


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A fully connected layer: weight x + bias.

    Attributes
    ----------
    weight : array, shape (m, n)
    bias : array, shape (m,), or None
    """

    weight: Array
    bias: Array = None


@dataclass(frozen=True, slots=True)
class Relu:
    """The positive part of every entry."""


@dataclass(frozen=True, slots=True, eq=False)
class Affine:
    """scale x + shift, entry by entry, as of a normalisation with constants.

    Attributes
    ----------
    scale, shift : array, shape (n,), (c, 1) or ()
        For each entry; for each of c channels, which are runs of n / c entries; for all.
    """

    scale: Array
    shift: Array


@dataclass(frozen=True, slots=True, eq=False)
class Standardise:
    """Every row less its mean, over its standard deviation, times scale, plus shift, as of a LayerNorm.

    Mean and standard deviation do not come back, so what stands in front of it does not count.

    Attributes
    ----------
    scale, shift : array, shape (n,) or ()
    """

    scale: Array
    shift: Array


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Rows of a table by number, as of an embedding.

    Attributes
    ----------
    table : array, shape (words, n)
    """

    table: Array


Step = Dense | Relu | Affine | Standardise | Lookup
Front = tuple[Step, ...]  # from the data to the layer; shapes do not count: every sample is one row
