"""Which device a name means."""

import torch

from carving.errors import InvalidInput


def resolve_device(device: str | torch.device) -> torch.device:
    """The device of that name, after checking that it works; ``"auto"``: an accelerator if there is one.

    Raises
    ------
    InvalidInput
        If there is no such device.
    """
    if str(device) == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=device)
    except Exception as error:  # torch raises several kinds, some of them many lines long
        reason = str(error).partition("\n")[0]
        raise InvalidInput(
            f"device: {str(device)!r} cannot be used ({reason}); give auto, cpu or cuda:N"
        ) from None
    return torch.device(device)
