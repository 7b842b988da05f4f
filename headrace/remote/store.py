"""What is asked of a repository elsewhere, and how a store of objects, or a web server with an index, answers it."""

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

from headrace.remote import index
from headrace.remote.address import Address
from headrace.remote.faults import Changed, NoRange, RemoteFault
from headrace.remote.listing import RemoteFile

CHUNK_BYTES = 4 << 20
CONNECT_S, READ_S = 10, 30  # a connection that brings nothing for so long is given up
RETRIES, RETRY_S = 2, 20  # within one request; beyond that it is for who asks to come back

ENDPOINTS = (
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT",
    "AZURE_ENDPOINT",
    "AZURE_STORAGE_ENDPOINT",
    "GOOGLE_BASE_URL",
)
"""Environment variables that name a store of one's own: where one of them says http, that is meant."""

CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SKIP_SIGNATURE=true for a public bucket",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or GOOGLE_SKIP_SIGNATURE=true for a public bucket",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
    "http": "nothing: no credentials are sent to a web server",
}
"""By the kinds of address that are asked here."""


class Store(Protocol):
    """A repository elsewhere, as it is asked. Everything raises RemoteFault."""

    async def files(self) -> list[RemoteFile]:
        """Everything that it holds."""
        ...

    def read(self, file: RemoteFile, start: int) -> AsyncIterator[bytes]:
        """The file from a byte on, in chunks. Raises Changed where it is not as it was listed, NoRange for `start`."""
        ...


class ObjectStore:
    """The store at an address, through obstore, which takes credentials from the environment."""

    def __init__(self, address: Address, environment: Mapping[str, str]) -> None:
        """Raises RemoteFault where the library is not there, or the environment does not say what it needs."""
        try:
            import obstore
            from obstore import exceptions
            from obstore.store import from_url
        except ImportError:
            raise RemoteFault(
                "repositories elsewhere need the library obstore; install it with `pip install 'headrace[remote]'`"
            ) from None
        self._obstore: Any = obstore
        self._faults: Any = exceptions
        self._address = address
        endpoints = (address.url, *(environment.get(name, "") for name in ENDPOINTS))
        options: Any = {
            "client_options": {
                "connect_timeout": timedelta(seconds=CONNECT_S),
                "read_timeout": timedelta(seconds=READ_S),
                "timeout": timedelta(days=7),  # of a whole answer: a large file may take long
                "allow_http": any(each.startswith("http://") for each in endpoints),
            },
            "retry_config": {"max_retries": RETRIES, "retry_timeout": timedelta(seconds=RETRY_S)},
        }
        try:
            self._store: Any = from_url(address.url, **options)
        except exceptions.BaseError as error:
            raise self._fault(error) from error

    async def files(self) -> list[RemoteFile]:
        try:
            if self._address.kind == "http":
                return await self._index()
            found = await self._obstore.list(self._store).collect_async()
        except self._known as error:
            raise self._fault(error) from error
        return [RemoteFile(each["path"], each["size"], each["e_tag"] or "") for each in found]

    async def read(self, file: RemoteFile, start: int) -> AsyncIterator[bytes]:
        options: dict[str, Any] = {"if_match": file.etag} if file.etag else {}
        if start:
            options["range"] = {"offset": start}
        try:
            found = await self._obstore.get_async(self._store, file.path, options=options)
            if found.meta["size"] != file.size:
                raise Changed(f"{file.path} has {found.meta['size']} bytes and should have {file.size}")
            if not is_same(file.etag, found.meta["e_tag"] or ""):  # some stores do not know `if_match`
                raise Changed(f"{file.path} was replaced since it was listed")
            async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                yield bytes(chunk)
        except (self._faults.PreconditionError, FileNotFoundError) as error:
            raise Changed(f"{file.path} was replaced or taken away while it was read") from error
        except self._known as error:
            if start and re.search("range", str(error), re.IGNORECASE):
                raise NoRange(f"{file.path} is given from its beginning only") from error
            raise self._fault(error) from error

    async def _index(self) -> list[RemoteFile]:
        try:
            found = await self._obstore.get_async(self._store, index.NAME)
        except FileNotFoundError as error:
            raise RemoteFault(
                f"{self._address.url}/{index.NAME} is not there; a web server has to say in it what it holds"
            ) from error
        if found.meta["size"] > index.MAX_BYTES:
            raise RemoteFault(f"{index.NAME} has more than {index.MAX_BYTES} bytes")
        return index.parse_index(bytes(await found.bytes_async()))

    @property
    def _known(self) -> tuple[type[Exception], ...]:
        return self._faults.BaseError, OSError

    def _fault(self, error: Exception) -> RemoteFault:
        return RemoteFault(explain(str(error), self._address))


def is_same(listed: str, given: str) -> bool:
    """Whether two tags of an object are the same, as far as both are there; stores quote them where they like. Pure."""
    return not listed or not given or listed.removeprefix("W/").strip('"') == given.removeprefix("W/").strip('"')


def explain(message: str, address: Address) -> str:
    """What a library's words mean to a user, and the next step. Pure."""
    needed = CREDENTIALS[address.kind]
    told = message.partition("\n\nDebug source")[0]
    status = re.search(r"status code: (\d{3})", told)
    if re.search(
        r"169\.254\.169\.254|metadata\.google|metadata server|missing.*credential|Account must be", told, re.I
    ):
        return f"{address.url}: there are no credentials in the environment; set {needed}"
    if "NoSuchBucket" in told or "ContainerNotFound" in told:
        return f"{address.url}: there is no such bucket or container; see to the address, and to the endpoint"
    if "InvalidAccessKeyId" in told or "SignatureDoesNotMatch" in told or (status and status[1] == "401"):
        return f"{address.url}: the credentials are not accepted; set {needed}"
    if status and status[1] == "403":
        return f"{address.url}: access is denied; allow listing and reading there, or set {needed}"
    if status and status[1] == "404":
        return f"{address.url}: it is not there (404); see to the address"
    if "error sending request" in told or "error decoding response" in told or "operation timed out" in told:
        host = re.search(r"https?://([^/\s?]+)", told)
        return f"{address.url}: {host[1] if host else 'the server'} does not answer, or was cut off; see to the network"
    return f"{address.url}: {' '.join(told.split())[:300]}"
