"""What an answer must look like, value by value."""

import re
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from pangea.response import PangeaResponse

USER_LIFE = 48 * 3600
SESSION_LIFE = 30 * 24 * 3600

# How far the server's clock and ours may differ, and how old an answer may be.
NEAR = timedelta(minutes=2)
NEVER = "0001-01-01T00:00:00.000000Z"

_time = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")


def is_id(prefix: str, text: str) -> bool:
    return re.fullmatch(prefix + "_[a-z2-7]{32}", text) is not None


def moment(text: str) -> datetime:
    """Reads a time: RFC 3339 in UTC with six digits behind the second."""
    assert _time.match(text), text
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def near_now(text: str) -> datetime:
    at = moment(text)
    assert abs(datetime.now(timezone.utc) - at) < NEAR, text
    return at


def check_envelope(response: PangeaResponse, summary: str) -> None:
    """The keys around a result, all of them and no other."""
    assert response.success and response.http_status == 200
    assert set(response.json) == {"request_id", "request_time", "response_time", "status", "summary", "result"}
    assert response.status == "Success"
    assert response.summary == summary
    check_request(response)


def check_request(response: PangeaResponse) -> None:
    assert is_id("prq", response.request_id)
    assert response.raw_response.headers["X-Request-Id"] == response.request_id
    assert response.raw_response.headers["Content-Type"] == "application/json"
    assert near_now(response.request_time) <= near_now(response.response_time)


def check_token(token: m.SessionToken, kind: str, email: str, profile: dict) -> None:
    """All that a token says, apart from the token itself."""
    prefix, life = {"user": ("ptu", USER_LIFE), "session": ("ptr", SESSION_LIFE)}[kind]
    fields = token.model_dump()
    secret = fields.pop("token", None)
    assert secret is None or is_id(prefix, secret)
    assert is_id("pmt", token.id)
    assert token.type == kind
    assert life - NEAR.seconds < token.life <= life
    created, expire = near_now(fields["created_at"]), moment(fields["expire"])
    assert expire - created == timedelta(seconds=life)
    assert fields["enabled"] is True
    assert is_id("pui", token.identity)
    assert token.email == email
    assert fields["owner"] == email
    assert token.scopes == []
    assert token.profile == profile
    assert token.intelligence is None
    assert set(fields) == {
        "id", "type", "life", "expire", "enabled", "identity", "email", "owner", "scopes", "profile", "created_at", "intelligence",
    }


def check_tokens(pair: m.FlowCompleteResult, email: str, profile: dict) -> None:
    """A fresh pair of tokens of one person."""
    assert set(pair.model_dump()) == {"active_token", "refresh_token"}
    assert "token" in pair.active_token.model_fields_set and "token" in pair.refresh_token.model_fields_set
    check_token(pair.active_token, "user", email, profile)
    check_token(pair.refresh_token, "session", email, profile)
    assert pair.active_token.identity == pair.refresh_token.identity
    assert pair.active_token.id != pair.refresh_token.id


USER_DEFAULTS = {
    "verified": False,
    "disabled": False,
    "login_count": 0,
    "last_login_at": None,
    "last_login_ip": None,
    "last_login_city": None,
    "last_login_country": None,
    "accepted_eula_id": None,
    "accepted_privacy_policy_id": None,
    "authenticators": [],
}


def check_user(user: m.User, email: str, profile: dict, **expected) -> None:
    """All that is known of a person. What is not named has its default; a time
    is given as near_now."""
    fields = user.model_dump()
    assert is_id("pui", fields.pop("id"))
    near_now(fields.pop("created_at"))
    if expected.get("last_login_at") is near_now:
        near_now(fields.pop("last_login_at"))
        expected.pop("last_login_at")
        defaults = {name: value for name, value in USER_DEFAULTS.items() if name != "last_login_at"}
    else:
        defaults = USER_DEFAULTS
    assert fields == {**defaults, "email": email, "username": email, "profile": profile, **expected}


POLICY = {
    "chars_min": 8,
    "chars_max": 256,
    "lower_min": 0,
    "upper_min": 0,
    "punct_min": 0,
    "number_min": 0,
}
# The vendor's live service has one spelling, its document the other.
BOTH_POLICIES = {**POLICY, **{"password_" + name: value for name, value in POLICY.items()}}

FIELDS = [
    {
        "id": name,
        "name": label,
        "label": label,
        "type": "string",
        "required": False,
        "show_on_signup": True,
        "builtin": True,
        "display_disabled": False,
    }
    for name, label in (("first_name", "First name"), ("last_name", "Last name"))
]


@contextmanager
def refused(exception: type[pe.PangeaAPIException], status: str, http: int, *errors: tuple[str, str]):
    """Expects the SDK to raise this very exception, for an answer with this
    status and HTTP code and exactly these errors, as (code, source)."""
    with pytest.raises(pe.PangeaAPIException) as info:
        yield info
    problem = info.value
    assert type(problem) is exception, repr(problem)
    assert (problem.response.status, problem.response.http_status) == (status, http), repr(problem)
    assert sorted((e.code, e.source) for e in problem.errors) == sorted(errors), repr(problem)
    assert all(e.detail for e in problem.errors)
    assert problem.response.summary
    assert problem.response.result is None
    check_request(problem.response)


def invalid(*errors: tuple[str, str]):
    return refused(pe.ValidationException, "ValidationError", 400, *errors)


def unauthorized(http: int = 401):
    return refused(pe.UnauthorizedException, "Unauthorized", http)


def not_found(source: str = ""):
    return refused(pe.NotFound, "NotFound", 404, ("DoesNotExist", source))


def wrong_password():
    return refused(pe.PangeaAPIException, "AuthenticationFailure", 400)


def bad_token():
    return refused(pe.PangeaAPIException, "InvalidToken", 400)
