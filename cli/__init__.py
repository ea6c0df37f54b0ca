"""The ``carve`` command: options, progress and messages around the library. No numerics live here."""
