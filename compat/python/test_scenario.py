"""The order of the vendor's own live suites, as far as its methods are served.

One story in one pool: sign up, change the password, look at the token, read and
change the profile, refresh and log out, list and at last delete everybody."""

import pangea.services.authn.models as m
import pytest
from person import NEW_PASSWORD, PASSWORD, PROFILE, Person, address, sign_in, sign_up
from shape import bad_token, check_tokens, check_user, near_now, not_found


@pytest.fixture(scope="module")
def authn(other):
    """A pool of its own: the story ends by deleting whoever is there."""
    return other.service()


@pytest.fixture(scope="module")
def stage(authn):
    """What one step leaves for the next. Nobody is there at the start."""
    delete_everybody(authn)
    return {"who": Person(), "gone": address("delete")}


def delete_everybody(authn):
    while users := authn.user.list().result.users:
        for user in users:
            response = authn.user.delete(email=user.email)
            assert response.success and response.result is None


def test_1_create_and_delete(authn, stage):
    sign_up(authn, Person(email=stage["gone"]))
    response = authn.user.delete(email=stage["gone"])
    assert response.status == "Success" and response.result is None
    with not_found():
        authn.user.profile.get(email=stage["gone"])


def test_2_sign_up_and_user_stuff(authn, stage):
    who = stage["who"]
    _, tokens = sign_up(authn, who)
    check_tokens(tokens, who.email, PROFILE)
    stage["identity"] = tokens.active_token.identity

    tokens = sign_in(authn, who)
    check_tokens(tokens, who.email, PROFILE)
    token = tokens.active_token.token
    assert authn.client.password.change(token, PASSWORD, NEW_PASSWORD).raw_result == {}
    assert authn.client.token_endpoints.check(token).success
    stage["who"] = Person(email=who.email, password=NEW_PASSWORD)


def test_3_profile(authn, stage):
    email, identity = stage["who"].email, stage["identity"]
    user = authn.user.profile.get(email=email).result
    assert user.profile == PROFILE
    check_user(user, email, PROFILE, login_count=2, last_login_at=near_now, last_login_ip="127.0.0.1", locked_out=False)
    assert user.id == identity
    assert authn.user.profile.get(id=identity).result == user

    more = {"first_name": "Name updated"}
    user = authn.user.profile.update(email=email, profile=more).result
    assert (user.id, user.email, user.profile) == (identity, email, {**PROFILE, **more})
    user = authn.user.profile.update(id=identity, profile={**PROFILE, **more}).result
    assert user.profile == {**PROFILE, **more}


def test_4_update(authn, stage):
    user = authn.user.update(email=stage["who"].email, disabled=False).result
    assert (user.id, user.email, user.disabled) == (stage["identity"], stage["who"].email, False)


def test_5_sessions(authn, stage):
    tokens = sign_in(authn, stage["who"])
    refreshed = authn.client.session.refresh(refresh_token=tokens.refresh_token.token, user_token=tokens.active_token.token).result
    check_tokens(refreshed, stage["who"].email, {**PROFILE, "first_name": "Name updated"})
    assert authn.client.session.logout(token=refreshed.active_token.token).success
    with bad_token():
        authn.client.token_endpoints.check(refreshed.active_token.token)


def test_5_sessions_invalidated(authn, stage):
    sign_in(authn, stage["who"])
    sessions = authn.session.list(filter=m.SessionListFilter()).result.sessions
    assert len(sessions) > 0
    for session in sessions:
        assert authn.session.invalidate(session_id=session.id).raw_result == {}
    assert authn.session.list().raw_result == {"sessions": [], "count": 0, "last": ""}

    token = sign_in(authn, stage["who"]).active_token.token
    sessions = authn.client.session.list(token=token, filter={}).result.sessions
    assert len(sessions) == 1
    assert authn.client.session.invalidate(token=token, session_id=sessions[0].id).success


def test_5_logout_and_expiry(authn, stage):
    tokens = sign_in(authn, stage["who"])
    # The id of a token, as the vendor's suite has it.
    assert authn.session.logout(user_id=tokens.active_token.id).status == "Success"
    assert authn.client.password.expire(stage["identity"]).status == "Success"


def test_6_list_and_delete_everybody(authn, stage):
    for _ in range(3):
        sign_up(authn)
    response = authn.user.list(filter={})
    assert response.status == "Success"
    assert (response.result.count, len(response.result.users), response.result.last) == (4, 4, None)
    by_email = authn.user.list(order=m.ItemOrder.DESC, order_by=m.UserListOrderBy.EMAIL, size=3).result
    assert [u.email for u in by_email.users] == sorted((u.email for u in response.result.users), reverse=True)[:3]
    assert (by_email.count, by_email.last is not None) == (4, True)
    delete_everybody(authn)
    assert authn.user.list().raw_result == {"users": [], "count": 0}
