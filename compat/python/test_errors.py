"""How the server says no, as the SDK's exceptions show it."""

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
import requests
from pangea.response import PangeaResponseResult
from person import Person, address, start
from shape import check_request, invalid, is_id, near_now, not_found, unauthorized

ID = "pui_" + "a" * 32

# Every method of the SDK that is served and needs a service token.
SERVICE_ONLY = {
    "user.create": lambda a: a.user.create(email=address(), profile={}),
    "user.delete": lambda a: a.user.delete(id=ID),
    "user.list": lambda a: a.user.list(),
    "user.update": lambda a: a.user.update(id=ID, disabled=True),
    "user.profile.get": lambda a: a.user.profile.get(id=ID),
    "user.profile.update": lambda a: a.user.profile.update(id=ID, profile={}),
    "user.invite": lambda a: a.user.invite(inviter="a@b.cd", email="c@b.cd", callback="https://someurl.com/callbacklink", state="whatever"),
    "user.invites.list": lambda a: a.user.invites.list(),
    "user.invites.delete": lambda a: a.user.invites.delete(id="pmi_" + "a" * 32),
    "client.password.expire": lambda a: a.client.password.expire(ID),
    "session.invalidate": lambda a: a.session.invalidate(session_id="pmt_" + "a" * 32),
    "session.list": lambda a: a.session.list(),
    "session.logout": lambda a: a.session.logout(user_id=ID),
    "user.authenticators.delete": lambda a: a.user.authenticators.delete(authenticator_id="pau_" + "a" * 32, id=ID),
    "user.authenticators.list": lambda a: a.user.authenticators.list(id=ID),
    "agreements.create": lambda a: a.agreements.create(type=m.AgreementType.EULA, name="a", text="b"),
    "agreements.delete": lambda a: a.agreements.delete(type=m.AgreementType.EULA, id="peu_" + "a" * 32),
    "agreements.list": lambda a: a.agreements.list(),
    "agreements.update": lambda a: a.agreements.update(type=m.AgreementType.EULA, id="peu_" + "a" * 32),
    "user.group.assign": lambda a: a.user.group.assign(user_id=ID, group_ids=["pgi_" + "a" * 32]),
    "user.group.remove": lambda a: a.user.group.remove(user_id=ID, group_id="pgi_" + "a" * 32),
    "user.group.list": lambda a: a.user.group.list(user_id=ID),
    "group.create": lambda a: a.group.create(name="a", type="b"),
    "group.delete": lambda a: a.group.delete(id="pgi_" + "a" * 32),
    "group.get": lambda a: a.group.get(id="pgi_" + "a" * 32),
    "group.list": lambda a: a.group.list(),
    "group.list_users": lambda a: a.group.list_users(id="pgi_" + "a" * 32),
    "group.update": lambda a: a.group.update(id="pgi_" + "a" * 32),
}

# And those that take a client token too.
ANY_TOKEN = {
    "flow.start": lambda a: a.flow.start(),
    "flow.update": lambda a: a.flow.update(flow_id="pfl_" + "a" * 32, choice=m.FlowChoice.PASSWORD),
    "flow.restart": lambda a: a.flow.restart(flow_id="pfl_" + "a" * 32, choice=m.FlowChoice.PASSWORD),
    "flow.complete": lambda a: a.flow.complete(flow_id="pfl_" + "a" * 32),
    "client.userinfo": lambda a: a.client.userinfo(code="pmc_" + "a" * 32),
    "client.jwks": lambda a: a.client.jwks(),
    "client.token_endpoints.check": lambda a: a.client.token_endpoints.check(token="ptu_" + "a" * 32),
    "client.password.change": lambda a: a.client.password.change(token="ptu_" + "a" * 32, old_password="x", new_password="y"),
    "client.session.invalidate": lambda a: a.client.session.invalidate(token="ptu_" + "a" * 32, session_id="pmt_" + "a" * 32),
    "client.session.list": lambda a: a.client.session.list(token="ptu_" + "a" * 32),
    "client.session.logout": lambda a: a.client.session.logout(token="ptu_" + "a" * 32),
    "client.session.refresh": lambda a: a.client.session.refresh(refresh_token="ptr_" + "a" * 32),
    "poll_result": lambda a: a.poll_result(request_id="prq_" + "a" * 32),
}

EVERYTHING = {**SERVICE_ONLY, **ANY_TOKEN}


def methods(sdk, path="") -> set[str]:
    """Every method of the SDK's AuthN that makes a request."""
    names = set()
    for name, part in vars(sdk).items():
        if hasattr(part, "request") and hasattr(part, "service_name"):
            names |= methods(part, f"{path}{name}.")
    for name, part in vars(type(sdk)).items():
        if callable(part) and not name.startswith("_") and not isinstance(part, type):
            names.add(path + name)
    return names


def test_every_method_of_the_sdk_is_called(authn):
    assert methods(authn) == set(EVERYTHING) - {"poll_result"}


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize("token", ["pts_" + "a" * 32, "pcl_" + "a" * 32, "ptu_" + "a" * 32, "x"])
def test_a_token_that_is_unknown(pool, name, token):
    with unauthorized():
        EVERYTHING[name](pool.sdk(token))


@pytest.mark.parametrize("name", EVERYTHING)
def test_what_is_not_behind_bearer(pool, name):
    """No scheme, another scheme, and the token of the right kind after it."""
    sdk = pool.sdk(pool.service_token)
    for part in [sdk, sdk.user, sdk.flow, sdk.client, sdk.session, sdk.agreements, sdk.group, sdk.user.profile, sdk.user.authenticators,
                 sdk.user.invites, sdk.user.group, sdk.client.session, sdk.client.password, sdk.client.token_endpoints]:
        part.request._headers = lambda: {"Authorization": f"Basic {pool.service_token}", "Content-Type": "application/json"}
    with unauthorized():
        EVERYTHING[name](sdk)


@pytest.mark.parametrize("name", SERVICE_ONLY)
def test_a_client_token_does_not_open_a_service_endpoint(pool, name):
    with unauthorized(403):
        EVERYTHING[name](pool.client())


@pytest.mark.parametrize("name", ANY_TOKEN)
@pytest.mark.parametrize("kind", ["service", "client"])
def test_a_client_token_opens_the_rest(pool, name, kind):
    sdk = getattr(pool, kind)()
    try:
        assert ANY_TOKEN[name](sdk).success
    except pe.PangeaAPIException as problem:
        assert problem.response.status not in ("Unauthorized", "InternalError"), problem


def test_a_path_that_is_no_endpoint(authn):
    for path in ("v2/user/nope", "v2/", "v2/user/list/more"):
        with pytest.raises(pe.NotFound) as problem:
            authn.request.post(path, PangeaResponseResult, data={})
        assert problem.value.response.http_status == 404
        check_request(problem.value.response)


def test_the_envelope_of_an_error(authn):
    with pytest.raises(pe.ValidationException) as info:
        authn.user.create(email="someone", profile={})
    response = info.value.response
    assert set(response.json) == {"request_id", "request_time", "response_time", "status", "summary", "result"}
    assert response.json["result"] == {"errors": [{"code": "BadFormatEmail", "detail": response.errors[0].detail, "source": "/email"}]}
    assert response.summary == "One problem found in the request body"
    assert is_id("prq", response.request_id)
    near_now(response.request_time)

    with pytest.raises(pe.ValidationException) as info:
        authn.user.request.post("v2/user/create", m.UserCreateResult, data={})
    assert info.value.response.summary == "2 problems found in the request body"

    with pytest.raises(pe.UnauthorizedException) as info:
        type(authn)(token="pts_" + "a" * 32, config=authn.config).user.list()
    assert info.value.response.json["result"] is None


def test_requests_have_ids_of_their_own(authn):
    ids = {authn.user.list(size=1).request_id for _ in range(5)}
    assert len(ids) == 5


def test_a_flow_that_is_unknown(authn, other):
    state = start(authn, address())
    with invalid(("DoesNotMatchPattern", "/flow_id")):
        authn.flow.complete(flow_id="some flow")
    with invalid(("FieldRequired", "/flow_id")):
        authn.flow.complete(flow_id="")
    with not_found("/flow_id"):
        authn.flow.complete(flow_id="pfl_" + "a" * 32)
    # One of another pool is none.
    with not_found("/flow_id"):
        other.service().flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": Person().password})


def test_flow_update_refuses_what_it_cannot_read(authn):
    flow_id = start(authn, address()).flow_id

    def update(path="v2/flow/update", **body):
        return authn.flow.request.post(path, m.FlowUpdateResult, data={"flow_id": flow_id, "choice": "password", "data": {}, **body})

    with invalid(("FieldRequired", "/data/password")):
        update()
    with invalid(("InvalidString", "/data/password")):
        update(data={"password": 1})
    with invalid(("UnexpectedProperty", "/data/pass")):
        update(data={"pass": "x", "password": "y"})
    with invalid(("InvalidObject", "/data")):
        update(data=[])
    with invalid(("NotEnumMember", "/choice")):
        update(choice="riddle")
    with invalid(("UnexpectedProperty", "/more")):
        update(more=1)
    with invalid(("FieldRequired", "/data")):
        authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data={"flow_id": flow_id, "choice": "password"})
    with invalid(("NotEnumMember", "/choice")):
        update(path="v2/flow/restart", choice="riddle")


def test_poll_of_an_unknown_request(authn):
    response = authn.user.list(size=1)
    with not_found():
        authn.poll_result(request_id="prq_" + "a" * 32)
    # A request that was answered at once has nothing to poll.
    with not_found():
        authn.poll_result(request_id=response.request_id)
    with invalid(("DoesNotMatchPattern", "/request_id")):
        authn.poll_result(request_id="prq_x")


def raw(pool, path="/v2/user/list", method="POST", token=None, **more) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or pool.service_token}", "Content-Type": "application/json", **more.pop("headers", {})}
    return requests.request(method, pool.url + path, headers=headers, timeout=10, **more)


@pytest.mark.parametrize(
    ("body", "http"),
    [(b"", 400), (b"[]", 400), (b"{", 400), (b'{"size": 1, "size": 2}', 400), (b"{} {}", 400), (b"\xff", 400), (b'{"filter":{}}' + b" " * 300_000, 400)],
    ids=["empty", "array", "cut off", "twice", "two values", "no text", "too large"],
)
def test_a_body_that_is_no_object(pool, body, http):
    answer = raw(pool, data=body)
    assert answer.status_code == http, answer.text
    assert set(answer.json()) == {"request_id", "request_time", "response_time", "status", "summary", "result"}
    assert answer.json()["status"] == "ValidationError"
    for error in answer.json()["result"]["errors"]:
        assert all(isinstance(error[key], str) for key in ("code", "detail", "source"))


def test_a_body_that_is_not_json(pool):
    answer = raw(pool, data="{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["status"]) == (415, "ValidationError")
    assert [(e["code"], e["source"]) for e in answer.json()["result"]["errors"]] == [("InvalidObject", "")]


def test_other_methods_than_post(pool):
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        answer = raw(pool, method=method)
        assert (answer.status_code, answer.json()["status"]) == (405, "NotFound")
        assert answer.headers["Content-Type"] == "application/json"


def test_browsers_may_call_from_anywhere(pool):
    for path in ("/v2/flow/start", "/v2/client/userinfo", "/request/prq_" + "a" * 32):
        answer = requests.options(pool.url + path, headers={
            "Origin": "https://app.example.org", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type",
        }, timeout=10)
        assert answer.status_code == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert {"POST", "GET", "OPTIONS"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
        assert {"authorization", "content-type"} <= {h.strip().lower() for h in answer.headers["Access-Control-Allow-Headers"].split(",")}
    refusal = raw(pool, token="pcl_" + "a" * 32, headers={"Origin": "https://app.example.org"})
    assert refusal.status_code == 401
    assert refusal.headers["Access-Control-Allow-Origin"] == "*"
