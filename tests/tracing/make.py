"""Records of requests that came with a trace."""

from msgspec.structs import replace

from headrace.records import RequestRecord
from headrace.types import BatchFacts
from tests.observe.make import answered, facts

TRACE_ID = 0x0AF7651916CD43DD8448EB211C80319C
PARENT_ID = 0xB7AD6B7169203331


def traced(number: int = 0, sampled: bool = True, batch: BatchFacts | None = None) -> RequestRecord:
    """One of a trace of its own, by its number."""
    trace = f"00-{TRACE_ID + number:032x}-{PARENT_ID + number:016x}-{sampled:02x}"
    run = batch or facts(started_ns=4_000_500)
    return replace(answered(), id=f"r{number}", trace=trace, batch=run, admitted_ns=4_000_200, written_ns=5_001_000)
