"""The files for containers and systemd: what they say holds, and their commands run together as processes."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import httpx
import numpy as np
import pytest
import yaml
from distributed import Client

import carving
from carving_cli.commands import serve
from carving_cli.main import carve
from tests.service.workspaces import make_workspace
from tests.test_docs import DOCS
from tests.tree.runs import pattern_samples

DEPLOY = DOCS / "deploy"
ROOT = DOCS.parent
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
TOKEN = "a token of the tests"
SECONDS = 60


def instructions(path: Path) -> list[tuple[str, str]]:
    """Each instruction of a container file, and what it is about."""
    lines = re.sub(r"^#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in lines.splitlines() if line]  # pyright: ignore[reportReturnType]


CONTAINER = instructions(DEPLOY / "Containerfile")


def last(name: str) -> str:
    return [value for instruction, value in CONTAINER if instruction == name][-1]


def understood(words: list[str]) -> dict[str, Any]:
    """The parameters of a carve command."""
    command = carve.get_command(click.Context(carve), words[1])
    assert command is not None, words
    return command.make_context(words[1], words[2:]).params


# ---- what they say


def test_the_image_is_made_of_what_there_is():
    requirement = re.search(r'"/source\[([\w,]+)\]"', last("RUN") + str(CONTAINER))
    assert requirement is not None
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert set(requirement[1].split(",")) == {"service", "dask"} <= set(extras)
    assert (ROOT / "constraints.txt").exists()
    context, file = SERVICES["service"]["build"].values()
    assert (DEPLOY / context).resolve() == ROOT
    assert (DEPLOY / context / file).resolve() == DEPLOY / "Containerfile"


def test_nobody_is_root_and_nothing_else_is_written():
    user = last("USER")
    assert user.split(":")[0] not in ("root", "0")
    for name, service in SERVICES.items():
        assert service["user"] == user, name
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    assert all(volume.endswith(":ro") for volume in SERVICES["worker"]["volumes"])


def test_only_the_service_is_reached_from_this_machine_alone():
    assert [name for name in SERVICES if "ports" in SERVICES[name]] == ["service"]
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["service"]["ports"])
    assert COMPOSE["networks"]["cluster"]["internal"] is True
    assert all(SERVICES[name]["networks"] == ["cluster"] for name in ("scheduler", "worker"))


def test_the_token_is_a_secret():
    options = understood(SERVICES["service"]["command"])
    (secret,) = SERVICES["service"]["secrets"]
    assert options["token_file"] == Path("/run/secrets", secret)
    assert secret in COMPOSE["secrets"]
    assert "environment" not in SERVICES["service"]
    # neither is it copied into the image
    assert "token" not in " ".join(value for name, value in CONTAINER if name in ("ENV", "ARG", "COPY"))


def test_the_image_alone_does_what_the_service_does():
    assert json.loads(last("CMD")) == SERVICES["service"]["command"]
    check = json.loads(last("HEALTHCHECK").partition("CMD ")[2])
    assert check == SERVICES["service"]["healthcheck"]["test"][1:]
    port = str(understood(SERVICES["service"]["command"])["port"])
    assert last("EXPOSE") == port
    assert f":{port}/health" in check[-1]
    assert SERVICES["service"]["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_systemd_starts_a_service_that_proxies_reach():
    unit = (DEPLOY / "carving.service").read_text("utf-8")
    words = shlex.split(re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)[0])
    options = understood([Path(words[0]).name, *words[1:]])
    assert options["host"] == "127.0.0.1"
    assert f"ReadWritePaths={options['workspace']}" in unit
    credential = re.findall(r"^LoadCredential=(\w+):", unit, re.MULTILINE)
    assert str(options["token_file"]) == f"${{CREDENTIALS_DIRECTORY}}/{credential[0]}"
    (name,) = options["trusted_hosts"]
    address = f"{options['host']}:{options['port']}"
    nginx, caddy = ((DEPLOY / file).read_text("utf-8") for file in ("nginx.conf", "Caddyfile"))
    assert f"server_name {name};" in nginx
    assert f"proxy_pass http://{address};" in nginx
    assert "proxy_buffering off;" in nginx
    assert caddy.startswith(f"{name} {{")
    assert f"reverse_proxy {address}" in caddy
    limit = next(each for each in serve.command.params if each.name == "upload_mebibytes").default
    assert f"client_max_body_size {limit}m;" in nginx
    assert f"max_size {limit}MiB" in caddy


# ---- what they do


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


class Outside:
    """What stands for the places, names and ports of containers where there are none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace, self.token = folder / "workspace", folder / "token.txt"
        self.ports = {"8765": str(free_port()), "8786": str(free_port())}
        (folder / "tmp").mkdir()

    def words(self, command: list[str]) -> list[str]:
        """A command of the compose file, as it is said here."""
        replaced = [self._replaced(word) for word in command]
        if replaced[0] == "python":
            return [sys.executable, *replaced[1:]]
        # carve and dask, as they are installed beside this Python
        program = {"carve": "carving_cli", "dask": "dask"}[replaced[0]]
        return [sys.executable, "-m", program, *replaced[1:]] + (
            # which the address of a container says by itself
            ["--port", self.ports["8765"]] if replaced[1] == "serve" else []
        )

    def _replaced(self, word: str) -> str:
        word = word.replace("/workspace", str(self.workspace)).replace(
            "/run/secrets/carving_token", str(self.token)
        )
        word = word.replace("//scheduler:", "//127.0.0.1:").replace("0.0.0.0", "127.0.0.1")
        word = re.sub(r"^/tmp$", str(self.folder / "tmp"), word)
        for inside, outside in self.ports.items():
            word = re.sub(rf"\b{inside}\b", outside, word)
        return word

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", "HOME": str(self.folder / "tmp")}

    @contextmanager
    def process(self, name: str, number: int = 0) -> Iterator[subprocess.Popen]:
        """The main process of a container, stopped as containers are."""
        environment = {**self.environment, **SERVICES[name].get("environment", {})}
        with open(self.folder / f"{name}-{number}.log", "wb") as log:
            process = subprocess.Popen(
                self.words(SERVICES[name]["command"]), stdout=log, stderr=log, env=environment
            )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise

    def wait_until_healthy(self, name: str, process: subprocess.Popen) -> None:
        """Ask by the command of the health check, as an engine does."""
        kind, *command = SERVICES[name]["healthcheck"]["test"]
        assert kind == "CMD"
        until = time.monotonic() + SECONDS
        while subprocess.run(self.words(command), capture_output=True).returncode:
            assert process.poll() is None, (self.folder / f"{name}-0.log").read_text()
            assert time.monotonic() < until, f"{name} is not healthy"
            time.sleep(0.2)


@pytest.mark.slow
def test_service_scheduler_and_workers_run_together(tmp_path):
    outside = Outside(tmp_path)
    outside.workspace.mkdir()
    trees = make_workspace(outside.workspace)
    outside.token.write_text(TOKEN + "\n")
    samples = pattern_samples(60, seed=2)
    np.savez(outside.workspace / "new.npz", samples=samples)
    with ExitStack() as stack:
        scheduler = stack.enter_context(outside.process("scheduler"))
        service = stack.enter_context(outside.process("service"))
        assert SERVICES["worker"]["depends_on"]["scheduler"]["condition"] == "service_healthy"
        outside.wait_until_healthy("scheduler", scheduler)
        workers = [
            stack.enter_context(outside.process("worker", number))
            for number in range(SERVICES["worker"]["deploy"]["replicas"])
        ]
        assert len(workers) == 2
        outside.wait_until_healthy("service", service)
        http = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{outside.ports['8765']}"))
        assert http.get("/api/v1/trees").status_code == 401
        http.headers["Authorization"] = f"Bearer {TOKEN}"
        listed = http.get("/api/v1/trees").raise_for_status().json()["trees"]
        assert [tree["name"] for tree in listed] == sorted(trees)
        built = subprocess.run(
            outside.words(
                ["carve", "build-tree", "/workspace/checkpoints", "--samples", "/workspace/new.npz",
                 "--dask", "tcp://scheduler:8786", "-o", "/workspace/large"]
            ),
            env=outside.environment, capture_output=True, text=True, timeout=2 * SECONDS,
        )  # fmt: skip
        assert built.returncode == 0, built.stderr
        with Client(f"tcp://127.0.0.1:{outside.ports['8786']}", set_as_default=False) as cluster:
            assert len(cluster.scheduler_info()["workers"]) == len(workers)
        expected = carving.build_tree(carving.open_checkpoints(outside.workspace / "checkpoints"), samples)
        # names are looked up again where one is not known
        answer = http.get("/api/v1/trees/large/partitions/1000").raise_for_status().json()
        assert answer["columns"]["node"] == expected.partition(1000).tolist()
        assert all(process.poll() is None for process in (scheduler, service, *workers))
    # to be stopped is no failure
    assert service.returncode == 0
