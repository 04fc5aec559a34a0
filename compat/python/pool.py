"""A pool as an application sees it: an address and two keys."""

from dataclasses import dataclass

from pangea.asyncio.services.authn import AuthNAsync
from pangea.config import PangeaConfig
from pangea.services.authn.authn import AuthN

# Registered with every pool. The first is what the vendor's own suites use, the
# second what its samples do.
CALLBACK = "https://someurl.com/callbacklink"
SAMPLE_CALLBACK = "https://www.myserver.com/callback"


@dataclass(frozen=True)
class Pool:
    url: str
    service_token: str
    client_token: str
    login_url: str

    def config(self) -> PangeaConfig:
        return PangeaConfig(base_url_template=self.url)

    def sdk(self, token: str) -> AuthN:
        return AuthN(token=token, config=self.config())

    def service(self) -> AuthN:
        return self.sdk(self.service_token)

    def client(self) -> AuthN:
        return self.sdk(self.client_token)

    def service_async(self) -> AuthNAsync:
        return AuthNAsync(token=self.service_token, config=self.config())
