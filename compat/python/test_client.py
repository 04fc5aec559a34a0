"""client.userinfo, client.token_endpoints, client.session, client.password:
what a browser may call, with its client token."""

import time

import pangea.exceptions as pe
import pytest
from inbox import Inbox
from person import NEW_PASSWORD, PASSWORD, PROFILE, Person, sign_in, sign_up
from shape import bad_token, check_envelope, check_token, check_tokens, invalid, refused, wrong_password


@pytest.fixture(params=["client", "service"])
def sdk(request, pool):
    """Either kind of token opens these endpoints."""
    return getattr(pool, request.param)()


def test_token_check(sdk):
    who, tokens = sign_up(sdk)
    response = sdk.client.token_endpoints.check(token=tokens.active_token.token)
    check_envelope(response, "Token checked")
    # The SDK's model of this answer reads times; the checks are of their text.
    seen, raw = response.result, response.raw_result
    check_token(type(tokens.active_token)(**{**raw, "token": tokens.active_token.token}), "user", who.email, who.profile)
    assert "token" not in raw
    given = tokens.active_token
    assert (seen.id, seen.identity, raw["expire"], raw["created_at"]) == (given.id, given.identity, given.expire, given.created_at)
    assert (seen.audience, seen.client_id, seen.claims) == (None, None, None)


def test_token_check_of_what_is_no_user_token(sdk, pool):
    _, tokens = sign_up(sdk)
    for token in ("a.b.c", "ptu_" + "a" * 32, tokens.refresh_token.token, pool.service_token, pool.client_token):
        with bad_token():
            sdk.client.token_endpoints.check(token=token)
    for token in ("a.b", "a.b.c.d", "a..c", "ptu_tooshort", tokens.active_token.token.upper(), tokens.active_token.token[:-1], tokens.active_token.token + "a"):
        with invalid(("DoesNotMatchPattern", "/token")):
            sdk.client.token_endpoints.check(token=token)
    with invalid(("FieldRequired", "/token")):
        sdk.client.token_endpoints.check(token="")


def test_token_check_in_another_pool(sdk, other):
    _, tokens = sign_up(sdk)
    with bad_token():
        other.service().client.token_endpoints.check(token=tokens.active_token.token)
    with bad_token():
        other.service().client.session.refresh(refresh_token=tokens.refresh_token.token)
    with bad_token():
        other.service().client.session.logout(token=tokens.active_token.token)
    assert sdk.client.token_endpoints.check(token=tokens.active_token.token).success


def test_refresh(sdk):
    who, first = sign_up(sdk)
    response = sdk.client.session.refresh(refresh_token=first.refresh_token.token, user_token=first.active_token.token)
    check_envelope(response, "Session refreshed")
    second = response.result
    check_tokens(second, who.email, who.profile)
    # The same session by new tokens.
    assert second.refresh_token.id == first.refresh_token.id
    assert second.refresh_token.token != first.refresh_token.token
    assert second.active_token.id != first.active_token.id
    assert second.active_token.token != first.active_token.token
    assert second.active_token.identity == first.active_token.identity
    assert sdk.client.token_endpoints.check(second.active_token.token).result.id == second.active_token.id


def test_refresh_twice_at_once_gives_the_same_tokens(sdk):
    """Two tabs of one browser are no thieves."""
    _, first = sign_up(sdk)
    second = sdk.client.session.refresh(refresh_token=first.refresh_token.token).result
    again = sdk.client.session.refresh(refresh_token=first.refresh_token.token).result
    assert again.refresh_token.token == second.refresh_token.token
    assert again.active_token.token == second.active_token.token
    assert (again.refresh_token.id, again.active_token.id) == (second.refresh_token.id, second.active_token.id)
    assert (again.active_token.expire, again.active_token.created_at) == (second.active_token.expire, second.active_token.created_at)
    # The old token runs out with the grace.
    assert sdk.client.token_endpoints.check(first.active_token.token).result.life <= 10


def test_refresh_in_a_chain(sdk):
    _, tokens = sign_up(sdk)
    for _ in range(4):
        tokens = sdk.client.session.refresh(refresh_token=tokens.refresh_token.token, user_token=tokens.active_token.token).result
    assert sdk.client.token_endpoints.check(tokens.active_token.token).success


def test_refresh_refuses(sdk):
    _, mine = sign_up(sdk)
    _, theirs = sign_up(sdk)
    with bad_token():
        sdk.client.session.refresh(refresh_token="ptr_" + "a" * 32)
    with bad_token():
        sdk.client.session.refresh(refresh_token=mine.refresh_token.token, user_token=theirs.active_token.token)
    for refresh_token in (mine.active_token.token, "ptr_x"):
        with invalid(("DoesNotMatchPattern", "/refresh_token")):
            sdk.client.session.refresh(refresh_token=refresh_token)
    with invalid(("DoesNotMatchPattern", "/user_token")):
        sdk.client.session.refresh(refresh_token=mine.refresh_token.token, user_token=mine.refresh_token.token)
    # None of that spent it. The browser package sends an empty user token.
    assert sdk.client.session.refresh(refresh_token=mine.refresh_token.token, user_token="").success


def test_a_spent_refresh_token_without_grace_ends_the_session(other):
    sdk = other.client()
    _, first = sign_up(sdk)
    second = sdk.client.session.refresh(refresh_token=first.refresh_token.token).result
    with refused(pe.PangeaAPIException, "ExpiredToken", 400):
        sdk.client.token_endpoints.check(first.active_token.token)
    assert sdk.client.token_endpoints.check(second.active_token.token).success
    with bad_token():
        sdk.client.session.refresh(refresh_token=first.refresh_token.token)
    # Two parties hold the session: it ends for both.
    with bad_token():
        sdk.client.session.refresh(refresh_token=second.refresh_token.token)
    with bad_token():
        sdk.client.token_endpoints.check(second.active_token.token)


def test_logout(sdk):
    who, mine = sign_up(sdk)
    elsewhere = sign_in(sdk, who)
    response = sdk.client.session.logout(token=mine.active_token.token)
    check_envelope(response, "Logged out")
    assert response.raw_result == {} and response.result.model_dump() == {}
    for call in (
        lambda: sdk.client.token_endpoints.check(mine.active_token.token),
        lambda: sdk.client.session.refresh(refresh_token=mine.refresh_token.token),
        lambda: sdk.client.session.logout(token=mine.active_token.token),
        lambda: sdk.client.password.change(token=mine.active_token.token, old_password=PASSWORD, new_password=NEW_PASSWORD),
    ):
        with bad_token():
            call()
    # The person's other session goes on.
    assert sdk.client.token_endpoints.check(elsewhere.active_token.token).success
    assert sdk.client.session.refresh(refresh_token=elsewhere.refresh_token.token).success


def test_password_change(sdk, inbox: Inbox):
    who, mine = sign_up(sdk)
    elsewhere = sign_in(sdk, who)
    response = sdk.client.password.change(token=mine.active_token.token, old_password=who.password, new_password=NEW_PASSWORD)
    check_envelope(response, "Password changed")
    assert response.raw_result == {} and response.result.model_dump() == {}
    # The session that asked for it goes on, the person's others end.
    assert sdk.client.token_endpoints.check(mine.active_token.token).success
    assert sdk.client.session.refresh(refresh_token=mine.refresh_token.token, user_token=mine.active_token.token).success
    with bad_token():
        sdk.client.token_endpoints.check(elsewhere.active_token.token)
    with bad_token():
        sdk.client.session.refresh(refresh_token=elsewhere.refresh_token.token)
    with wrong_password():
        sign_in(sdk, who)
    check_tokens(sign_in(sdk, Person(email=who.email, password=NEW_PASSWORD)), who.email, PROFILE)
    # The person is told by mail.
    assert inbox.wait(who.email)[0]["links"] == []


def test_password_change_refuses(sdk):
    who, tokens = sign_up(sdk)
    token = tokens.active_token.token

    def change(token=token, old=who.password, new=NEW_PASSWORD):
        return sdk.client.password.change(token=token, old_password=old, new_password=new)

    with wrong_password():
        change(old="Not1s+Password")
    with invalid(("BelowMinLength", "/new_password")):
        change(new="short")
    with invalid(("ShouldNotBeValid", "/new_password")):
        change(new="password123")
    with invalid(("FieldRequired", "/old_password"), ("FieldRequired", "/new_password")):
        change(old="", new="")
    with invalid(("DoesNotMatchPattern", "/token")):
        change(token=tokens.refresh_token.token)
    with bad_token():
        change(token="ptu_" + "a" * 32)
    sign_in(sdk, who)


def test_userinfo_refuses(sdk):
    with bad_token():
        sdk.client.userinfo(code="pmc_" + "a" * 32)
    with invalid(("DoesNotMatchPattern", "/code")):
        sdk.client.userinfo(code="1234")
    with invalid(("FieldRequired", "/code")):
        sdk.client.userinfo(code="")


def test_life_is_what_remains(sdk):
    _, tokens = sign_up(sdk)
    time.sleep(1.1)
    assert sdk.client.token_endpoints.check(tokens.active_token.token).result.life < 48 * 3600
