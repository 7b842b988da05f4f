"""What a server prints once it is ready: its models, where it answers, and how long it took."""

from typing import TYPE_CHECKING

from rich.console import Console

from headrace.cli.listing import listed, print_listing

if TYPE_CHECKING:
    from headrace.app import Ready


def announce(ready: "Ready", console: Console, advice: str = "") -> None:
    """Print it; the advice where there are no models. Those that are unavailable are in the table, with the reason."""
    versions = listed(ready.index, ready.served)
    serving = len(ready.served)
    print_listing(versions, console, advice)
    where = f"HTTP on {ready.http}" + (f", gRPC on {ready.grpc}" if ready.grpc else "")
    where += ", over TLS" if ready.tls else ""
    broken = f" ({broken} unavailable)" if (broken := len(versions) - serving) else ""
    console.print(f"Serving {_counted(serving)}{broken}: {where}; ready in {ready.seconds:.2f} s")


def _counted(versions: int) -> str:
    return "1 model version" if versions == 1 else f"{versions} model versions"
