"""Jobs at a service: what takes longer than a request may."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from carving._files import whole_file
from carving._progress import Progress, ProgressCallback
from carving.client._http import API
from carving.client.checkpoints import RemoteCheckpoints
from carving.client.tree import RemoteTree
from carving.errors import CarvingError, InvalidInput, ServiceFailure

if TYPE_CHECKING:
    from carving.client._http import Session

_ENDED = ("done", "failed", "cancelled")
_LONGEST_WAIT = 5.0


class Job:
    """A job at a service; it goes on whether anybody waits for it or not.

    Made by :meth:`Connection.submit` and :meth:`Connection.job`. What it says of itself is what was last
    heard: :meth:`refresh` asks again, :meth:`wait` follows it to its end.
    """

    def __init__(self, session: Session, facts: dict[str, Any]) -> None:
        self._session = session
        self._facts = facts
        self._heard = 0

    @property
    def id(self) -> str:
        """What the service calls it; :meth:`Connection.job` finds it again."""
        return self._facts["id"]

    @property
    def kind(self) -> str:
        """What kind of job it is, for example ``"build-tree"``."""
        return self._facts["kind"]

    @property
    def parameters(self) -> dict[str, Any]:
        """What was asked for, with all defaults."""
        return dict(self._facts["parameters"])

    @property
    def state(self) -> str:
        """``"waiting"``, ``"running"``, or at its end ``"done"``, ``"failed"`` or ``"cancelled"``."""
        return self._facts["state"]

    @property
    def progress(self) -> Progress | None:
        """How far it is."""
        found = self._facts.get("progress")
        return (
            None
            if found is None
            else Progress(**{name: found[name] for name in Progress.__dataclass_fields__})
        )

    @property
    def error(self) -> str | None:
        """Why it failed, in one line."""
        return self._facts.get("error")

    @property
    def output(self) -> str | None:
        """The name of the tree or store that it makes."""
        return self._facts.get("output")

    @property
    def _address(self) -> str:
        return f"{API}/jobs/{self.id}"

    def refresh(self) -> None:
        """Ask how far it is."""
        self._facts = self._session.json(self._address)

    def cancel(self) -> None:
        """End it; what it had done so far is thrown away. Nothing happens to one that has ended."""
        self._facts = self._session.json(self._address, method="DELETE")

    def wait(self, *, progress: ProgressCallback | None = None, patience: float = 300.0) -> None:
        """Return when the job is done.

        Ctrl-C ends the waiting, not the job.

        Parameters
        ----------
        progress
            Called whenever it has gone on.
        patience
            Seconds for which the service may be out of reach, as when it is started anew.

        Raises
        ------
        CarvingError
            If the job has failed or was cancelled.
        ServiceFailure
            If the service is out of reach for too long; the job goes on when it is back.
        """
        try:
            self._follow(progress, patience)
        except KeyboardInterrupt as interruption:
            interruption.add_note(
                f"the job goes on at {self._session.url}: job({self.id!r}) of a connection finds it again, "
                "cancel() of that ends it"
            )
            raise
        if self.state != "done":
            reason = self.error or f"was {self.state}"
            raise CarvingError(f"{self._session.url}: job {self.id} ({self.kind}): {reason}")

    def _follow(self, progress: ProgressCallback | None, patience: float) -> None:
        said: Progress | None = None
        heard_at, wait = time.monotonic(), 0.1
        while self.state not in _ENDED:
            try:
                for number, facts in self._events():
                    self._heard, self._facts = number, facts
                    heard_at, wait = time.monotonic(), 0.1
                    now = self.progress
                    if progress is not None and now is not None and now != said:
                        progress(now)
                        said = now
            except ServiceFailure:
                if time.monotonic() - heard_at > patience:
                    raise
            if self.state not in _ENDED:
                # cut off: listen again from where it was
                time.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)

    def _events(self) -> Iterator[tuple[int, dict[str, Any]]]:
        for event in self._session.events(f"{self._address}/events", after=self._heard):
            try:
                facts, number = json.loads(event["data"]), int(event["id"])
            except (KeyError, ValueError):
                # a remark of the service, or of who is in between
                continue
            if isinstance(facts, dict) and facts.get("id") == self.id:
                yield number, facts

    # ---- what it has made

    def result(self, *, progress: ProgressCallback | None = None) -> RemoteTree | RemoteCheckpoints:
        """The tree or the checkpoint store that it makes, once it is done.

        Parameters
        ----------
        progress
            As for :meth:`wait`.

        Raises
        ------
        InvalidInput
            If it makes a file: :meth:`download` fetches that.
        CarvingError
            If it has failed or was cancelled.
        """
        self.wait(progress=progress)
        if self.output is None:
            raise InvalidInput(f"job {self.id} ({self.kind}): makes a file; fetch it with download(path)")
        made = self._session.json(f"{self._address}/result")
        if "tree" in made:
            return RemoteTree(self._session, made["tree"])
        if "store" in made:
            return RemoteCheckpoints(self._session, made["store"])
        raise ServiceFailure(f"{self._session.url}: job {self.id} made neither a tree nor a store")

    def download(
        self, path: str | os.PathLike[str], *, force: bool = False, progress: ProgressCallback | None = None
    ) -> None:
        """Write the file that it makes, once it is done.

        Parameters
        ----------
        path
            The file, which appears whole or not at all.
        force
            Replace what is there.
        progress
            As for :meth:`wait`.
        """
        self.wait(progress=progress)
        if self.output is not None:
            raise InvalidInput(f"job {self.id} ({self.kind}): makes no file; result() gives what it makes")
        with whole_file(path, force=force) as file:
            self._session.download(f"{self._address}/result", file)

    def __repr__(self) -> str:
        now = self.progress
        how_far = f", {now.stage} {now.done:,} of {now.total:,}" if now and self.state == "running" else ""
        return f"Job({self.id!r}): {self.kind}, {self.state}{how_far}"
