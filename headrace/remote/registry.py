"""An artefact in a registry, by the OCI distribution specification, as a store."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

from headrace.remote import manifest, registry_auth, web
from headrace.remote.address import Address
from headrace.remote.faults import RemoteFault
from headrace.remote.listing import RemoteFile

LOCAL = ("localhost", "127.0.0.1", "[::1]")
"""Hosts that are asked without TLS, as by other tools."""

CREDENTIALS = "DOCKER_AUTH_CONFIG, REGISTRY_AUTH_FILE or DOCKER_CONFIG"


class Registry:
    """One artefact by its tag or digest. A token that was given is used until it is not taken any more."""

    def __init__(self, address: Address, environment: Mapping[str, str]) -> None:
        self._address = address
        self._environment = environment
        scheme = "http" if address.host.rpartition(":")[0] in LOCAL or address.host in LOCAL else "https"
        self._url = f"{scheme}://{address.host}/v2/{address.path}"
        self._authorization = ""

    async def files(self) -> list[RemoteFile]:
        """The files that its manifest names. Raises RemoteFault."""
        address = self._address
        url = f"{self._url}/manifests/{address.reference}"
        page = await web.get(url, self._headers(manifest.ACCEPTED), manifest.MAX_BYTES)
        if page.status == 401:
            await self._authorize(page.headers.get("www-authenticate", ""))
            page = await web.get(url, self._headers(manifest.ACCEPTED), manifest.MAX_BYTES)
        if page.status != 200:
            raise self._refused(page.status)
        by_digest = address.reference if ":" in address.reference else page.headers.get("docker-content-digest", "")
        manifest.check_digest(page.content, by_digest, address.url)
        return manifest.files_of(page.content, address.url)

    async def read(self, file: RemoteFile, start: int) -> AsyncIterator[bytes]:
        url = f"{self._url}/blobs/sha256:{file.sha256}"
        stream = await web.open_stream(url, self._headers(), start)
        if stream.status == 401:  # the token is no good any more
            stream.close()
            await self._authorize(stream.headers.get("www-authenticate", ""))
            stream = await web.open_stream(url, self._headers(), start)
        async with aclosing(web.body_of(stream, file, start, self._refused)) as body:
            async for chunk in body:
                yield chunk

    def _headers(self, accept: str = "*/*") -> Mapping[str, str]:
        who = {"Authorization": self._authorization} if self._authorization else {}
        return {"Accept": accept, **who}

    async def _authorize(self, challenge: str) -> None:
        """Have what the registry demands. Raises RemoteFault where there is none."""
        demand = registry_auth.demand_of(challenge)
        basic = registry_auth.basic_for(self._address.host, self._environment)
        if not demand.bearer:
            if not basic:
                raise self._refused(401)
            self._authorization = basic
            return
        headers = {"Authorization": basic} if basic else {}
        page = await web.get(demand.token_url(self._address.path), headers, registry_auth.MAX_BYTES)
        if page.status != 200:
            raise self._refused(page.status)
        self._authorization = f"Bearer {registry_auth.token_of(page.content)}"

    def _refused(self, status: int) -> RemoteFault:
        address = self._address
        if status in (401, 403):
            needed = f"have credentials for {address.host} in {CREDENTIALS}"
            return RemoteFault(f"{address.url}: the registry does not show it ({status}); {needed}")
        if status == 404:
            return RemoteFault(f"{address.url}: there is no such artefact (404); see to the address and its tag")
        return RemoteFault(f"{address.url}: the registry answers {status}; it is asked again later")
