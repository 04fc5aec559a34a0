"""client.jwks, and user tokens that are signed: verified with PyJWT against the
key set, as an application does that asks the server nothing."""

import json

import jwt
import pangea.exceptions as pe
import pytest
import requests
from person import NEW_PASSWORD, sign_in, sign_up
from shape import USER_LIFE, bad_token, check_envelope, check_token, is_id


@pytest.fixture(params=["client", "service"])
def sdk(request, signed):
    """Either kind of token opens these endpoints."""
    return getattr(signed, request.param)()


def key_set(sdk) -> dict[str, jwt.PyJWK]:
    response = sdk.client.jwks()
    check_envelope(response, "Keys listed")
    keys = response.raw_result["keys"]
    for key in keys:
        assert set(key) == {"kty", "alg", "crv", "kid", "use", "x", "y"}
        assert (key["kty"], key["alg"], key["crv"], key["use"]) == ("EC", "ES256", "P-256", "sig")
    # The SDK has models for the keys.
    assert [(k.kid, k.kty, k.alg) for k in response.result.keys] == [(k["kid"], k["kty"], k["alg"]) for k in keys]
    return {key["kid"]: jwt.PyJWK(key) for key in keys}


def verified(sdk, token: str) -> dict:
    header = jwt.get_unverified_header(token)
    assert set(header) == {"alg", "kid", "typ"}
    return jwt.decode(token, key_set(sdk)[header["kid"]], algorithms=["ES256"])


def test_a_pool_of_opaque_tokens_has_no_keys(other):
    assert key_set(other.service()) == {}


def test_a_signed_token(sdk, signed):
    who, tokens = sign_up(sdk)
    active = tokens.active_token
    assert is_id("ptr", tokens.refresh_token.token)
    claims = verified(sdk, active.token)
    assert claims == {
        "iss": signed.login_url, "sub": active.identity, "jti": active.id, "iat": claims["iat"], "exp": claims["iat"] + USER_LIFE,
        "email": who.email, "username": who.email, "profile": who.profile, "intelligence": {},
        "pangea.profile": who.profile, "pangea.intelligence": {}, "pangea.claims": {},
    }
    checked = sdk.client.token_endpoints.check(token=active.token)
    check_envelope(checked, "Token checked")
    raw = checked.raw_result
    check_token(active.model_copy(update={"token": None}), "user", who.email, who.profile)
    assert (raw["id"], raw["identity"], raw["expire"], raw["created_at"]) == (active.id, active.identity, active.expire, active.created_at)


def test_the_key_set_beside_the_pages(sdk, signed):
    published = requests.get(signed.login_url + "/.well-known/jwks.json", timeout=30)
    assert (published.status_code, published.headers["Content-Type"], published.headers["Cache-Control"]) == (200, "application/json", "public, max-age=300")
    assert published.json() == sdk.client.jwks().raw_result
    _, tokens = sign_up(sdk)
    key = jwt.PyJWKClient(signed.login_url + "/.well-known/jwks.json").get_signing_key_from_jwt(tokens.active_token.token)
    assert jwt.decode(tokens.active_token.token, key, algorithms=["ES256"], issuer=signed.login_url)["sub"] == tokens.active_token.identity


def test_a_token_that_was_changed(sdk):
    _, tokens = sign_up(sdk)
    head, body, signature = tokens.active_token.token.split(".")
    none = jwt.utils.base64url_encode(json.dumps({**jwt.get_unverified_header(tokens.active_token.token), "alg": "none"}).encode()).decode()
    for token in (f"{head}.{body}.{signature[::-1]}", f"{none}.{body}.{signature}", f"{head}.{body[:-4]}AAAA.{signature}"):
        with pytest.raises(jwt.InvalidTokenError):
            verified(sdk, token)
        with bad_token():
            sdk.client.token_endpoints.check(token=token)


def test_wherever_a_user_token_is_taken(sdk, pool):
    who, tokens = sign_up(sdk)
    first = tokens.active_token.token
    with bad_token():
        pool.service().client.token_endpoints.check(token=first)
    assert [s.id for s in sdk.client.session.list(token=first).result.sessions] == [tokens.refresh_token.id]
    elsewhere = sign_in(sdk, who)
    assert sdk.client.session.invalidate(token=first, session_id=elsewhere.refresh_token.id).success
    with bad_token():
        sdk.client.token_endpoints.check(token=elsewhere.active_token.token)
    assert sdk.client.password.change(token=first, old_password=who.password, new_password=NEW_PASSWORD).success

    second = sdk.client.session.refresh(refresh_token=tokens.refresh_token.token, user_token=first).result
    again = sdk.client.session.refresh(refresh_token=tokens.refresh_token.token, user_token=first).result
    assert again.active_token.token == second.active_token.token != first
    assert verified(sdk, second.active_token.token)["jti"] == second.active_token.id
    # The token from before runs out with the grace, whatever it says of itself.
    assert sdk.client.token_endpoints.check(token=first).result.life <= 10

    assert sdk.client.session.logout(token=second.active_token.token).success
    for token in (first, second.active_token.token):
        with bad_token():
            sdk.client.token_endpoints.check(token=token)
    with bad_token():
        sdk.client.session.logout(token=second.active_token.token)
    with bad_token():
        sdk.client.session.refresh(refresh_token=second.refresh_token.token, user_token=second.active_token.token)


def test_a_signed_token_is_no_api_token(signed):
    _, tokens = sign_up(signed.service())
    with pytest.raises(pe.PangeaAPIException) as problem:
        signed.sdk(tokens.active_token.token).client.jwks()
    assert problem.value.response.status == "Unauthorized"


def test_the_vendors_suite_logs_a_token_out_as_a_person(signed):
    authn = signed.service()
    _, tokens = sign_up(authn)
    assert authn.session.logout(user_id=tokens.active_token.token).success
    assert authn.session.logout(user_id=tokens.active_token.identity).success
    with bad_token():
        authn.client.token_endpoints.check(token=tokens.active_token.token)
