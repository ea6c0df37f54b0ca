"""``carve serve``: what its options make of the service."""

from pathlib import Path

import pytest
import torch
import uvicorn

from carving import service
from tests.cli.workspace import succeed


@pytest.mark.parametrize(
    ("cores", "options", "queries", "job"),
    [
        (8, (), 4, 4),
        (8, ("--jobs", 2), 4, 2),
        (8, ("--threads", 6), 6, 2),
        (8, ("--threads", 8, "--jobs", 3), 8, 1),
        (1, (), 1, 1),
    ],
)
def test_queries_and_jobs_share_the_cores(
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    cores: int,
    options: tuple[object, ...],
    queries: int,
    job: int,
):
    create, made = service.create_app, []

    def create_app(workspace: Path, settings: service.Settings):
        made.append(settings)
        return create(workspace, settings)

    monkeypatch.setattr(service, "create_app", create_app)
    monkeypatch.setattr(uvicorn.Server, "run", lambda *_, **__: None)
    torch.set_num_threads(cores)
    succeed("serve", ".", "--port", 0, *options)
    assert [each.job_threads for each in made] == [job]
    assert torch.get_num_threads() == queries
