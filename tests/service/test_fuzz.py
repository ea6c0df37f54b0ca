"""The OpenAPI document against the service: schemathesis makes requests of it, valid and invalid ones.

No answer may be a failure of the server, have a status or a kind that the document does not name, or differ
from its schema.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import hypothesis
import hypothesis.errors
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
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
SLOW_ONES = (hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[schemathesis.BaseSchema]:
    folder: Path = tmp_path_factory.mktemp("fuzzed") / "workspace"
    folder.mkdir()
    make_workspace(folder)
    with running(folder) as service:
        yield schemathesis.openapi.from_url(f"{service.address}/api/v1/openapi.json")
    # a stream can break off without a status that says so
    assert "unexpected error" not in folder.with_suffix(".log").read_text(encoding="utf-8")


def ask(schema: schemathesis.BaseSchema, examples: int) -> Counter[str]:
    """Send so many requests to each operation; how many were sent."""
    sent: Counter[str] = Counter()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for mode in GenerationMode:

            @hypothesis.settings(max_examples=examples, suppress_health_check=SLOW_ONES)
            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            def answer_is_as_described(case: schemathesis.Case) -> None:
                sent[f"{case.method} {case.path}"] += 1
                case.call_and_validate(checks=CHECKS, timeout=60)

            # nothing is wrong with a request that has no parameters
            with suppress(hypothesis.errors.Unsatisfiable):
                answer_is_as_described()
    return sent


@pytest.mark.slow
def test_a_few_requests_of_each_kind(schema: schemathesis.BaseSchema) -> None:
    assert len(ask(schema, 3)) >= 15


@pytest.mark.slow
def test_ten_thousand_requests(schema: schemathesis.BaseSchema) -> None:
    assert ask(schema, 500).total() >= CASES
