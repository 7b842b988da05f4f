"""Makes headrace/generated/*_pb2.py and .pyi from the .proto files there, in a descriptor pool of their own."""

import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

FOLDER = Path("headrace/generated")
DEFAULT_POOL = "_descriptor_pool.Default()"
IMPORT = "from google.protobuf import descriptor_pool as _descriptor_pool\n"


def generate(root: Path) -> None:
    """Run protoc with mypy's plugin. Raises CalledProcessError where protoc refuses a file."""
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    options = [f"-I{root}", f"--python_out={root}", f"--mypy_out=quiet,readable_stubs:{root}"]
    protos = [str(path) for path in sorted((root / FOLDER).glob("*.proto"))]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--plugin=protoc-gen-mypy={plugin}"]
    subprocess.run([*protoc, *options, *protos], check=True)
    for path in (root / FOLDER).glob("*_pb2.py"):
        path.write_text(in_own_pool(path.read_text()))


def in_own_pool(source: str) -> str:
    """A generated module that registers its messages in `headrace.generated.pool`."""
    if source.count(DEFAULT_POOL) != 1 or source.count(IMPORT) != 1:
        version = distribution("grpcio-tools").version
        raise RuntimeError(f"grpcio-tools {version} writes modules that this script does not know")
    own = "from headrace.generated.pool import POOL as _POOL\n"
    return source.replace(IMPORT, own).replace(DEFAULT_POOL, "_POOL")


if __name__ == "__main__":
    generate(Path(__file__).resolve().parent.parent)
