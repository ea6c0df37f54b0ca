"""Jobs over HTTP: submitted, followed, fetched, cancelled."""

import io
import time

import httpx
import numpy as np
import pytest

import carving
from tests.service.process import running
from tests.service.workspaces import make_workspace
from tests.tree.runs import pattern_samples

API = "/api/v1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs") / "workspace"
    folder.mkdir()
    make_workspace(folder)
    return folder


@pytest.fixture(scope="module")
def service(folder):
    with running(folder) as process, httpx.Client(base_url=process.address, timeout=60) as client:
        yield client


def followed(service: httpx.Client, job: dict) -> list[dict]:
    """Every event of a job until it has ended."""
    events = []
    with service.stream("GET", f"{API}/jobs/{job['id']}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data:"):
                events.append(httpx.Response(200, content=line[5:]).json())
    return events


@pytest.mark.slow
def test_a_tree_is_built_as_the_library_builds_it(service, folder):
    job = service.post(f"{API}/jobs/build-tree", json={"store": "checkpoints", "output": "new"}).json()
    assert job["state"] in ("waiting", "running")
    last = followed(service, job)[-1]
    assert last["state"] == "done", last
    assert service.get(f"{API}/jobs/{job['id']}/result").json() == {"tree": "new"}
    run = carving.open_checkpoints(folder / "checkpoints")
    expected = carving.build_tree(run, run.samples, names=run.names)
    found = service.get(f"{API}/trees/new/partitions/1000").json()["columns"]
    assert found["node"] == expected.partition(1000).tolist()
    assert service.get(f"{API}/trees/new").json()["store"] == "checkpoints"


@pytest.mark.parametrize("rest", ["", "/events", "/result"])
def test_of_a_job_that_is_not_there_nothing_is_said(service, rest):
    answer = service.get(f"{API}/jobs/{'0' * 32}{rest}")
    assert answer.status_code == 404
    assert "there is no job of that name" in answer.json()["detail"]


def test_an_upload_is_placed(service, folder):
    samples, file = pattern_samples(7, seed=3), io.BytesIO()
    np.savez(file, samples=samples)
    headers = {"Content-Type": "application/x-npz"}
    upload = service.post(f"{API}/uploads", content=file.getvalue(), headers=headers)
    assert upload.status_code == 201
    parameters = {"tree": "tree", "samples": {"upload": upload.json()["upload"]}}
    job = service.post(f"{API}/jobs/placements", json=parameters).json()
    assert followed(service, job)[-1]["state"] == "done"
    result = service.get(f"{API}/jobs/{job['id']}/result")
    with np.load(io.BytesIO(result.content), allow_pickle=False) as placed:
        tree = carving.load_tree(folder / "tree" / "tree.zarr")
        run = carving.open_checkpoints(folder / "checkpoints")
        assert np.array_equal(placed["node"], tree.place(samples, run).node)


def test_the_same_key_is_the_same_job(service):
    def submit(output: str):
        parameters = {"store": "checkpoints", "output": output}
        return service.post(f"{API}/jobs/build-tree", json=parameters, headers={"Idempotency-Key": "once"})

    first, again, other = submit("keyed"), submit("keyed"), submit("else")
    assert first.json()["id"] == again.json()["id"]
    assert other.status_code == 409


def test_a_job_that_waits_is_cancelled(service):
    parameters = {"store": "checkpoints", "output": "never"}
    job = service.post(f"{API}/jobs/build-tree", json=parameters).json()
    assert service.delete(f"{API}/jobs/{job['id']}").status_code in (200, 409)
    deadline = time.monotonic() + 30
    while (state := service.get(f"{API}/jobs/{job['id']}").json()["state"]) not in ("cancelled", "done"):
        assert time.monotonic() < deadline, state


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({"store": "none", "output": "x"}, 404),
        ({"store": "checkpoints", "output": "../x"}, 422),
        ({"store": "checkpoints", "output": "tree"}, 409),
        ({"store": "checkpoints", "output": "x", "strange": 1}, 422),
        ({"store": "checkpoints", "output": "x", "samples": {"file": "../../etc/passwd"}}, 404),
    ],
)
def test_what_would_fail_is_refused_at_once(service, parameters, status):
    answer = service.post(f"{API}/jobs/build-tree", json=parameters)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_jobs_are_listed(service):
    for number in range(3):
        parameters = {"store": "checkpoints", "output": f"listed-{number}"}
        assert service.post(f"{API}/jobs/build-tree", json=parameters).status_code == 202
    answer = service.get(f"{API}/jobs", params={"limit": 2}).json()
    assert len(answer["jobs"]) == 2 < answer["total"]
    assert {"build-tree", "placements"} <= {
        kind["name"] for kind in service.get(f"{API}/job-kinds").json()["kinds"]
    }
