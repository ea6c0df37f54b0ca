"""``python -m carving_cli`` is the same as the installed script ``carve``."""

from carving_cli.main import main

if __name__ == "__main__":
    main()
