"""A pool as an application sees it: an address, and two keys of one vendor or
an id and a public key of the other."""

from dataclasses import dataclass

from authing.v2.authentication import AuthenticationClient, AuthenticationClientOptions
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
    app_id: str
    public_key: str

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

    def authing(self, **options) -> AuthenticationClient:
        """The other vendor's SDK, for this pool's application, in English."""
        given = {"app_id": self.app_id, "app_host": self.url, "enc_public_key": self.public_key, "lang": "en-US"} | options
        return AuthenticationClient(options=AuthenticationClientOptions(**given))
