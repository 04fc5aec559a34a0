"""user.create, user.delete, user.list, user.update, user.profile."""

import secrets

import pangea.services.authn.models as m
import pytest
from person import PROFILE, Person, address, sign_in, sign_up
from shape import bad_token, check_envelope, check_user, invalid, near_now, not_found


def test_create(authn):
    email = address()
    response = authn.user.create(email=email, profile=PROFILE)
    check_envelope(response, "User created")
    check_user(response.result, email, PROFILE)
    # The Go SDK cannot read a created user with this key.
    assert "authenticators" not in response.raw_result
    assert set(response.raw_result) == {"id", "email", "username", "profile", "verified", "disabled", "login_count", "created_at"}
    assert authn.user.profile.get(id=response.result.id).result.email == email


def test_create_with_a_username(authn):
    email, name = address(), "user_" + secrets.token_hex(6)
    user = authn.user.create(email=email, profile={}, username=name).result
    check_user(user, email, {}, username=name)
    for selector in ({"id": user.id}, {"email": email}, {"username": name}, {"username": name.upper()}):
        assert authn.user.profile.get(**selector).result.id == user.id
    with invalid(("ItemNotUnique", "/username")):
        authn.user.create(email=address(), profile={}, username=name)
    # Where none is given, the address is the username too.
    plain = authn.user.create(email=address(), profile={}).result
    assert authn.user.profile.get(username=plain.email).result.id == plain.id


def test_an_address_is_shown_as_it_was_typed(authn):
    email = "Ana.Roe+" + secrets.token_hex(6) + "@Pangea.Cloud"
    shown = email.replace("@Pangea.Cloud", "@pangea.cloud")
    user = authn.user.create(email=email, profile={}).result
    check_user(user, shown, {})
    for other in (email, shown, email.lower(), email.upper()):
        assert authn.user.profile.get(email=other).result.id == user.id


def test_create_takes_any_profile_of_strings(authn):
    profile = {"name": "Žofie Ńowak", "country": "", "age": "41", "a b/c~d": "line\nbreak", "message": "not json"}
    email = address()
    assert authn.user.create(email=email, profile=profile).result.profile == profile
    assert authn.user.profile.get(email=email).result.profile == profile


def test_create_refuses(authn):
    with invalid(("BadFormatEmail", "/email")):
        authn.user.create(email="someone", profile={})
    with invalid(("FieldRequired", "/email")):
        authn.user.create(email="", profile={})
    with invalid(("DoesNotMatchPattern", "/username")):
        authn.user.create(email=address(), profile={}, username="a b")
    email = address()
    authn.user.create(email=email, profile={})
    for taken in (email, email.upper()):
        with invalid(("ItemNotUnique", "/email")):
            authn.user.create(email=taken, profile={})

    def raw(body):
        return authn.user.request.post("v2/user/create", m.UserCreateResult, data=body)

    with invalid(("FieldRequired", "/email"), ("FieldRequired", "/profile")):
        raw({})
    with invalid(("InvalidString", "/profile/age")):
        raw({"email": address(), "profile": {"age": 41}})
    with invalid(("UnexpectedProperty", "/password")):
        raw({"email": address(), "profile": {}, "password": "My1s+Password"})
    # The Go SDK may add this to any body.
    assert raw({"email": address(), "profile": {}, "config_id": "pci_br6qmw4wxfogo6mvn6a6wfhym6l3vfz5"}).success


@pytest.mark.parametrize("by", ["email", "id", "username"])
def test_delete(authn, by):
    user = authn.user.create(email=address(), profile={}).result
    selector = {by: getattr(user, by)}
    response = authn.user.delete(**selector)
    check_envelope(response, "User deleted")
    assert response.result is None and response.json["result"] is None
    with not_found():
        authn.user.delete(**selector)
    with not_found():
        authn.user.profile.get(id=user.id)
    # The address is free again, for somebody else.
    assert authn.user.create(email=user.email, profile={}).result.id != user.id


def test_delete_ends_sessions(authn):
    who, tokens = sign_up(authn)
    authn.user.delete(email=who.email)
    with bad_token():
        authn.client.token_endpoints.check(tokens.active_token.token)
    with bad_token():
        authn.client.session.refresh(refresh_token=tokens.refresh_token.token)


@pytest.mark.parametrize("by", ["id", "email", "username"])
def test_profile_get(authn, by):
    user = authn.user.create(email=address(), profile=PROFILE).result
    response = authn.user.profile.get(**{by: getattr(user, by)})
    check_envelope(response, "User profile")
    check_user(response.result, user.email, PROFILE, locked_out=False)
    assert (response.result.id, response.result.created_at) == (user.id, user.created_at)


@pytest.mark.parametrize("by", ["id", "email", "username"])
def test_profile_update_merges(authn, by):
    user = authn.user.create(email=address(), profile=PROFILE).result
    selector = {by: getattr(user, by)}
    response = authn.user.profile.update(profile={"first_name": "Ana", "phone": "18085550173"}, **selector)
    check_envelope(response, "User profile updated")
    merged = {**PROFILE, "first_name": "Ana", "phone": "18085550173"}
    check_user(response.result, user.email, merged, locked_out=False)
    assert authn.user.profile.get(**selector).result.profile == merged
    # Nothing, and the same once more.
    assert authn.user.profile.update(profile={}, **selector).result.profile == merged
    assert authn.user.profile.update(profile=merged, **selector).result.profile == merged


def test_profile_update_removes_by_null(authn):
    user = authn.user.create(email=address(), profile=PROFILE).result
    # The SDK's method drops null and refuses it, and so does its transport; the body is sent as text.
    body = '{"email": "%s", "profile": {"last_name": null}}' % user.email
    request = authn.user.request
    answer = request.session.post(request._url("v2/user/profile/update"), headers=request._headers(), data=body)
    assert answer.json()["result"]["profile"] == {"first_name": PROFILE["first_name"]}
    assert authn.user.profile.get(id=user.id).result.profile == {"first_name": PROFILE["first_name"]}


def test_a_changed_profile_shows_in_tokens(authn):
    who, tokens = sign_up(authn)
    authn.user.profile.update(profile={"first_name": "Ana"}, email=who.email)
    profile = {**PROFILE, "first_name": "Ana"}
    assert authn.client.token_endpoints.check(tokens.active_token.token).result.profile == profile
    refreshed = authn.client.session.refresh(refresh_token=tokens.refresh_token.token).result
    assert refreshed.active_token.profile == profile


@pytest.mark.parametrize("by", ["id", "email", "username"])
def test_update(authn, by):
    user = authn.user.create(email=address(), profile=PROFILE).result
    selector = {by: getattr(user, by)}
    for disabled in (False, True, True, False):
        response = authn.user.update(disabled=disabled, **selector)
        check_envelope(response, "User updated")
        assert response.result.id == user.id
        check_user(response.result, user.email, PROFILE, disabled=disabled, locked_out=False)
        assert authn.user.profile.get(id=user.id).result.disabled is disabled
    assert authn.user.update(unlock=True, **selector).result.id == user.id
    assert authn.user.update(**selector).result.id == user.id


def test_disabling_ends_sessions(authn):
    who, tokens = sign_up(authn)
    authn.user.update(email=who.email, disabled=True)
    with bad_token():
        authn.client.token_endpoints.check(tokens.active_token.token)
    with bad_token():
        authn.client.session.refresh(refresh_token=tokens.refresh_token.token)
    authn.user.update(email=who.email, disabled=False)
    with bad_token():
        authn.client.token_endpoints.check(tokens.active_token.token)
    sign_in(authn, who)


@pytest.mark.parametrize("phone", ["+18085550173", "+1-808-555-0173", "18085550173", "+1 808 555 0173"])
def test_update_of_a_phone(authn, phone):
    """The vendor's document has it; no SDK's method does."""
    user = authn.user.create(email=address(), profile={}).result
    response = authn.user.request.post("v2/user/update", m.UserUpdateResult, data={"id": user.id, "phone": phone})
    assert response.result.phone == "+18085550173"
    found = list_raw(authn, {"phone": "+18085550173", "id": user.id})
    assert [u.id for u in found.users] == [user.id]


SELECTED = [
    lambda authn, **who: authn.user.profile.get(**who),
    lambda authn, **who: authn.user.profile.update(profile={}, **who),
    lambda authn, **who: authn.user.update(disabled=False, **who),
    lambda authn, **who: authn.user.delete(**who),
]


@pytest.mark.parametrize("call", SELECTED, ids=["profile.get", "profile.update", "update", "delete"])
def test_selectors(authn, call):
    """A person is named by exactly one of three."""
    user = authn.user.create(email=address(), profile={}).result
    with invalid(("MustProvideOne", "")):
        call(authn)
    for two in ({"id": user.id, "email": user.email}, {"email": user.email, "username": user.username}):
        with invalid(("MutuallyExclusive", "")):
            call(authn, **two)
    for nobody in (
        {"id": "pui_" + "a" * 32},
        {"id": "some other id"},
        {"id": user.id.removeprefix("pui_")},
        {"email": address()},
        {"username": "nobody_" + secrets.token_hex(6)},
    ):
        with not_found():
            call(authn, **nobody)
    with invalid(("BadFormatEmail", "/email")):
        call(authn, email="nobody")
    with invalid(("DoesNotMatchPattern", "/id")):
        call(authn, id="a;b")
    assert authn.user.profile.get(id=user.id).result.id == user.id


# Lists.

PEOPLE = 7


@pytest.fixture(scope="module")
def crowd(pool):
    """Seven people with a word of their own in their addresses: the first three
    have signed in, once, twice and three times, from as many addresses; the
    fourth is disabled."""
    authn, word = pool.service(), "crowd" + secrets.token_hex(6)
    emails = [f"{letter}.{word}@pangea.cloud" for letter in "dbagcfe"]
    for i, email in enumerate(emails):
        if i >= 3:
            authn.user.create(email=email, profile={"word": word, "number": str(i)})
            continue
        who = Person(email=email, profile={"first_name": word, "last_name": f"Last_{i}"})
        authn.flow.request.set_extra_headers({"X-End-User-Address": f"203.0.113.{i}"})
        sign_up(authn, who)
        for _ in range(i):
            sign_in(authn, who)
    authn.user.update(email=emails[3], disabled=True)
    return word, [authn.user.profile.get(email=email).result for email in emails]


def list_raw(authn, condition: dict) -> m.UserListResult:
    """A list by the SDK's transport: its filter model lacks names that the
    vendor's document has."""
    response = authn.user.request.post("v2/user/list", m.UserListResult, data={"filter": condition})
    return response.result


def test_list(authn, crowd):
    word, people = crowd
    response = authn.user.list(filter=m.UserListFilter(email__contains=[word]))
    check_envelope(response, "Users listed")
    assert response.result.count == PEOPLE
    assert response.result.last is None and "last" not in response.raw_result
    listed = {user.id: user for user in response.result.users}
    assert len(listed) == PEOPLE
    for i, person in enumerate(people):
        user = listed[person.id]
        signed_in = {"login_count": i + 1, "last_login_at": near_now, "last_login_ip": f"203.0.113.{i}"} if i < 3 else {}
        profile = {"first_name": word, "last_name": f"Last_{i}"} if i < 3 else {"word": word, "number": str(i)}
        check_user(user, person.email, profile, disabled=i == 3, **signed_in)


def test_list_without_a_filter(authn, crowd):
    for response in (authn.user.list(), authn.user.list(filter={})):
        result = response.result
        assert result.count >= PEOPLE
        # A page has 100 entries where no size is asked for.
        assert len(result.users) == min(result.count, 100)
        assert ("last" in response.raw_result) == (result.count > 100)


def test_list_of_nobody(authn):
    response = authn.user.list(filter={"email": address()})
    assert response.raw_result == {"users": [], "count": 0}


def late(people, i):
    return people[i].last_login_at


FILTERS = {
    # name: (condition, which of the crowd it finds)
    "email": (lambda w, p: {"email": p[0].email}, {0}),
    "email, in other case": (lambda w, p: {"email": p[0].email.upper()}, {0}),
    "email__contains all": (lambda w, p: {"email__contains": [w, "a.crowd"]}, {2}),
    "email__contains nothing": (lambda w, p: {"email__contains": []}, set(range(7))),
    "email__contains a wildcard": (lambda w, p: {"email__contains": ["%"]}, set()),
    "email__in": (lambda w, p: {"email__in": [p[1].email, p[5].email, "x@pangea.cloud"]}, {1, 5}),
    "id": (lambda w, p: {"id": p[4].id}, {4}),
    "id__contains": (lambda w, p: {"id__contains": [p[4].id[:20], p[4].id[8:]]}, {4}),
    "id__in": (lambda w, p: {"id__in": [p[4].id, p[6].id]}, {4, 6}),
    "created_at": (lambda w, p: {"created_at": p[3].created_at}, {3}),
    "created_at__gt": (lambda w, p: {"created_at__gt": p[3].created_at}, {4, 5, 6}),
    "created_at__gte": (lambda w, p: {"created_at__gte": p[3].created_at}, {3, 4, 5, 6}),
    "created_at__lt": (lambda w, p: {"created_at__lt": p[3].created_at}, {0, 1, 2}),
    "created_at__lte": (lambda w, p: {"created_at__lte": p[3].created_at}, {0, 1, 2, 3}),
    "created_at between": (lambda w, p: {"created_at__gt": p[1].created_at, "created_at__lt": p[4].created_at}, {2, 3}),
    "created_at in another zone": (lambda w, p: {"created_at__gte": "2020-01-01T01:00:00+01:00"}, set(range(7))),
    "last_login_at": (lambda w, p: {"last_login_at": late(p, 1)}, {1}),
    "last_login_at__gt": (lambda w, p: {"last_login_at__gt": late(p, 1)}, {2}),
    "last_login_at__gte": (lambda w, p: {"last_login_at__gte": late(p, 1)}, {1, 2}),
    "last_login_at__lt": (lambda w, p: {"last_login_at__lt": late(p, 1)}, {0}),
    "last_login_at__lte": (lambda w, p: {"last_login_at__lte": late(p, 1)}, {0, 1}),
    "last_login_ip": (lambda w, p: {"last_login_ip": "203.0.113.2"}, {2}),
    "last_login_ip__contains": (lambda w, p: {"last_login_ip__contains": ["203.0", "113.1"]}, {1}),
    "last_login_ip__in": (lambda w, p: {"last_login_ip__in": ["203.0.113.0", "203.0.113.2"]}, {0, 2}),
    "login_count": (lambda w, p: {"login_count": 0}, {3, 4, 5, 6}),
    "login_count__gt": (lambda w, p: {"login_count__gt": 1}, {1, 2}),
    "login_count__gte": (lambda w, p: {"login_count__gte": 1}, {0, 1, 2}),
    "login_count__lt": (lambda w, p: {"login_count__lt": 2}, {0, 3, 4, 5, 6}),
    "login_count__lte": (lambda w, p: {"login_count__lte": 2}, {0, 1, 3, 4, 5, 6}),
    "disabled": (lambda w, p: {"disabled": True}, {3}),
    "enabled": (lambda w, p: {"disabled": False}, {0, 1, 2, 4, 5, 6}),
    "verified": (lambda w, p: {"verified": True}, set()),
    "not verified": (lambda w, p: {"verified": False}, set(range(7))),
    "two conditions": (lambda w, p: {"disabled": False, "login_count": 0}, {4, 5, 6}),
    # What nobody has so far.
    "accepted_eula_id": (lambda w, p: {"accepted_eula_id": "peu_x"}, set()),
    "accepted_eula_id__contains": (lambda w, p: {"accepted_eula_id__contains": ["peu"]}, set()),
    "accepted_eula_id__in": (lambda w, p: {"accepted_eula_id__in": ["peu_x"]}, set()),
    "last_login_city": (lambda w, p: {"last_login_city": "Oslo"}, set()),
    "last_login_city__contains": (lambda w, p: {"last_login_city__contains": ["Os"]}, set()),
    "last_login_city__in": (lambda w, p: {"last_login_city__in": ["Oslo"]}, set()),
    "last_login_country": (lambda w, p: {"last_login_country": "Norway"}, set()),
    "last_login_country__contains": (lambda w, p: {"last_login_country__contains": ["No"]}, set()),
    "last_login_country__in": (lambda w, p: {"last_login_country__in": ["Norway"]}, set()),
    "require_mfa": (lambda w, p: {"require_mfa": True}, set()),
    "no mfa": (lambda w, p: {"require_mfa": False}, set(range(7))),
    "scopes": (lambda w, p: {"scopes": ["admin"]}, set()),
    "no scopes": (lambda w, p: {"scopes": []}, set(range(7))),
}


def found(result: m.UserListResult, people: list) -> set[int]:
    assert result.count == len(result.users)
    places = {person.id: i for i, person in enumerate(people)}
    return {places[user.id] for user in result.users}


@pytest.mark.parametrize("name", FILTERS)
def test_filter(authn, crowd, name):
    word, people = crowd
    make, expected = FILTERS[name]
    condition = make(word, people)
    # The crowd alone, unless the condition itself is about its addresses.
    within = {"id__in": [person.id for person in people]} if "id__in" not in condition else {}
    for given in ({**within, **condition}, m.UserListFilter(**{**within, **condition})):
        assert found(authn.user.list(filter=given).result, people) == expected


def test_every_filter_of_the_sdk_is_tried(crowd):
    word, people = crowd
    tried = {key for make, _ in FILTERS.values() for key in make(word, people)}
    assert tried == set(m.UserListFilter.model_fields)


DOCUMENT_FILTERS = {
    # What the vendor's document has and its Python SDK lacks.
    "username": (lambda w, p: {"username": p[0].email}, {0}),
    "username__contains": (lambda w, p: {"username__contains": [w, "c.crowd"]}, {4}),
    "username__in": (lambda w, p: {"username__in": [p[1].email]}, {1}),
    "profile_": (lambda w, p: {"profile_word": w}, {3, 4, 5, 6}),
    "profile_, in other case": (lambda w, p: {"profile_word": w.upper()}, {3, 4, 5, 6}),
    "profile_ of two words": (lambda w, p: {"profile_first_name": w}, {0, 1, 2}),
    "profile__contains": (lambda w, p: {"profile_last_name__contains": ["t_1", "t_2"]}, {1, 2}),
    "profile__exists": (lambda w, p: {"profile_number__exists": True}, {3, 4, 5, 6}),
    "profile__exists not": (lambda w, p: {"profile_number__exists": False}, {0, 1, 2}),
    "two of the profile": (lambda w, p: {"profile_word": w, "profile_number": "5"}, {5}),
}


@pytest.mark.parametrize("name", DOCUMENT_FILTERS)
def test_filter_of_the_document(authn, crowd, name):
    word, people = crowd
    make, expected = DOCUMENT_FILTERS[name]
    assert found(list_raw(authn, {"email__contains": [word], **make(word, people)}), people) == expected


def test_filters_that_make_no_sense(authn):
    for condition, error in {
        "colour": "UnexpectedProperty",
        "email__gt": "UnexpectedProperty",
        "login_count__contains": "UnexpectedProperty",
    }.items():
        with invalid((error, "/filter/" + condition)):
            list_raw(authn, {condition: "x"})
    with invalid(("BadFormatDateTime", "/filter/created_at__gt")):
        authn.user.list(filter={"created_at__gt": "yesterday"})
    with invalid(("InvalidArray", "/filter/email__in")):
        list_raw(authn, {"email__in": "x"})
    with invalid(("InvalidBool", "/filter/disabled")):
        list_raw(authn, {"disabled": "yes"})
    with invalid(("InvalidInteger", "/filter/login_count")):
        list_raw(authn, {"login_count": "1"})


ORDERS = {
    m.UserListOrderBy.ID: lambda u: u.id,
    m.UserListOrderBy.CREATED_AT: lambda u: u.created_at,
    m.UserListOrderBy.EMAIL: lambda u: u.email,
    m.UserListOrderBy.LAST_LOGIN_AT: lambda u: (u.last_login_at or "", u.id),
    # No property of a user, but the SDK can ask for it: taken as id.
    m.UserListOrderBy.ACTIVE_TOKEN_ID: lambda u: u.id,
}


@pytest.mark.parametrize("order", [m.ItemOrder.ASC, m.ItemOrder.DESC, None])
@pytest.mark.parametrize("order_by", list(m.UserListOrderBy))
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_order_and_pages(authn, crowd, order_by, order, size):
    word, people = crowd
    expected = sorted(people, key=ORDERS[order_by], reverse=order == m.ItemOrder.DESC)
    users, last = [], None
    for _ in range(PEOPLE + 1):
        page = authn.user.list(filter={"email__contains": [word]}, last=last, order=order, order_by=order_by, size=size).result
        assert page.count == PEOPLE
        assert 0 < len(page.users) <= size
        users += page.users
        last = page.last
        if last is None:
            break
    assert [u.id for u in users] == [u.id for u in expected]


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("order_by", ["username", "login_count", "last_login_ip", "accepted_eula_id", "accepted_privacy_policy_id"])
def test_order_of_the_document(authn, crowd, order_by, order):
    """Orders that the vendor's document has and its Python SDK lacks."""
    word, people = crowd
    body = {"filter": {"email__contains": [word]}, "order": order, "order_by": order_by}
    users = authn.user.request.post("v2/user/list", m.UserListResult, data=body).result.users
    expected = sorted(people, key=lambda u: (getattr(u, order_by, None) or "", u.id) if order_by != "login_count" else (u.login_count, u.id), reverse=order == "desc")
    assert [u.id for u in users] == [u.id for u in expected]


def test_a_page_has_200_entries_at_most(authn):
    word = "many" + secrets.token_hex(6)
    for i in range(203):
        authn.user.create(email=f"{i:03}.{word}@pangea.cloud", profile={})
    condition = {"email__contains": [word]}

    def page(**more):
        return authn.user.list(filter=condition, order_by=m.UserListOrderBy.EMAIL, **more).result

    first = page(size=10_000)
    assert (len(first.users), first.count) == (200, 203)
    rest = page(size=10_000, last=first.last)
    assert (len(rest.users), rest.count, rest.last) == (3, 203, None)
    default = page()
    assert (len(default.users), default.count) == (100, 203)
    everybody = [u.email for u in first.users + rest.users]
    assert everybody == [f"{i:03}.{word}@pangea.cloud" for i in range(203)]


def test_lists_refuse(authn, crowd):
    word, _ = crowd
    for size in (0, -1):
        with invalid(("IsTooSmall", "/size")):
            authn.user.list(size=size)
    with invalid(("DoesNotMatchPattern", "/last")):
        authn.user.list(last="somewhere")
    # A cursor belongs to the query that it came from.
    last = authn.user.list(filter={"email__contains": [word]}, size=2).result.last
    with invalid(("DoesNotMatchPattern", "/last")):
        authn.user.list(size=2, last=last)
    with invalid(("NotEnumMember", "/order"), ("NotEnumMember", "/order_by")):
        authn.user.request.post("v2/user/list", m.UserListResult, data={"order": "up", "order_by": "shoe_size"})


def test_what_the_other_pool_knows(pool, other):
    """A person, an address and a list are of one pool."""
    user = pool.service().user.create(email=address(), profile={}).result
    theirs = other.service()
    with not_found():
        theirs.user.profile.get(id=user.id)
    with not_found():
        theirs.user.delete(email=user.email)
    with invalid(("DoesNotMatchPattern", "/last")):
        theirs.user.list(size=1, last=pool.service().user.list(size=1).result.last)
    assert theirs.user.list(filter={"email": user.email}).result.count == 0
    assert theirs.user.create(email=user.email, profile={}).result.id != user.id
