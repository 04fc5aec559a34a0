"""Every sample that the vendor prints, run with its own values: see samples.py
for the tables, and for what is adapted."""

import json
import shlex
import subprocess
from collections import Counter
from functools import reduce

import pangea.services.authn.models as m
import pytest
from person import PASSWORD, Person, address, answer, sign_in, sign_up, start
from samples import CURLS, HOST, PRINTED, REST, SAMPLES, TOKEN, Sample, curl
from shape import check_envelope, check_tokens, check_user, is_id, near_now, wrong_password
from test_hosted import sign_in as hosted_sign_in

JOE = "joe.user@email.com"


@pytest.fixture
def authn(pool):
    """The SDK, in a pool in which nobody has the samples' addresses."""
    authn = pool.service()
    for email in (JOE, "example@example.com"):
        for user in authn.user.list(filter={"email": email}).result.users:
            authn.user.delete(id=user.id)
    return authn


class Call:
    """Makes the call of a sample, with other values for what may be adapted."""

    def __init__(self, authn, sample: Sample):
        self.method = reduce(getattr, sample.method.split("."), authn)
        self.sample, self.response = sample, None

    def __call__(self, **made):
        assert made.keys() <= self.sample.made, f"{self.sample} is run as printed, apart from {set(self.sample.made)}"
        self.response = self.method(**{**self.sample.arguments, **made})
        return self.response


STORIES = {}


def story(method: str):
    """Says that a function runs the sample of a method."""

    def keep(run):
        assert method not in STORIES, method
        STORIES[method] = run
        return run

    return keep


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
def test_sample(authn, pool, sample):
    call = Call(authn, sample)
    if sample.made:
        with sample.unknown():
            call()
        assert call.response is None
    STORIES[sample.method](authn, pool, call)
    assert call.response.success


def test_every_sample_is_here():
    """Red when a sample is not run."""
    assert [s.method for s in SAMPLES if s.method not in STORIES] == []
    assert STORIES.keys() == {s.method for s in SAMPLES}
    assert [path_of(c) for c, problems in CURLS.items() if problems is None] == ["/v2/user/list", "/v2/users/import/list"]
    assert {**Counter(s.document for s in SAMPLES), REST: len(CURLS)} == PRINTED


@story("client.token_endpoints.check")
def check_a_token(authn, pool, call):
    who, tokens = sign_up(authn)
    response = call(token=tokens.active_token.token)
    check_envelope(response, "Token checked")
    assert (response.result.identity, response.result.email, response.result.profile) == (tokens.active_token.identity, who.email, who.profile)


@story("flow.complete")
def complete(authn, pool, call):
    who = Person()
    state = answer(authn, start(authn, who.email), who)
    response = call(flow_id=state.flow_id)
    check_envelope(response, "Flow completed")
    check_tokens(response.result, who.email, who.profile)


@story("flow.restart")
def restart(authn, pool, call):
    state = start(authn, JOE)
    response = call(flow_id=state.flow_id)
    check_envelope(response, "Flow updated")
    assert response.result == m.FlowRestartResult(**state.model_dump())


@story("flow.start")
def start_a_flow(authn, pool, call):
    response = call()
    check_envelope(response, "Flow started")
    assert is_id("pfl", response.result.flow_id)
    assert (response.result.email, response.result.flow_type, response.result.flow_phase) == (JOE, ["signup"], "phase_primary")


@story("flow.update")
def update_a_flow(authn, pool, call):
    state = start(authn, JOE)
    response = call(flow_id=state.flow_id)
    check_envelope(response, "Flow updated")
    assert (response.result.flow_id, response.result.flow_phase) == (state.flow_id, "phase_profile")


@story("client.userinfo")
def userinfo(authn, pool, call):
    who, _ = sign_up(authn)
    response = call(code=hosted_sign_in(pool, who, "state-of-the-browser").query["code"])
    check_envelope(response, "Login completed")
    check_tokens(response.result, who.email, who.profile)


@story("client.password.change")
def change_a_password(authn, pool, call):
    who, tokens = sign_up(authn)
    with wrong_password():
        call(token=tokens.active_token.token)
    response = call(token=tokens.active_token.token, old_password=PASSWORD)
    check_envelope(response, "Password changed")
    assert response.raw_result == {}
    sign_in(authn, Person(email=who.email, password="My2n+Password"))


@story("user.create")
def create_a_user(authn, pool, call):
    response = call()
    check_envelope(response, "User created")
    check_user(response.result, JOE, {"first_name": "Joe", "last_name": "User"})


@story("user.delete")
def delete_a_user(authn, pool, call):
    authn.user.create(email="example@example.com", profile={})
    response = call()
    check_envelope(response, "User deleted")
    assert response.result is None
    assert authn.user.list(filter={"email": "example@example.com"}).result.count == 0


@story("user.list")
def list_users(authn, pool, call):
    user = authn.user.create(email=address(), profile={}).result
    response = call()
    check_envelope(response, "Users listed")
    assert response.result.count >= 1
    if response.result.count <= 100:
        assert user.id in [u.id for u in response.result.users]


@story("user.update")
def update_a_user(authn, pool, call):
    authn.user.create(email=JOE, profile={})
    response = call()
    check_envelope(response, "User updated")
    check_user(response.result, JOE, {}, disabled=True, locked_out=False)


@story("user.profile.get")
def get_a_user(authn, pool, call):
    authn.user.create(email=JOE, profile={"first_name": "Joe"})
    response = call()
    check_envelope(response, "User profile")
    check_user(response.result, JOE, {"first_name": "Joe"}, locked_out=False)


@story("user.profile.update")
def update_a_profile(authn, pool, call):
    authn.user.create(email=JOE, profile={"first_name": "Joe"})
    response = call()
    check_envelope(response, "User profile updated")
    check_user(response.result, JOE, {"first_name": "Joe", "phone": "18085550173"}, locked_out=False)


@story("user.authenticators.delete")
def delete_an_authenticator(authn, pool, call):
    _, tokens = sign_up(authn)
    identity = tokens.active_token.identity
    response = call(authenticator_id=authn.user.authenticators.list(id=identity).result.authenticators[0].id, id=identity)
    check_envelope(response, "Authenticator deleted")
    assert response.raw_result == {}
    assert authn.user.authenticators.list(id=identity).raw_result == {"authenticators": []}


@story("user.authenticators.list")
def list_authenticators(authn, pool, call):
    _, tokens = sign_up(authn)
    response = call(id=tokens.active_token.identity)
    check_envelope(response, "Authenticators listed")
    [password] = response.raw_result["authenticators"]
    assert is_id("pau", password.pop("id"))
    for name in ("created_at", "updated_at"):
        near_now(password.pop(name))
    assert password == {"type": "password", "enabled": True, "phase": "primary"}


# The REST reference, by the program that it names.


def run(pool, command: str) -> tuple[int, dict]:
    """Runs a command with our host and token. What is added prints the status."""
    command = command.replace(HOST, pool.url).replace(TOKEN, pool.service_token)
    assert HOST not in command and TOKEN not in command
    out = subprocess.run([*shlex.split(command), "-w", "\n%{http_code}"], capture_output=True, text=True, timeout=30, check=True)
    body, _, status = out.stdout.rpartition("\n")
    assert out.stderr == ""
    return int(status), json.loads(body)


def shape(value):
    """The keys and types of an answer. The entries of a list are all alike."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        assert all(shape(inner) == shape(value[0]) for inner in value), value
        return [shape(inner) for inner in value[:1]]
    return type(value)


def around(result) -> dict:
    return {"request_id": str, "request_time": str, "response_time": str, "status": str, "summary": str, "result": result}


PROBLEM = {"code": str, "detail": str, "source": str}
USER = {"id": str, "email": str, "username": str, "verified": bool, "disabled": bool, "login_count": int, "created_at": str}
SOMETIMES = {
    "phone": str, "last_login_at": str, "last_login_ip": str, "accepted_eula_id": str, "accepted_privacy_policy_id": str,
    "groups": [str],
}


def path_of(command: str) -> str:
    return command.split("'")[1].removeprefix(HOST)


@pytest.mark.parametrize("command", [c for c, problems in CURLS.items() if problems], ids=path_of)
def test_curl_is_told_what_is_missing(pool, command):
    status, body = run(pool, command)
    assert shape(body) == around({"errors": [PROBLEM]})
    assert (status, body["status"]) == (400, "ValidationError")
    assert [(e["code"], e["source"]) for e in body["result"]["errors"]] == CURLS[command]


def test_curl_lists_users(pool):
    user = pool.service().user.create(email=address(), profile={"first_name": "Joe"}).result
    status, body = run(pool, curl("/v2/user/list"))
    result = body["result"]
    assert (status, body["status"], shape({**body, "result": {}})) == (200, "Success", around({}))
    assert shape({**result, "users": []}) == {"users": [], "count": int, **({"last": str} if len(result["users"]) < result["count"] else {})}
    for shown in result["users"]:
        profile = shown.pop("profile")
        assert shape(profile) == dict.fromkeys(profile, str)
        assert shape(shown) == {**USER, **{key: SOMETIMES[key] for key in shown.keys() - USER.keys()}}
    if result["count"] <= 100:
        assert user.id in [shown["id"] for shown in result["users"]]


def test_curl_lists_imports(pool):
    status, body = run(pool, curl("/v2/users/import/list"))
    result = body["result"]
    assert (status, body["status"], shape({**body, "result": {}})) == (200, "Success", around({}))
    assert shape({**result, "user_imports": []}) == {"user_imports": [], "count": int}
    assert len(result["user_imports"]) == result["count"]
