"""session.list, session.invalidate, session.logout, and what a person does with
their own sessions: client.session.list, client.session.invalidate."""

import secrets

import pangea.services.authn.models as m
import pytest
from person import NEW_PASSWORD, PROFILE, Person, address, sign_in, sign_up
from shape import bad_token, check_envelope, check_token, invalid, is_id, not_found

SESSIONS = 6


@pytest.fixture(scope="module")
def crowd(pool):
    """Three people with a word of their own in their addresses, and two sessions
    each, of which every second one was refreshed. Sessions stand in the order in
    which they began, each with the tokens that are good now."""
    authn, word = pool.service(), "stay" + secrets.token_hex(6)
    sessions = []
    for i, letter in enumerate("bca"):
        who = Person(email=f"{letter}.{word}@pangea.cloud", profile={"first_name": word, "last_name": f"Last_{i}"})
        sessions.append(sign_up(authn, who)[1])
        tokens = sign_in(authn, who)
        sessions.append(authn.client.session.refresh(refresh_token=tokens.refresh_token.token, user_token=tokens.active_token.token).result)
    listed = {s.id: s for s in authn.session.list(filter={"email__contains": [word]}).result.sessions}
    return word, sessions, [listed[s.refresh_token.id] for s in sessions]


def check_session(item: m.SessionItem, raw: dict, tokens: m.FlowCompleteResult, email: str, profile: dict) -> None:
    """All that a list says of a session, apart from what opens anything."""
    assert set(raw) == {"id", "type", "life", "expire", "enabled", "identity", "email", "owner", "scopes", "profile", "created_at", "active_token"}
    assert set(raw["active_token"]) == set(raw) - {"active_token"}
    assert (item.id, raw["identity"]) == (tokens.refresh_token.id, tokens.refresh_token.identity)
    assert is_id("pmt", item.id)
    assert (item.type, raw["enabled"], item.email, raw["owner"], item.scopes, item.profile) == ("session", True, email, email, [], profile)
    # A refresh makes it longer: it begins where it began, and ends with its newest refresh token.
    assert item.expire == tokens.refresh_token.expire
    assert item.created_at <= tokens.refresh_token.created_at
    assert 0 < item.life <= tokens.refresh_token.life
    check_token(type(tokens.active_token)(**{**raw["active_token"], "token": tokens.active_token.token}), "user", email, profile)
    given = tokens.active_token
    assert (item.active_token.id, item.active_token.expire, item.active_token.created_at) == (given.id, given.expire, given.created_at)


def test_list(authn, crowd):
    word, sessions, _ = crowd
    response = authn.session.list(filter=m.SessionListFilter(email__contains=[word]))
    check_envelope(response, "Sessions listed")
    assert set(response.raw_result) == {"sessions", "count", "last"}
    assert (response.raw_result["count"], response.result.last, len(response.result.sessions)) == (SESSIONS, "", SESSIONS)
    for i, (item, raw) in enumerate(zip(response.result.sessions, response.raw_result["sessions"])):
        check_session(item, raw, sessions[i], f"{'bca'[i // 2]}.{word}@pangea.cloud", {"first_name": word, "last_name": f"Last_{i // 2}"})


def test_list_without_a_filter(authn, crowd):
    for response in (authn.session.list(), authn.session.list(filter={})):
        assert response.raw_result["count"] >= SESSIONS
        assert len(response.result.sessions) == min(response.raw_result["count"], 100)
        assert (response.result.last == "") == (response.raw_result["count"] <= 100)
    assert authn.session.list(filter={"email": address()}).raw_result == {"sessions": [], "count": 0, "last": ""}


ALL = set(range(SESSIONS))

FILTERS = {
    # name: (condition from the word, the sessions and what is listed of them; which of the crowd it finds)
    "id": (lambda w, s, n: {"id": s[3].refresh_token.id}, {3}),
    "id of a token": (lambda w, s, n: {"id": s[3].active_token.id}, set()),
    "id__contains": (lambda w, s, n: {"id__contains": [s[3].refresh_token.id[:20], s[3].refresh_token.id[8:]]}, {3}),
    "id__in": (lambda w, s, n: {"id__in": [s[3].refresh_token.id, s[5].refresh_token.id]}, {3, 5}),
    "active_token_id": (lambda w, s, n: {"active_token_id": s[1].active_token.id}, {1}),
    "active_token_id__contains": (lambda w, s, n: {"active_token_id__contains": [s[1].active_token.id[10:]]}, {1}),
    "active_token_id__in": (lambda w, s, n: {"active_token_id__in": [s[1].active_token.id, s[2].active_token.id]}, {1, 2}),
    "identity": (lambda w, s, n: {"identity": s[2].active_token.identity}, {2, 3}),
    "identity__contains": (lambda w, s, n: {"identity__contains": [s[2].active_token.identity[:15]]}, {2, 3}),
    "identity__in": (lambda w, s, n: {"identity__in": [s[0].active_token.identity, s[5].active_token.identity]}, {0, 1, 4, 5}),
    "email": (lambda w, s, n: {"email": s[4].active_token.email.upper()}, {4, 5}),
    "email__contains": (lambda w, s, n: {"email__contains": [w, "c."]}, {2, 3}),
    "email__contains a wildcard": (lambda w, s, n: {"email__contains": ["%"]}, set()),
    "email__in": (lambda w, s, n: {"email__in": [s[0].active_token.email, "x@pangea.cloud"]}, {0, 1}),
    "created_at": (lambda w, s, n: {"created_at": n[3].created_at}, {3}),
    "created_at__gt": (lambda w, s, n: {"created_at__gt": n[3].created_at}, {4, 5}),
    "created_at__gte": (lambda w, s, n: {"created_at__gte": n[3].created_at}, {3, 4, 5}),
    "created_at__lt": (lambda w, s, n: {"created_at__lt": n[3].created_at}, {0, 1, 2}),
    "created_at__lte": (lambda w, s, n: {"created_at__lte": n[3].created_at}, {0, 1, 2, 3}),
    "expire": (lambda w, s, n: {"expire": n[2].expire}, {2}),
    "expire__gt": (lambda w, s, n: {"expire__gt": n[2].expire}, {3, 4, 5}),
    "expire__gte": (lambda w, s, n: {"expire__gte": n[2].expire}, {2, 3, 4, 5}),
    "expire__lt": (lambda w, s, n: {"expire__lt": n[2].expire}, {0, 1}),
    "expire__lte": (lambda w, s, n: {"expire__lte": n[2].expire}, {0, 1, 2}),
    "type": (lambda w, s, n: {"type": "session"}, ALL),
    "another type": (lambda w, s, n: {"type": "user"}, set()),
    "type__contains": (lambda w, s, n: {"type__contains": ["sess", "ion"]}, ALL),
    "type__contains another": (lambda w, s, n: {"type__contains": ["sess", "user"]}, set()),
    "type__in": (lambda w, s, n: {"type__in": ["user", "session"]}, ALL),
    "type__in others": (lambda w, s, n: {"type__in": ["user", "client"]}, set()),
    "scopes": (lambda w, s, n: {"scopes": ["admin"]}, set()),
    "no scopes": (lambda w, s, n: {"scopes": []}, ALL),
    "two conditions": (lambda w, s, n: {"email__contains": ["b."], "created_at__gt": n[0].created_at}, {1}),
}


def found(response, sessions) -> set[int]:
    assert response.raw_result["count"] == len(response.result.sessions)
    places = {s.refresh_token.id: i for i, s in enumerate(sessions)}
    return {places[item.id] for item in response.result.sessions}


@pytest.mark.parametrize("name", FILTERS)
def test_filter(authn, crowd, name):
    word, sessions, listed = crowd
    make, expected = FILTERS[name]
    condition = make(word, sessions, listed)
    # The crowd alone, unless the condition itself is about its ids.
    within = {"id__in": [s.refresh_token.id for s in sessions]} if "id__in" not in condition else {}
    for given in ({**within, **condition}, m.SessionListFilter(**{**within, **condition})):
        assert found(authn.session.list(filter=given), sessions) == expected


def test_every_filter_of_the_sdk_is_tried(crowd):
    assert {key for make, _ in FILTERS.values() for key in make(*crowd)} == set(m.SessionListFilter.model_fields)


DOCUMENT_FILTERS = {
    # What the vendor's document has and its Python SDK lacks.
    "username": (lambda w, s: {"username": s[0].active_token.email}, {0, 1}),
    "username__contains": (lambda w, s: {"username__contains": [w, f"a.{w}"]}, {4, 5}),
    "username__in": (lambda w, s: {"username__in": [s[2].active_token.email]}, {2, 3}),
    "enabled": (lambda w, s: {"enabled": True}, ALL),
    "not enabled": (lambda w, s: {"enabled": False}, set()),
    "profile_": (lambda w, s: {"profile_last_name": "LAST_1"}, {2, 3}),
    "profile__contains": (lambda w, s: {"profile_last_name__contains": ["t_1", "t_2"]}, {2, 3, 4, 5}),
    "profile__exists": (lambda w, s: {"profile_first_name__exists": True}, ALL),
    "profile__exists not": (lambda w, s: {"profile_first_name__exists": False}, set()),
}


def raw_list(authn, **body):
    return authn.session.request.post("v2/session/list", m.SessionListResults, data=body)


@pytest.mark.parametrize("name", DOCUMENT_FILTERS)
def test_filter_of_the_document(authn, crowd, name):
    word, sessions, _ = crowd
    make, expected = DOCUMENT_FILTERS[name]
    assert found(raw_list(authn, filter={"email__contains": [word], **make(word, sessions)}), sessions) == expected


ORDERS = {
    "id": lambda s: s.id,
    "created_at": lambda s: (s.created_at, s.id),
    "type": lambda s: s.id,  # all have the same
    "identity": lambda s: (s.active_token.identity, s.id),
    "email": lambda s: (s.email, s.id),
    "expire": lambda s: (s.expire, s.id),
    "active_token_id": lambda s: s.active_token.id,
}


@pytest.mark.parametrize("size", [1, 4, SESSIONS])
@pytest.mark.parametrize("order", list(m.ItemOrder))
@pytest.mark.parametrize("order_by", ORDERS)
def test_order_and_pages(authn, crowd, order_by, order, size):
    word, _, listed = crowd
    expected = sorted(listed, key=ORDERS[order_by], reverse=order == m.ItemOrder.DESC)
    got, last = [], ""
    for _ in range(SESSIONS + 1):
        body = {"filter": {"email__contains": [word]}, "order": order.value, "order_by": order_by, "size": size, "last": last}
        page = raw_list(authn, **body)
        assert page.raw_result["count"] == SESSIONS
        assert 0 < len(page.result.sessions) <= size
        got += page.result.sessions
        if (last := page.result.last) == "":
            break
    assert [s.id for s in got] == [s.id for s in expected]


def test_every_order_of_the_sdk_is_tried(authn, crowd):
    word, _, listed = crowd
    assert {order.value for order in m.SessionListOrderBy} | {"identity"} == set(ORDERS)
    for order_by in m.SessionListOrderBy:
        page = authn.session.list(filter={"email__contains": [word]}, order_by=order_by, order=m.ItemOrder.DESC, size=2).result
        assert [s.id for s in page.sessions] == [s.id for s in sorted(listed, key=ORDERS[order_by.value], reverse=True)][:2]
        more = authn.session.list(filter={"email__contains": [word]}, order_by=order_by, order=m.ItemOrder.DESC, size=2, last=page.last).result
        assert [s.id for s in more.sessions] == [s.id for s in sorted(listed, key=ORDERS[order_by.value], reverse=True)][2:4]


def test_lists_refuse(authn, crowd):
    with invalid(("IsTooSmall", "/size")):
        authn.session.list(size=0)
    with invalid(("DoesNotMatchPattern", "/last")):
        authn.session.list(last="somewhere")
    with invalid(("NotEnumMember", "/order"), ("NotEnumMember", "/order_by")):
        raw_list(authn, order="up", order_by="username")
    for condition in ("colour", "email__gt", "type__gt", "enabled__in", "last_login_at__contains"):
        with invalid(("UnexpectedProperty", "/filter/" + condition)):
            raw_list(authn, filter={condition: "x"})
    with invalid(("BadFormatDateTime", "/filter/expire__gt")):
        raw_list(authn, filter={"expire__gt": "tomorrow"})
    with invalid(("InvalidBool", "/filter/enabled")):
        raw_list(authn, filter={"enabled": "yes"})
    # A cursor is of one list.
    users = authn.user.list(size=1).result.last
    with invalid(("DoesNotMatchPattern", "/last")):
        authn.session.list(size=1, last=users)


def test_what_the_other_pool_knows(authn, other, crowd):
    word, sessions, _ = crowd
    theirs = other.service()
    assert theirs.session.list(filter={"email__contains": [word]}).raw_result == {"sessions": [], "count": 0, "last": ""}
    with not_found():
        theirs.session.invalidate(session_id=sessions[0].refresh_token.id)
    assert theirs.session.logout(user_id=sessions[0].refresh_token.identity).success
    with bad_token():
        theirs.client.session.list(token=sessions[0].active_token.token)
    assert authn.client.token_endpoints.check(sessions[0].active_token.token).success


def test_invalidate(authn):
    _, tokens = sign_up(authn)
    response = authn.session.invalidate(session_id=tokens.refresh_token.id)
    check_envelope(response, "Session invalidated")
    assert response.raw_result == {}
    with bad_token():
        authn.client.token_endpoints.check(tokens.active_token.token)
    with bad_token():
        authn.client.session.refresh(refresh_token=tokens.refresh_token.token)
    for gone in (tokens.refresh_token.id, tokens.active_token.id, "pmt_" + "a" * 32):
        with not_found():
            authn.session.invalidate(session_id=gone)
    with invalid(("DoesNotMatchPattern", "/session_id")):
        authn.session.invalidate(session_id="some session")
    with invalid(("FieldRequired", "/session_id")):
        authn.session.invalidate(session_id="")
    # What no SDK sends.
    _, tokens = sign_up(authn)
    body = {"session_id": tokens.refresh_token.id, "user_initiated": True}
    assert authn.session.request.post("v2/session/invalidate", m.SessionInvalidateResult, data=body).raw_result == {}


def test_logout(authn):
    who, first = sign_up(authn)
    second = sign_in(authn, who)
    _, stranger = sign_up(authn)
    response = authn.session.logout(user_id=first.active_token.identity)
    check_envelope(response, "Logged out")
    assert response.raw_result == {}
    for tokens in (first, second):
        with bad_token():
            authn.client.token_endpoints.check(tokens.active_token.token)
        with bad_token():
            authn.client.session.refresh(refresh_token=tokens.refresh_token.token)
    assert authn.client.token_endpoints.check(stranger.active_token.token).success
    # The vendor's suites pass what is no user, and expect success: a token's id, and a token.
    for nobody in (first.active_token.identity, first.active_token.id, stranger.active_token.id, stranger.active_token.token, "pui_" + "a" * 32):
        assert authn.session.logout(user_id=nobody).raw_result == {}
    assert authn.client.token_endpoints.check(stranger.active_token.token).success
    with invalid(("DoesNotMatchPattern", "/user_id")):
        authn.session.logout(user_id="a;b")
    with invalid(("FieldRequired", "/user_id")):
        authn.session.logout(user_id="")


@pytest.fixture(params=["client", "service"])
def sdk(request, pool):
    """Either kind of token opens what a person does with their own sessions."""
    return getattr(pool, request.param)()


def test_own_sessions(sdk):
    who, first = sign_up(sdk)
    _, stranger = sign_up(sdk)
    second = sign_in(sdk, who)
    token = second.active_token.token
    for given in ({}, m.SessionListFilter(), None):
        response = sdk.client.session.list(token=token, filter=given)
        check_envelope(response, "Sessions listed")
        assert set(response.raw_result) == {"sessions", "last"}
        assert response.result.last == ""
        assert len(response.result.sessions) == 2
        for item, raw, tokens in zip(response.result.sessions, response.raw_result["sessions"], (first, second)):
            check_session(item, raw, tokens, who.email, PROFILE)
    # In pages and orders, and by the same filters as the pool's.
    page = sdk.client.session.list(token=token, order=m.ItemOrder.DESC, order_by=m.SessionListOrderBy.CREATED_AT, size=1).result
    assert [s.id for s in page.sessions] == [second.refresh_token.id]
    rest = sdk.client.session.list(token=token, order=m.ItemOrder.DESC, order_by=m.SessionListOrderBy.CREATED_AT, size=1, last=page.last).result
    assert ([s.id for s in rest.sessions], rest.last) == ([first.refresh_token.id], "")
    only = sdk.client.session.list(token=token, filter={"id": first.refresh_token.id}).result
    assert [s.id for s in only.sessions] == [first.refresh_token.id]
    # Nobody else's, whatever is asked for, and with no cursor of theirs.
    for theirs in ({"id": stranger.refresh_token.id}, {"identity": stranger.active_token.identity}, {"email": stranger.active_token.email}):
        assert sdk.client.session.list(token=token, filter=theirs).raw_result == {"sessions": [], "last": ""}
    with invalid(("DoesNotMatchPattern", "/last")):
        sdk.client.session.list(token=stranger.active_token.token, order=m.ItemOrder.DESC, order_by=m.SessionListOrderBy.CREATED_AT, size=1, last=page.last)


def test_ending_own_sessions(sdk):
    who, first = sign_up(sdk)
    _, stranger = sign_up(sdk)
    second = sign_in(sdk, who)
    token = second.active_token.token
    for unknown in (stranger.refresh_token.id, "pmt_" + "a" * 32, first.active_token.id):
        with not_found():
            sdk.client.session.invalidate(token=token, session_id=unknown)
    response = sdk.client.session.invalidate(token=token, session_id=first.refresh_token.id)
    check_envelope(response, "Session invalidated")
    assert response.raw_result == {}
    with bad_token():
        sdk.client.token_endpoints.check(first.active_token.token)
    assert [s.id for s in sdk.client.session.list(token=token).result.sessions] == [second.refresh_token.id]
    # The session's own token ends it too, and is of no use then.
    assert sdk.client.session.invalidate(token=token, session_id=second.refresh_token.id).raw_result == {}
    for call in (
        lambda: sdk.client.session.list(token=token),
        lambda: sdk.client.session.invalidate(token=token, session_id=second.refresh_token.id),
        lambda: sdk.client.token_endpoints.check(token),
    ):
        with bad_token():
            call()
    assert sdk.client.token_endpoints.check(stranger.active_token.token).success


def test_what_is_no_user_token(sdk, pool):
    _, tokens = sign_up(sdk)
    with invalid(("FieldRequired", "/token")):
        sdk.client.session.list(token="")
    with invalid(("FieldRequired", "/token"), ("FieldRequired", "/session_id")):
        sdk.client.session.invalidate(token="", session_id="")
    for token in (tokens.refresh_token.token, pool.service_token, "ptu_short"):
        with invalid(("DoesNotMatchPattern", "/token")):
            sdk.client.session.list(token=token)
        with invalid(("DoesNotMatchPattern", "/token")):
            sdk.client.session.invalidate(token=token, session_id=tokens.refresh_token.id)
    with bad_token():
        sdk.client.session.list(token="ptu_" + "a" * 32)


def test_a_disabled_person_has_no_sessions(authn):
    who, tokens = sign_up(authn)
    authn.user.update(email=who.email, disabled=True)
    assert authn.session.list(filter={"email": who.email}).raw_result == {"sessions": [], "count": 0, "last": ""}
    with not_found():
        authn.session.invalidate(session_id=tokens.refresh_token.id)


def test_a_changed_password_leaves_one_session(authn):
    who, _ = sign_up(authn)
    tokens = sign_in(authn, who)
    authn.client.password.change(tokens.active_token.token, who.password, NEW_PASSWORD)
    assert [s.id for s in authn.session.list(filter={"email": who.email}).result.sessions] == [tokens.refresh_token.id]
