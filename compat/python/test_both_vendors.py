"""One person, one machine, two vendors' SDKs: who comes in by one comes in by
the other, and what one of them ends has ended for both."""

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from authing.v2.exceptions import AuthingException
from person import NEW_PASSWORD, PASSWORD, Person, sign_in, sign_up, start


def code_of(call, *args, **options) -> int:
    with pytest.raises(AuthingException) as refused:
        call(*args, **options)
    return refused.value.code


def wrong(authn, who: Person) -> str:
    """What the one vendor says to a wrong password."""
    state = start(authn, who.email, m.FlowType.SIGNIN)
    with pytest.raises(pe.PangeaAPIException) as refused:
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password="a wrong password"))
    return refused.value.response.status


def test_from_pangea_to_authing(pool, authn):
    who, tokens = sign_up(authn)
    client = pool.authing()
    user = client.login_by_email(email=who.email, password=who.password)
    assert "pui_" + user["id"] == tokens.active_token.identity
    assert (user["givenName"], user["familyName"]) == (who.profile["first_name"], who.profile["last_name"])
    # The token of one face is good at the other.
    checked = authn.client.token_endpoints.check(user["token"]).result
    assert (checked.identity, checked.email) == (tokens.active_token.identity, who.email)
    assert client.get_current_user(tokens.active_token.token)["id"] == user["id"]
    assert client.check_login_status(tokens.active_token.token)["status"] is True
    assert authn.user.profile.get(email=who.email).result.login_count == 2


def test_from_authing_to_pangea(pool, authn):
    who, client = Person(), pool.authing()
    profile = {"givenName": who.profile["first_name"], "familyName": who.profile["last_name"]}
    user = client.register_by_email(email=who.email, password=who.password, profile=profile, force_login=True)
    tokens = sign_in(authn, who)
    assert tokens.active_token.identity == "pui_" + user["id"]
    assert tokens.active_token.profile == who.profile
    assert len(authn.session.list(filter={"email": who.email}).result.sessions) == 2


@pytest.mark.parametrize("first", ["pangea", "authing"])
def test_one_lockout(strict, first):
    authn, client, who = strict.service(), strict.authing(), Person()
    sign_up(authn, who)
    doors = {
        "pangea": lambda: wrong(authn, who),
        "authing": lambda: code_of(client.login_by_email, email=who.email, password="a wrong password"),
    }
    said = {doors[first]() for _ in range(7)}
    assert said == ({"AuthenticationFailure", "TooManyRequests"} if first == "pangea" else {2333, 2057})
    # The right password does not help, at either door.
    assert code_of(client.login_by_email, email=who.email, password=who.password) == 2057
    assert wrong(authn, who) == "TooManyRequests"
    authn.user.update(email=who.email, unlock=True)
    assert client.login_by_email(email=who.email, password=who.password)["token"]
    assert sign_in(authn, who).active_token


def test_what_one_ends_the_other_sees(pool, authn):
    who, client = Person(), pool.authing()
    user = client.register_by_email(email=who.email, password=who.password, force_login=True)
    theirs = sign_in(authn, who).active_token.token

    # A logout through one is one through the other.
    authn.client.session.logout(user["token"])
    assert code_of(client.get_current_user) == 2020
    other = pool.authing(token=theirs)
    assert other.logout() is True
    with pytest.raises(pe.PangeaAPIException):
        authn.client.token_endpoints.check(theirs)

    # So is a session that an administrator ends, a change of password, a disabling, a deletion.
    client.login_by_email(email=who.email, password=who.password)
    for item in authn.session.list(filter={"email": who.email}).result.sessions:
        authn.session.invalidate(item.id)
    assert client.check_login_status()["status"] is False

    token = client.login_by_email(email=who.email, password=who.password)["token"]
    mine = sign_in(authn, who).active_token.token
    authn.client.password.change(token=mine, old_password=PASSWORD, new_password=NEW_PASSWORD)
    assert client.check_login_status(token)["status"] is False
    assert code_of(client.login_by_email, email=who.email, password=PASSWORD) == 2333

    token = client.login_by_email(email=who.email, password=NEW_PASSWORD)["token"]
    authn.user.update(email=who.email, disabled=True)
    assert client.check_login_status(token)["status"] is False
    assert code_of(client.login_by_email, email=who.email, password=NEW_PASSWORD) == 2005
    authn.user.update(email=who.email, disabled=False)
    token = client.login_by_email(email=who.email, password=NEW_PASSWORD)["token"]
    authn.user.delete(email=who.email)
    assert client.check_login_status(token)["status"] is False
    assert code_of(client.login_by_email, email=who.email, password=NEW_PASSWORD) == 2333


def test_a_password_that_is_due(pool, authn):
    who, client = Person(), pool.authing()
    user = client.register_by_email(email=who.email, password=who.password)
    authn.client.password.expire("pui_" + user["id"])
    assert code_of(client.login_by_email, email=who.email, password=who.password) == 2058
