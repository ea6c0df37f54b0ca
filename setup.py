"""The one thing that pyproject.toml cannot say: the folder cli/ is the package carving_cli."""

from setuptools import find_packages, setup

command_line = ["carving_cli", *(f"carving_cli.{name}" for name in find_packages("cli"))]

setup(
    packages=[*find_packages(include=["carving", "carving.*"]), *command_line],
    package_dir={"carving_cli": "cli"},
)
