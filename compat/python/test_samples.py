"""Every sample that the vendor prints for the methods served so far, run with
its own values.

Adapted is only what must be: ids, tokens and codes, which are those of a person
made for the sample; the old password, where the sample's cannot be anybody's
(seven characters); and two places that are no Python (`data: {}`, `email: "…"`).
The address of some samples is made anew each time, because a pool has it once.
"""

import pangea.services.authn.models as m
import pytest
import requests
from pangea.services.authn.models import FlowChoice, FlowType
from person import PASSWORD, Person, address, answer, sign_in, sign_up, start
from pool import SAMPLE_CALLBACK
from shape import check_envelope, check_tokens, check_user, wrong_password

JOE = "joe.user@email.com"


@pytest.fixture
def authn(pool):
    """The SDK, in a pool in which nobody has the samples' addresses."""
    authn = pool.service()
    for email in (JOE, "example@example.com"):
        for user in authn.user.list(filter={"email": email}).result.users:
            authn.user.delete(id=user.id)
    return authn


# Python SDK, flow endpoints.


def test_check_a_token(authn):
    _, tokens = sign_up(authn)
    response = authn.client.token_endpoints.check(
        token=tokens.active_token.token,
    )
    check_envelope(response, "Token checked")
    assert response.result.identity == tokens.active_token.identity


def test_complete(authn):
    who = Person()
    state = answer(authn, start(authn, who.email), who)
    response = authn.flow.complete(
        flow_id=state.flow_id,
    )
    check_tokens(response.result, who.email, who.profile)


def test_restart(authn):
    state = start(authn, JOE)
    response = authn.flow.restart(
        flow_id=state.flow_id,
        choice=FlowChoice.PASSWORD,
        data={},
    )
    check_envelope(response, "Flow updated")
    assert response.result == m.FlowRestartResult(**state.model_dump())


def test_start(authn):
    response = authn.flow.start(
        cb_uri=SAMPLE_CALLBACK,
        email=JOE,
        flow_types=[
            FlowType.SIGNUP,
            FlowType.SIGNIN,
        ],
    )
    check_envelope(response, "Flow started")
    assert (response.result.email, response.result.flow_type, response.result.flow_phase) == (JOE, ["signup"], "phase_primary")


def test_update_of_a_flow(authn):
    state = start(authn, JOE)
    response = authn.flow.update(
        flow_id=state.flow_id,
        choice=FlowChoice.PASSWORD,
        data={
            "password": "someNewPasswordHere",
        },
    )
    check_envelope(response, "Flow updated")
    assert response.result.flow_phase == "phase_profile"


# Python SDK, user endpoints. The sample of client.userinfo is in test_hosted.py,
# for it takes a hosted login.


def test_password_change(authn):
    _, tokens = sign_up(authn)
    with wrong_password():
        authn.client.password.change(
            token=tokens.active_token.token,
            old_password="hunter2",
            new_password="My2n+Password",
        )
    response = authn.client.password.change(
        token=tokens.active_token.token,
        old_password=PASSWORD,
        new_password="My2n+Password",
    )
    check_envelope(response, "Password changed")
    sign_in(authn, Person(email=tokens.active_token.email, password="My2n+Password"))


def test_create_user(authn):
    response = authn.user.create(
        email="joe.user@email.com",
        profile={
            "first_name": "Joe",
            "last_name": "User",
        },
    )
    check_envelope(response, "User created")
    check_user(response.result, JOE, {"first_name": "Joe", "last_name": "User"})


def test_delete_user(authn):
    authn.user.create(email="example@example.com", profile={})
    response = authn.user.delete(email="example@example.com")
    assert response.success and response.result is None
    assert authn.user.list(filter={"email": "example@example.com"}).result.count == 0


def test_list_users(authn):
    user = authn.user.create(email=address(), profile={}).result
    response = authn.user.list()
    check_envelope(response, "Users listed")
    assert response.result.count >= 1
    if response.result.count <= 100:
        assert user.id in [u.id for u in response.result.users]


def test_update_user(authn):
    authn.user.create(email=JOE, profile={})
    response = authn.user.update(
        email="joe.user@email.com",
        disabled=True,
    )
    check_envelope(response, "User updated")
    check_user(response.result, JOE, {}, disabled=True, locked_out=False)


def test_get_user(authn):
    authn.user.create(email=JOE, profile={"first_name": "Joe"})
    response = authn.user.profile.get(
        email="joe.user@email.com",
    )
    check_user(response.result, JOE, {"first_name": "Joe"}, locked_out=False)


def test_update_profile(authn):
    authn.user.create(email=JOE, profile={"first_name": "Joe"})
    response = authn.user.profile.update(
        profile={
            "phone": "18085550173",
        },
        email="joe.user@email.com",
    )
    check_user(response.result, JOE, {"first_name": "Joe", "phone": "18085550173"}, locked_out=False)


def test_list_authenticators(authn):
    user = authn.user.create(email=JOE, profile={}).result
    response = authn.user.authenticators.list(
        id=user.id,
    )
    check_envelope(response, "Authenticators listed")
    assert response.raw_result == {"authenticators": []}


def test_delete_authenticator(authn):
    _, tokens = sign_up(authn)
    identity = tokens.active_token.identity
    response = authn.user.authenticators.delete(
        authenticator_id=authn.user.authenticators.list(id=identity).result.authenticators[0].id,
        id=identity,
    )
    check_envelope(response, "Authenticator deleted")
    assert response.raw_result == {}


# The REST reference: each sample posts {} and nothing else.

CURL = {
    "/v2/client/userinfo": [("FieldRequired", "/code")],
    "/v2/client/password/change": [("FieldRequired", "/token"), ("FieldRequired", "/old_password"), ("FieldRequired", "/new_password")],
    "/v2/user/create": [("FieldRequired", "/email"), ("FieldRequired", "/profile")],
    "/v2/user/delete": [("MustProvideOne", "")],
    "/v2/user/list": None,
    "/v2/user/profile/get": [("MustProvideOne", "")],
    "/v2/user/profile/update": [("MustProvideOne", ""), ("FieldRequired", "/profile")],
    "/v2/user/update": [("MustProvideOne", "")],
    "/v2/user/password/expire": [("FieldRequired", "/id")],
    "/v2/user/authenticators/list": [("MustProvideOne", "")],
    "/v2/user/authenticators/delete": [("MustProvideOne", ""), ("FieldRequired", "/authenticator_id")],
}


@pytest.mark.parametrize("path", CURL)
def test_curl(pool, path):
    response = requests.post(
        pool.url + path, headers={"Authorization": f"Bearer {pool.service_token}", "Content-Type": "application/json"}, data="{}", timeout=10
    )
    body = response.json()
    if CURL[path] is None:
        assert (response.status_code, body["status"]) == (200, "Success")
        return
    assert (response.status_code, body["status"]) == (400, "ValidationError")
    assert [(e["code"], e["source"]) for e in body["result"]["errors"]] == CURL[path]
