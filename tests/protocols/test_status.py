"""The status table is whole: no error is left to chance."""

import grpc
import pytest

from headrace import errors
from headrace.protocols.status import STATUS, status_of


def _tree(error: type[errors.HeadraceError]) -> set[type[errors.HeadraceError]]:
    return {error}.union(*(_tree(child) for child in error.__subclasses__()))


ERRORS = sorted((error for error in _tree(errors.HeadraceError) if error.__module__ == errors.__name__), key=str)


@pytest.mark.parametrize("error", ERRORS)
def test_every_error_of_the_tree_has_a_status(error: type[errors.HeadraceError]) -> None:
    status = status_of(error("no"))
    assert 400 <= status.http < 600
    assert status.grpc in {code.value[0] for code in grpc.StatusCode} - {0}


def test_the_table_has_no_codes_that_no_error_has() -> None:
    assert set(STATUS) == {error.code for error in ERRORS}


def test_only_faults_of_the_server_itself_are_a_500() -> None:
    assert [code for code, status in STATUS.items() if status.http == 500] == ["internal"]


def test_triton_clients_see_the_statuses_that_they_know() -> None:
    assert status_of(errors.ModelNotFound("no")) == (404, grpc.StatusCode.NOT_FOUND.value[0])
    assert status_of(errors.QueueFull("no")) == (503, grpc.StatusCode.RESOURCE_EXHAUSTED.value[0])
    assert status_of(errors.Unsupported("no")) == (501, grpc.StatusCode.UNIMPLEMENTED.value[0])
    assert status_of(errors.InvalidRequest("no")) == (400, grpc.StatusCode.INVALID_ARGUMENT.value[0])
