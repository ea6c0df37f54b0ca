"""What pyproject.toml cannot say: the folder cli/ is the package carving_cli, and the compiled sweep is
optional, so that carving installs, and works, where there is no compiler."""

import platform
import sys

from setuptools import Extension, find_packages, setup

command_line = ["carving_cli", *(f"carving_cli.{name}" for name in find_packages("cli"))]

# the same source for each kind of processor; which one serves is decided when carving runs
PROCESSORS = {"avx2": ["-mavx2", "-mfma"], "avx512": ["-mavx512f", "-mfma"]}
# without -ffast-math: what is not a number must stay so
OPTIONS = ["-std=c++17", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math", "-fopenmp"]

compiled = [
    Extension(
        f"carving.units._sweep_{name}",
        ["carving/units/_sweep.cpp"],
        extra_compile_args=[*OPTIONS, *instructions],
        extra_link_args=["-fopenmp"],
        optional=True,
    )
    for name, instructions in PROCESSORS.items()
]

setup(
    packages=[*find_packages(include=["carving", "carving.*"]), *command_line],
    package_dir={"carving_cli": "cli"},
    # elsewhere torch brings other threads than those of the compiler, or the processor has other vectors
    ext_modules=compiled if (sys.platform, platform.machine()) == ("linux", "x86_64") else [],
)
