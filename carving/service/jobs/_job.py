"""What is known of a job, as its submitter sees it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field

State = Literal["waiting", "running", "done", "failed", "cancelled"]
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
STATES: tuple[State, ...] = get_args(State)

Made = Literal["file", "tree", "store"]
"""What a job leaves: a file to fetch, or a tree or a checkpoint store of the workspace."""


class JobProgress(BaseModel):
    """How far a job is."""

    model_config = ConfigDict(frozen=True)

    stage: str = Field(description="What is being done.", examples=["age 8000"])
    done: int = Field(description="How much of it, in units of its own.", examples=[1024])
    total: int = Field(description="How much there is of it.", examples=[5008])
    message: str = Field(default="", description="A few words more.", examples=["228 states"])


class Job(BaseModel):
    """A job: what was asked for, and what has become of it."""

    model_config = ConfigDict(frozen=True)

    id: str = Field(description="What the job is called.", examples=["0" * 32])
    kind: str = Field(description="What kind of job it is.", examples=["build-tree"])
    parameters: dict[str, Any] = Field(description="What was asked for, with all defaults.")
    state: State = Field(description="`done`, `failed` and `cancelled` are final.")
    created: float = Field(description="When it was accepted, in seconds since 1970.")
    started: float | None = Field(default=None, description="When it was last begun.")
    ended: float | None = Field(default=None, description="When it ended.")
    progress: JobProgress | None = Field(default=None, description="How far it is.")
    attempts: int = Field(default=0, description="How often it was begun.")
    error: str | None = Field(default=None, description="Why it failed, in one line.")
    output: str | None = Field(default=None, description="The name of the tree or store that it makes.")

    @property
    def has_ended(self) -> bool:
        """Whether nothing about it will change any more."""
        return self.state in ENDED


class Event(NamedTuple):
    """A job at some moment; later moments have larger numbers, also after the service was started anew."""

    number: int
    job: Job


@dataclass(frozen=True)
class Result:
    """What a finished job has made.

    Attributes
    ----------
    kind
        ``"file"``, or ``"tree"`` or ``"store"`` of the workspace.
    name
        The name of the file, or that of the tree or store.
    path
        Where the file lies; None for trees and stores, which are asked for by name.
    media_type
        Of the file.
    """

    kind: Made
    name: str
    path: Path | None = None
    media_type: str = "application/octet-stream"
