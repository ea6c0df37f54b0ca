"""What a service is allowed to do, and how much of it: one value, made once."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from carving.errors import InvalidInput

MEBIBYTE = 2**20


@dataclass(frozen=True)
class Settings:
    """Limits and habits of a service.

    Attributes
    ----------
    host
        Address to listen at. Anything but loopback needs a token.
    port
        Port to listen at; 0 lets the system choose one.
    token
        What a request must carry as ``Authorization: Bearer …``; None asks for nothing.
    origins
        Web origins, as ``https://example.org``, whose pages may read answers (CORS). None by default.
    trusted_hosts
        Names that the ``Host`` header may hold besides those of the machine itself: without a token, a web
        page that points its own name at this address is refused by it.
    document_bytes
        Largest JSON, CSV or FASTA body.
    upload_bytes
        Largest .npz body, and the most that it may unpack to.
    rows
        Most samples in one request.
    receive_seconds
        Time that a client has to send a request.
    answer_seconds
        Time that a query may wait and compute; then it is given up.
    requests_at_once
        Requests under way, beyond which new ones are asked to come later.
    jobs_at_once
        Jobs under way.
    job_threads
        Threads of each job. Queries compute with those that torch is set to: together they should not be more
        than there are cores.
    jobs_waiting
        Jobs not ended, beyond which new ones are refused.
    device
        Where queries and jobs compute.
    batching
        Whether queries of several clients are solved together; otherwise each is solved alone, as the library
        does it, to the last bit.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    document_bytes: int = 4 * MEBIBYTE
    upload_bytes: int = 64 * MEBIBYTE
    rows: int = 10_000
    receive_seconds: float = 30.0
    answer_seconds: float = 60.0
    requests_at_once: int = 256
    jobs_at_once: int = 1
    job_threads: int = 1
    jobs_waiting: int = 1_000
    device: str = "cpu"
    batching: bool = True

    def __post_init__(self) -> None:
        counts = (
            "document_bytes",
            "upload_bytes",
            "rows",
            "requests_at_once",
            "jobs_at_once",
            "job_threads",
            "jobs_waiting",
        )
        for name in counts:
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} {getattr(self, name)} is not positive")
        for name in ("receive_seconds", "answer_seconds"):
            if not 0 < getattr(self, name) < float("inf"):
                raise InvalidInput(f"{name} {getattr(self, name)} is not a duration in seconds")
        if self.token is not None and len(self.token) < 16:
            raise InvalidInput("the token is shorter than 16 characters; take a long random one")
        if self.token is None and not self.is_loopback:
            raise InvalidInput(
                f"host {self.host!r} can be reached by others, so a token is needed; give one, or listen at "
                "127.0.0.1"
            )

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the service."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False
