"""Everything that carving raises on purpose.

Each message is one line: the file or argument, the place in it, what is wrong, and the remedy.
Each class is also a subclass of the built-in that a caller would catch.
"""


class CarvingError(Exception):
    """Base of every error that carving raises on purpose."""


class InvalidInput(CarvingError, ValueError):
    """What was given cannot be used: a wrong value, shape, name or option."""


class MissingFile(CarvingError, FileNotFoundError):
    """A file or folder that was named does not exist."""


class OutputExists(CarvingError, FileExistsError):
    """An output is already there and overwriting was not asked for."""


class CorruptStore(CarvingError, ValueError):
    """A store or file is damaged, incomplete, or of another format."""


class MissingDependency(CarvingError, ImportError):
    """An optional package is needed for what was asked."""


class OutOfMemory(CarvingError, MemoryError):
    """The work does not fit into memory, even in the smallest batch."""


class NotAllowed(CarvingError, PermissionError):
    """A service does not let this client do what it asked for."""


class ServiceFailure(CarvingError, ConnectionError):
    """A service cannot be reached, is too busy, or has failed."""
