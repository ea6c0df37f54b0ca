"""Many clients at once of a service, and whether it still says at once that it lives.

    python benchmarks/service_load.py [--clients 64] [--seconds 60] [--runs 3]

The workspace holds the genome machine and a tree of its 5,008 samples. Clients place 1 to 100 genomes in a
request, rows of the data with 2 % of their sites flipped, half of the requests as JSON and half as .npz;
each sends its next one when it has an answer. Compared are `carve serve`, and a service without batches
that gets the same requests one at a time. Both have answered for a few seconds before. The generator of
the load, the service, and who asks for /health are processes of their own on the same cores. Answers to
some of the requests are compared with those of the library afterwards.

Then /health is asked for every 20 ms: while nothing else happens; while clients dribble their bodies; while
a job places a million samples; while all clients place theirs.

Runs are repeated; the medians are given, with the least and the most. The data are looked for in
CARVING_SHARED, ../shared unless set.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import orjson
from error_estimates import samples_of, shared_folder, stored_machines

from carving import build_tree, load_tree, open_checkpoints

STORE, TREE = "genomes", "tree"
PLACEMENTS = f"/api/v1/trees/{TREE}/placements"
MOST_ROWS = 100
FLIPPED = 0.02
# requests that are made before the clock runs, so that making them costs no time of the service
PREPARED = 2_000
CHECKED = 100
JOB_ROWS = 1_000_000
SLOW_CLIENTS = 16
SECONDS_BETWEEN_PROBES = 0.02
PERCENTILES = (50, 99)


# ---- requests


def requests(samples: np.ndarray, seed: int, count: int) -> Iterator[tuple[np.ndarray, str, bytes]]:
    """Genomes, the media type and the body of each request."""
    generator = np.random.default_rng(seed)
    for number in range(count):
        rows = samples[generator.integers(len(samples), size=generator.integers(1, MOST_ROWS + 1))]
        rows = rows ^ (generator.random(rows.shape) < FLIPPED)
        if number % 2:
            file = io.BytesIO()
            np.savez_compressed(file, samples=rows)
            yield rows, "application/x-npz", file.getvalue()
        else:
            yield rows, "application/json", orjson.dumps({"samples": rows}, option=orjson.OPT_SERIALIZE_NUMPY)


# ---- the load: a process of its own


async def load(address: str, samples: np.ndarray, clients: int, seconds: float, seed: int) -> dict[str, Any]:
    """Let clients ask for some seconds: how many answers, how soon, and the first of the answers."""
    bodies = [(len(rows), kind, body) for rows, kind, body in requests(samples, seed, PREPARED)]
    latencies: list[float] = []
    genomes, errors, taken = 0, [], 0
    answers: dict[int, list[int]] = {}

    async def client(http: httpx.AsyncClient, until: float) -> None:
        nonlocal genomes, taken
        while time.perf_counter() < until:
            number, taken = taken, taken + 1
            rows, kind, body = bodies[number % len(bodies)]
            begin = time.perf_counter()
            try:
                answer = await http.post(PLACEMENTS, content=body, headers={"Content-Type": kind})
            except httpx.HTTPError as error:
                errors.append(repr(error))
                continue
            latencies.append(time.perf_counter() - begin)
            found = answer.json()["columns"]["node"] if answer.status_code == 200 else []
            if len(found) != rows:
                errors.append(f"{answer.status_code} {answer.text[:200]}")
            genomes += len(found)
            if number < CHECKED:
                answers[number] = found

    async with _connections(address, clients) as connections:
        announce()
        own, begin = _cpu_seconds(), time.perf_counter()
        await asyncio.gather(*(client(http, begin + seconds) for http in connections))
        elapsed = time.perf_counter() - begin
    return {
        "requests": len(latencies) / elapsed,
        "genomes": genomes / elapsed,
        "errors": errors,
        "answers": answers,
        "cores": (_cpu_seconds() - own) / elapsed,
        **_percentiles(latencies),
    }


class _connections:
    """So many clients, each with a connection of its own."""

    def __init__(self, address: str, count: int) -> None:
        self._clients = [
            httpx.AsyncClient(base_url=address, timeout=120, trust_env=False, verify=False)
            for _ in range(count)
        ]

    async def __aenter__(self) -> list[httpx.AsyncClient]:
        return self._clients

    async def __aexit__(self, *_: object) -> None:
        for client in self._clients:
            await client.aclose()


def announce() -> None:
    """Let who has started this process know that it is ready, and begins."""
    print("begun", flush=True)


def _cpu_seconds() -> float:
    return sum(os.times()[:2])


def _percentiles(latencies: Sequence[float]) -> dict[str, float]:
    return {f"p{q}": 1000 * float(np.percentile(latencies, q)) for q in PERCENTILES}


# ---- who asks whether it lives: likewise


def probe(address: str, seconds: float) -> dict[str, Any]:
    """Ask for /health again and again."""
    latencies: list[float] = []
    announce()
    with httpx.Client(base_url=address, timeout=60, trust_env=False) as http:
        until = time.perf_counter() + seconds
        while (begin := time.perf_counter()) < until:
            answer = http.get("/health")
            assert answer.status_code == 200, answer.text
            latencies.append(time.perf_counter() - begin)
            time.sleep(SECONDS_BETWEEN_PROBES)
    return {"probes": len(latencies), "most": 1000 * max(latencies), **_percentiles(latencies)}


# ---- clients that dribble: likewise


async def dribble(address: str, seconds: float) -> dict[str, Any]:
    """Begin requests and send a byte of each now and then."""
    url = httpx.URL(address)
    until = time.perf_counter() + seconds
    announce()

    async def client() -> int:
        refused = 0
        while time.perf_counter() < until:
            _, writer = await asyncio.open_connection(url.host, url.port)
            head = f"POST {PLACEMENTS} HTTP/1.1\r\nHost: {url.host}\r\nContent-Type: application/json\r\n"
            writer.write(f"{head}Content-Length: 1000000\r\n\r\n".encode())
            try:
                while time.perf_counter() < until:
                    writer.write(b"[")
                    await writer.drain()
                    await asyncio.sleep(0.1)
            except ConnectionError:
                refused += 1
            writer.close()
        return refused

    return {"refused": sum(await asyncio.gather(*(client() for _ in range(SLOW_CLIENTS))))}


# ---- services


@contextmanager
def service(command: list[str], log: Path) -> Iterator[str]:
    """The address of a service that a command starts, which prints it in JSON."""
    with open(log, "ab") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    try:
        summary = b"".join(iter(process.stdout.readline, b"}\n"))
        yield json.loads(summary + b"}")["address"]
    finally:
        process.terminate()
        process.wait()


def served(workspace: Path) -> list[str]:
    """`carve serve`."""
    return [sys.executable, "-m", "carving_cli", "serve", str(workspace), "--port", "0", "--json",
            "--upload-mebibytes", "1024"]  # fmt: skip


def unbatched(workspace: Path) -> list[str]:
    """The same without batches, which the command has no option for."""
    return [sys.executable, __file__, "--serve-unbatched", str(workspace)]


def serve_unbatched(workspace: Path) -> None:
    """In a process of its own."""
    import socket

    import uvicorn

    from carving.service import Settings, create_app

    # with the protocol named asyncio sends small answers at once, as for `carve serve`; else 40 ms later
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(1024)
    print(json.dumps({"address": f"http://127.0.0.1:{listening.getsockname()[1]}"}, indent=0), flush=True)
    app = create_app(workspace, Settings(batching=False))
    config = uvicorn.Config(app, http="h11", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


# ---- what is measured


def started(action: str, address: str, **options: Any) -> subprocess.Popen[bytes]:
    """Another process of this program, which has begun to do one of the above."""
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, __file__, "--action", action, "--address", address, *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def finished(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What it has found."""
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{process.args} ended with {process.returncode}")
    return json.loads(out)


def compare_with_library(workspace: Path, samples: np.ndarray, found: dict[str, Any], seed: int) -> str:
    """How many of the genomes whose answers were kept the library places elsewhere."""
    run, tree = open_checkpoints(workspace / STORE), load_tree(workspace / TREE)
    others = total = 0
    for number, (rows, _, _) in enumerate(requests(samples, seed, CHECKED)):
        # those under way when the time was over are missing
        if str(number) in found["answers"]:
            nodes = tree.place(rows, run).node
            others, total = others + int((nodes != found["answers"][str(number)]).sum()), total + len(nodes)
    return f"{others} of {total:,} genomes placed elsewhere than by the library"


def throughput(
    name: str, command: list[str], log: Path, clients: int, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """Runs of one kind of service, each with a service of its own."""
    runs = []
    for number in range(options.runs):
        with service(command, log) as address:
            finished(started("load", address, clients=clients, seconds=min(5.0, options.seconds), seed=1000))
            runs.append(
                finished(started("load", address, clients=clients, seconds=options.seconds, seed=number))
            )
    columns = [[run[column] for run in runs] for column in ("requests", "genomes", "p50", "p99", "cores")]
    _row(name, sum(len(run["errors"]) for run in runs), columns)
    for error in sorted({error for run in runs for error in run["errors"]})[:5]:
        print(f"    {error}", flush=True)
    return runs


def _row(name: str, count: int | str, columns: Sequence[Sequence[float] | str]) -> None:
    """Print a line: the median of each column, with the least and the most."""
    cells = [
        column
        if isinstance(column, str)
        else f"{np.median(column):,.1f} ({min(column):,.1f}–{max(column):,.1f})"
        for column in columns
    ]
    print(f"{name:<24} {count:>6}" + "".join(f" {cell:>24}" for cell in cells), flush=True)


def health(name: str, address: str, seconds: float, runs: int, during: Callable[[float], Any]) -> None:
    """Ask whether it lives while something happens that `during` starts, given for how long."""
    found = []
    for _ in range(runs):
        with ExitStack() as stack:
            for process in during(seconds + 2):
                stack.callback(process.communicate)
            time.sleep(1)
            found.append(finished(started("probe", address, seconds=seconds)))
    columns = [[each[column] for each in found] for column in ("p50", "p99", "most")]
    _row(name, sum(each["probes"] for each in found), columns)


def large_job(http: httpx.Client, samples: np.ndarray) -> str:
    """Upload a million samples and place them."""
    file = io.BytesIO()
    # the same row many times over packs well, and costs the job as much to read
    np.savez_compressed(file, samples=np.repeat(samples, -(-JOB_ROWS // len(samples)), axis=0)[:JOB_ROWS])
    headers = {"Content-Type": "application/x-npz"}
    upload = http.post("/api/v1/uploads", content=file.getvalue(), headers=headers).raise_for_status().json()
    parameters = {"tree": TREE, "samples": upload}
    return http.post("/api/v1/jobs/placements", json=parameters).raise_for_status().json()["id"]


def measure_health(address: str, samples: np.ndarray, options: argparse.Namespace) -> None:
    """All of /health."""
    _row("/health", "probes", ["p50, ms", "p99, ms", "most, ms"])
    seconds, runs = options.seconds, options.runs
    health("nothing else", address, seconds, runs, lambda _: [])
    health(
        f"{SLOW_CLIENTS} slow clients", address, seconds, runs,
        lambda span: [started("dribble", address, seconds=span)],
    )  # fmt: skip
    with httpx.Client(base_url=address, timeout=600, trust_env=False) as http:
        begin = time.perf_counter()
        job = large_job(http, samples)

        def state() -> dict[str, Any]:
            return http.get(f"/api/v1/jobs/{job}").raise_for_status().json()

        while state()["state"] == "waiting":
            time.sleep(0.1)
        health(f"job of {JOB_ROWS:,} rows", address, seconds, runs, lambda _: [])
        last = state()
        print(f"    the job is {last['state']} after {time.perf_counter() - begin:.0f} s: {last['progress']}")
        http.delete(f"/api/v1/jobs/{job}")
    health(
        f"{options.clients} clients", address, seconds, runs,
        lambda span: [started("load", address, clients=options.clients, seconds=span, seed=7)],
    )  # fmt: skip


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where the workspace is kept for another run")
    for word in ("--action", "--address", "--serve-unbatched"):
        parser.add_argument(word, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_unbatched:
        serve_unbatched(Path(options.serve_unbatched))
        return
    shared = shared_folder()
    if not (shared / "data").is_dir():
        sys.exit(f"no real data at {shared}; say where they are with CARVING_SHARED")
    samples = samples_of(shared, "hgd")
    if options.action:
        if options.action == "load":
            work = load(options.address, samples, options.clients, options.seconds, options.seed)
            print(json.dumps(asyncio.run(work)))
        elif options.action == "dribble":
            print(json.dumps(asyncio.run(dribble(options.address, options.seconds))))
        else:
            print(json.dumps(probe(options.address, options.seconds)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        workspace, log = folder / "workspace", folder / "service.log"
        if not workspace.exists():
            workspace.mkdir(parents=True)
            run = stored_machines(shared, "hgd", workspace)
            Path(run.path).rename(workspace / STORE)
            (workspace / TREE).mkdir()
            build_tree(open_checkpoints(workspace / STORE), samples).save(workspace / TREE / "tree.zarr")
        _row("", "errors", ["requests/s", "genomes/s", "p50, ms", "p99, ms", "cores of the load"])
        many = throughput(f"{options.clients} clients", served(workspace), log, options.clients, options)
        alone = throughput("one at a time, alone", unbatched(workspace), log, 1, options)
        ratio = np.median([run["genomes"] for run in many]) / np.median([run["genomes"] for run in alone])
        print(f"throughput: {ratio:.2f} times")
        print(compare_with_library(workspace, samples, many[0], seed=0))
        with service(served(workspace), log) as address:
            measure_health(address, samples, options)


if __name__ == "__main__":
    main()
