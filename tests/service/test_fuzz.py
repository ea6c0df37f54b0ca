"""The OpenAPI document against the service: schemathesis makes requests of it, valid and invalid ones.

No answer may be a failure of the server, have a status or a kind that the document does not name, or differ
from its schema.
"""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.service.process import running
from tests.service.workspaces import make_workspace

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CASES = 10_000


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    folder: Path = tmp_path_factory.mktemp("fuzzed") / "workspace"
    folder.mkdir()
    make_workspace(folder)
    with running(folder) as service:
        yield schemathesis.openapi.from_url(f"{service.address}/api/v1/openapi.json")


counted: list[str] = []
described = schemathesis.pytest.from_fixture("schema")


def ask(case: schemathesis.Case) -> None:
    counted.append(f"{case.method} {case.path}")
    case.call_and_validate(checks=CHECKS, timeout=60)


@described.parametrize()
@hypothesis.settings(max_examples=4, phases=[hypothesis.Phase.generate])
def test_a_few_requests_of_each_kind(case: schemathesis.Case) -> None:
    ask(case)


@pytest.mark.slow
@described.parametrize()
@hypothesis.settings(max_examples=500)
def test_ten_thousand_requests(case: schemathesis.Case) -> None:
    ask(case)


@pytest.mark.slow
def test_there_were_ten_thousand() -> None:
    assert len(counted) >= CASES, len(counted)
    assert len(set(counted)) >= 20
