"""Enters: nothing. Leaves: the exceptions for bad input, one class per kind of mistake.

Every message names the argument, the offending value and the legal range. A search that fails is
not an error: it returns a result whose status says why.
"""

__all__ = [
    "ArgumentRangeError",
    "ArrayLibraryError",
    "CheckpointError",
    "DtypeError",
    "FileError",
    "NonFiniteError",
    "RankError",
    "SavedFileError",
    "ShapeError",
    "SpearError",
    "UpdateError",
    "ZeroGradientError",
]


class SpearError(ValueError):
    """Base class of every exception that this library raises on bad input."""


class ShapeError(SpearError):
    """An array has the wrong shape, or two arrays do not fit together."""


class DtypeError(SpearError, TypeError):
    """An array is not of a real floating-point dtype."""


class ArrayLibraryError(SpearError, TypeError):
    """Arrays of two libraries or of two devices, or something that is not an array at all."""


class NonFiniteError(SpearError):
    """An array holds NaN or infinity."""


class ZeroGradientError(SpearError):
    """The gradient is zero: no neuron was active, nothing can be recovered."""


class RankError(SpearError):
    """The numerical rank of the gradient does not allow a search."""


class ArgumentRangeError(SpearError):
    """A scalar option lies outside its legal range."""


class UpdateError(SpearError):
    """What a system sent cannot be read as the update of a model."""


class FileError(UpdateError):
    """A file is damaged, of an unknown format, or holds what is never read, such as pickled objects."""


class SavedFileError(SpearError):
    """A file is not what `spear_xp` has saved: of another kind or version, damaged, or made to do harm."""


class CheckpointError(SavedFileError):
    """A checkpoint is of another gradient, seed, search, device or version than the call."""
