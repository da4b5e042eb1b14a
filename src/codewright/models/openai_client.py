"""The openai SDK's client over its aiohttp transport, for very many requests that differ in nothing but their JSON body.

The SDK makes address, headers and options of every request anew and copies its body value by value, which takes several times
what sending it takes. Here the SDK makes them once, and its transport sends the bodies. All else goes through `sdk` as usual.
"""

import json
from typing import Any

import httpx2
from openai import AsyncOpenAI, DefaultAioHttpClient, Omit


class OpenAiClient:
    """A client of one server for one event loop; it asks nothing again by itself."""

    def __init__(self, key: str, base_url: str, timeout: httpx2.Timeout) -> None:
        """key: empty where the server needs none; then nothing is sent in its place."""
        self._http = DefaultAioHttpClient(timeout=timeout)
        self.sdk = AsyncOpenAI(
            api_key=key or "none",
            admin_api_key="",
            base_url=base_url,
            timeout=timeout,
            max_retries=0,
            http_client=self._http,
        )
        self._extensions = {"timeout": timeout.as_dict()}
        self._headers = httpx2.Headers(self._http.headers)
        # The default headers hold OPENAI_CUSTOM_HEADERS, and win.
        for made in (self.sdk.auth_headers, self.sdk.default_headers):
            self._headers.update({name: value for name, value in made.items() if not isinstance(value, Omit)})
        if not key:
            self._headers.pop("Authorization", None)
        self._addresses: dict[str, httpx2.URL] = {}

    async def post(self, path: str, body: dict[str, Any]) -> httpx2.Response:
        """Send a body to a path below the base URL; returns the whole answer, of whatever status. Raises what httpx raises."""
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        if (address := self._addresses.get(path)) is None:
            base = self.sdk.base_url
            address = self._addresses[path] = base.copy_with(raw_path=base.raw_path + path.encode())
        request = httpx2.Request(
            "POST", address, headers=self._headers, content=content, extensions=self._extensions
        )
        return await self._http.send(request)

    async def close(self) -> None:
        """Close all connections."""
        await self.sdk.close()
