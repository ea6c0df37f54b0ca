"""Which version of a package is installed."""


def version_of(package: str) -> str:
    """The installed version, or ``"unknown"`` for a package that was not installed as one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
