"""Tests of the largest values that a configuration may ask for."""

from pathlib import Path

import pytest

from headrace.errors import ModelInvalid
from headrace.repository.limits import MAX_BATCH_SIZE, MAX_DELAY_US, MAX_INSTANCES, MAX_QUEUE
from headrace.repository.manifest import parse_model_toml
from headrace.repository.triton_config import parse_pbtxt
from headrace.types import Batching

HERE = Path(__file__).parent
LARGEST = Batching(None, MAX_BATCH_SIZE, MAX_DELAY_US / 1000, MAX_QUEUE)


def model_toml(over: int = 0) -> bytes:
    return f"""
    instances = {MAX_INSTANCES + over}
    [batching]
    max_size = {MAX_BATCH_SIZE + over}
    max_delay_ms = {MAX_DELAY_US / 1000 + over}
    max_queue = {MAX_QUEUE + over}
    """.encode()


def config_pbtxt(over: int = 0) -> bytes:
    return f"""
    max_batch_size: {MAX_BATCH_SIZE + over}
    instance_group {{ count: {MAX_INSTANCES + over} }}
    dynamic_batching {{
      max_queue_delay_microseconds: {MAX_DELAY_US + over}
      default_queue_policy {{ max_queue_size: {MAX_QUEUE + over} }}
    }}
    """.encode()


def test_both_files_may_ask_for_as_much() -> None:
    toml, pbtxt = parse_model_toml(model_toml(), HERE), parse_pbtxt(config_pbtxt(), "m", HERE)
    assert toml.instances == pbtxt.instances == MAX_INSTANCES
    assert toml.batching.max_size == pbtxt.batching.max_size == LARGEST.max_size
    assert toml.batching.max_delay_ms == pbtxt.batching.max_delay_ms == LARGEST.max_delay_ms
    assert toml.batching.max_queue == pbtxt.batching.max_queue == LARGEST.max_queue


def test_neither_file_may_ask_for_more() -> None:
    with pytest.raises(ModelInvalid, match=f"at most {MAX_INSTANCES}"):
        parse_model_toml(model_toml(over=1), HERE)
    with pytest.raises(ModelInvalid, match="at most"):
        parse_pbtxt(config_pbtxt(over=1), "m", HERE)
