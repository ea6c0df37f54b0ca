"""Jobs as the client follows them: through cut connections, restarts, failures and impatience."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import carving
from carving.client import Job
from carving.client._http import Session, _events
from carving.errors import InvalidInput, MissingFile, ServiceFailure

ID = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def waits(monkeypatch) -> list[float]:
    """How long was waited, on a clock that only waiting moves."""
    seconds: list[float] = []
    monkeypatch.setattr("time.sleep", seconds.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(seconds))
    return seconds


def facts(state: str = "running", done: int = 0, **others: object) -> dict:
    progress = {"stage": "age 8", "done": done, "total": 10, "message": ""}
    return {"id": ID, "kind": "build-tree", "parameters": {}, "state": state, "progress": progress, **others}


def event(number: int, *given: object, **others: object) -> bytes:
    return f"event: job\nid: {number}\ndata: {json.dumps(facts(*given, **others))}\n\n".encode()  # pyright: ignore


def job_with(*streams: Any) -> tuple[Job, list[str]]:
    """A job whose events come in these streams, one a connection, and where each was asked to go on."""
    left, asked = list(streams), []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Last-Event-ID"])
        this = left.pop(0)
        if isinstance(this, Exception | httpx.Response):
            if isinstance(this, httpx.Response):
                return this
            raise this
        return httpx.Response(200, content=this)

    client = httpx.Client(transport=httpx.MockTransport(answer), base_url="http://service")
    return Job(Session(client, retries=3), facts("waiting")), asked


def broken(*blocks: bytes) -> Iterator[bytes]:
    yield from blocks
    raise httpx.RemoteProtocolError("cut")


def test_progress_is_told_once_a_change():
    job, _ = job_with([event(1), event(2, "running", 4), event(3, "running", 4), event(4, "done", 10)])
    seen = []
    job.wait(progress=seen.append)
    assert [each.done for each in seen] == [0, 4, 10]
    assert job.state == "done"


def test_a_cut_connection_goes_on_where_it_was(waits):
    job, asked = job_with(
        broken(event(7), event(8, "running", 3)[:25]),
        httpx.ConnectError("starting"),
        httpx.Response(503),
        [event(9, "running", 5)],
        [event(12, "done", 10)],
    )
    job.wait()
    assert asked == ["0", "7", "7", "7", "9"]
    assert waits == [0.1, 0.2, 0.4, 0.1]


def test_patience_ends(waits):
    job, _ = job_with(*[httpx.ConnectError("gone")] * 1000)
    with pytest.raises(ServiceFailure, match="http://service"):
        job.wait(patience=60)
    assert 60 < sum(waits) < 70


def test_a_service_that_does_not_know_the_job_is_not_asked_again():
    gone = httpx.Response(
        404, headers={"Content-Type": "application/problem+json"}, json={"detail": "no such job"}
    )
    job, asked = job_with(gone)
    with pytest.raises(MissingFile, match="no such job"):
        job.wait()
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (event(2, "failed", error="samples: row 3 is odd"), "row 3 is odd"),
        (event(2, "cancelled"), "was cancelled"),
    ],
)
def test_a_job_that_has_failed_says_why(last, words):
    job, _ = job_with([last])
    with pytest.raises(carving.CarvingError, match=f"{ID}.*{words}"):
        job.wait()


def test_ctrl_c_leaves_the_job_and_says_so():
    def interrupted() -> Iterator[bytes]:
        yield event(1)
        raise KeyboardInterrupt

    job, _ = job_with(interrupted())
    with pytest.raises(KeyboardInterrupt) as stop:
        job.wait()
    (note,) = stop.value.__notes__
    assert ID in note
    assert "goes on" in note
    assert job.state == "running"


def test_a_job_that_has_ended_is_not_waited_for():
    job, asked = job_with([event(1, "done", output=None)])
    job.wait()
    job.wait()
    assert len(asked) == 1
    with pytest.raises(InvalidInput, match="download"):
        job.result()


def test_remarks_and_other_jobs_are_passed_over():
    job, _ = job_with(
        [
            b": still there\n\ndata: no JSON\nid: 1\n\n",
            b"data: []\nid: 2\n\n",
            event(3).replace(ID.encode(), b"f" * 32),
            event(4, "done"),
        ]
    )
    job.wait()
    assert job.state == "done"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_events_are_read_as_their_standard_says(size, end):
    # the examples of HTML, section 9.2.6
    text = """: test stream

data: first event
id: 1

data:second event
id

data:  third event

data: YHOO
data: +2
data: 10

data
data

data: never finished é"""
    content = text.replace("\n", end).encode()
    blocks = [content[start : start + size] for start in range(0, len(content), size)]
    assert list(_events(blocks)) == [
        {"data": "first event", "id": "1"},
        {"data": "second event", "id": ""},
        {"data": " third event"},
        {"data": "YHOO\n+2\n10"},
        {"data": "\n"},
    ]
