"""Whether the work will fit into memory, said before it starts."""

from pathlib import Path
from typing import TYPE_CHECKING

from carving_cli._console import Console

if TYPE_CHECKING:
    import numpy

    from carving.checkpoints import CheckpointSequence

_CGROUP_FILES = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def available(device: str) -> int | None:
    """Bytes that are free on a device, or ``None`` where the system does not say."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.mem_get_info(device)[0]
    limits = [_free_in_container(*files) for files in _CGROUP_FILES]
    known = [limit for limit in (_free_in_machine(), *limits) if limit is not None]
    return min(known, default=None)


def _free_in_machine() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    return sizes[0] if sizes else None


def _free_in_container(limit_file: str, usage_file: str) -> int | None:
    try:
        limit, usage = (int(Path(file).read_text(encoding="ascii")) for file in (limit_file, usage_file))
    except (OSError, ValueError):  # no container, or a limit of "max"
        return None
    return max(limit - usage, 0)


def warn_if_too_large(
    run: "CheckpointSequence",
    samples: "numpy.ndarray",
    batch_size: int | None,
    device: str,
    console: Console,
) -> None:
    """Say so when the estimated peak is more than what is free."""
    from carving.tree.descent import estimate_memory

    needed, free = estimate_memory(run, samples, batch_size), available(device)
    console.detail(f"estimated peak memory: {size(needed)}{'' if free is None else f' of {size(free)} free'}")
    if free is not None and needed > free:
        console.warn(
            f"about {size(needed)} of memory will be needed and {size(free)} are free on {device}; "
            "if the run fails, use a smaller --batch-size, or fewer samples with --rows"
        )


def size(number: float) -> str:
    """Bytes as a person says them."""
    for unit in ("bytes", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"
