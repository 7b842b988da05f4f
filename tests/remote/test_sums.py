"""Files of sums."""

import pytest

from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile
from headrace.remote.sums import is_sums, parse_sums, with_sums

A, B = "a" * 64, "b" * 64


def test_sums_are_of_the_files_beside_and_below() -> None:
    content = f"{A}  model.onnx\n{B.upper()} *1/./x\n\n{B}  ./y z\n".encode()
    assert parse_sums("m/SHA256SUMS", content) == {"m/model.onnx": A, "m/1/./x": B, "m/y z": B}


def test_a_line_that_is_wrong_is_named() -> None:
    with pytest.raises(RemoteFault, match=r"m/SHA256SUMS, line 2 is not as sha256sum writes it"):
        parse_sums("m/SHA256SUMS", f"{A}  x\nnonsense\n".encode())


def test_files_carry_their_sums_and_what_is_missing_is_told() -> None:
    listing = {path: RemoteFile(path, 1, "e") for path in ("m/SHA256SUMS", "m/x", "m/y")}
    files, missing = with_sums(listing, {"m/x": A, "m/z": B})
    assert files == {"m/x": RemoteFile("m/x", 1, "e", A), "m/y": RemoteFile("m/y", 1, "e")}
    assert missing == ("m/z",)


def test_only_a_file_of_that_name_holds_sums() -> None:
    assert is_sums("SHA256SUMS")
    assert is_sums("m/1/SHA256SUMS")
    assert not is_sums("m/SHA256SUMS.txt")
