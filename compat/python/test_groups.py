"""group, user.group, and the groups that stand beside people."""

import secrets

import pangea.services.authn.models as m
from person import address
from shape import check_envelope, invalid, is_id, moment, near_now, not_found

KEYS = {"id", "name", "type", "created_at", "updated_at"}
NOBODY, NOTHING = "pui_" + "a" * 32, "pgi_" + "a" * 32


def check_group(response, summary: str, **expected) -> dict:
    """All that a group says, and what the SDK makes of it."""
    check_envelope(response, summary)
    fields = dict(response.raw_result)
    model = response.result.model_dump()
    assert is_id("pgi", fields["id"])
    assert near_now(fields["created_at"]) <= near_now(fields["updated_at"])
    assert {k: v for k, v in fields.items() if k not in ("id", "created_at", "updated_at")} == expected
    assert all(model[key] == expected.get(key) for key in ("name", "type", "description", "attributes")) and model["id"] == fields["id"]
    return fields


def create(authn, name: str = "", type: str = "team", **more) -> m.GroupInfo:
    return authn.group.create(name or "group_" + secrets.token_hex(4), type, **more).result


def person(authn) -> str:
    return authn.user.create(email=address(), profile={}).result.id


def test_create_and_get(authn):
    attributes = {"source": "ACME Directory", "import_date": "05/22/2021", "größe": "密\n"}
    response = authn.group.create("admins", "team", description="Who may\nchange things.", attributes=attributes)
    made = check_group(response, "Group created", name="admins", type="team", description="Who may\nchange things.", attributes=attributes)
    assert set(made) == KEYS | {"description", "attributes"}
    got = authn.group.get(made["id"])
    check_group(got, "Group information", name="admins", type="team", description="Who may\nchange things.", attributes=attributes)
    assert got.raw_result == made
    # The least; and a name may be there twice.
    plain = check_group(authn.group.create("admins", "a type of its own"), "Group created", name="admins", type="a type of its own")
    assert set(plain) == KEYS and plain["id"] != made["id"]


def test_create_refuses(authn):
    def raw(body):
        return authn.group.request.post("v2/group/create", m.GroupInfo, data=body)

    good = {"name": "a", "type": "b"}
    for body, problems in (
        ({}, [("FieldRequired", "/name"), ("FieldRequired", "/type")]),
        ({"name": "Console Users", "type": " "}, [("DoesNotMatchPattern", "/name"), ("FieldRequired", "/type")]),
        ({"name": "bücher", "type": "a\nb"}, [("DoesNotMatchPattern", "/name"), ("DoesNotMatchPattern", "/type")]),
        ({"name": "n" * 129, "type": "t" * 129, "description": "d" * 1001}, [("AboveMaxLength", "/name"), ("AboveMaxLength", "/type"), ("AboveMaxLength", "/description")]),
        ({**good, "attributes": {"a": "v" * 1025, "": "x"}}, [("AboveMaxLength", "/attributes/a"), ("DoesNotMatchPattern", "/attributes/")]),
        ({**good, "attributes": {f"a{i}": "x" for i in range(51)}}, [("IsTooBig", "/attributes")]),
        ({**good, "attributes": {"a": 1}}, [("InvalidString", "/attributes/a")]),
        ({**good, "attributes": []}, [("InvalidObject", "/attributes")]),
        ({**good, "description": 1}, [("InvalidString", "/description")]),
        ({**good, "id": NOTHING}, [("UnexpectedProperty", "/id")]),
    ):
        with invalid(*problems):
            raw(body)
    assert raw({"name": "n" * 128, "type": "t" * 128, "description": "d" * 1000, "attributes": {"k" * 64: "v" * 1024}}).success
    assert raw({**good, "description": None, "attributes": None}).success


def test_update(authn, other):
    one = create(authn, "first", description="d", attributes={"a": "1", "b": "2"})
    # What is not named stays.
    changed = check_group(authn.group.update(one.id, name="second"), "Group updated", name="second", type="team", description="d", attributes={"a": "1", "b": "2"})
    assert changed["id"] == one.id
    # Attributes take the place of all before.
    check_group(authn.group.update(one.id, type="crew", attributes={"c": "3"}), "Group updated", name="second", type="crew", description="d", attributes={"c": "3"})
    last = check_group(authn.group.update(one.id, description="", attributes={}), "Group updated", name="second", type="crew")
    assert moment(last["updated_at"]) > moment(changed["updated_at"]) and last["created_at"] == changed["created_at"]
    # Nothing changes nothing.
    assert authn.group.update(one.id).raw_result == last == authn.group.update(one.id, name="second").raw_result
    with invalid(("DoesNotMatchPattern", "/name"), ("FieldRequired", "/type")):
        authn.group.update(one.id, name="a b", type="")
    with invalid(("DoesNotMatchPattern", "/id")):
        authn.group.update("second", name="x")
    for sdk, id in ((authn, NOTHING), (other.service(), one.id)):
        with not_found():
            sdk.group.update(id, name="x")
    assert authn.group.get(one.id).raw_result == last


def test_delete(authn, other):
    one, user = create(authn), person(authn)
    authn.user.group.assign(user, [one.id])
    with not_found():
        other.service().group.delete(one.id)
    response = authn.group.delete(one.id)
    check_envelope(response, "Group deleted")
    assert response.raw_result == {}
    for call in (authn.group.get, authn.group.delete, authn.group.list_users, authn.group.update):
        with not_found():
            call(one.id)
        with invalid(("DoesNotMatchPattern", "/id")):
            call("pui_" + "a" * 32)
    assert authn.user.group.list(user).raw_result == {"groups": [], "count": 0}


def test_list(authn, other):
    mine = secrets.token_hex(6)
    every = [create(authn, name + "_" + mine, type) for name, type in (("b", "y"), ("A", "x"), ("c", "Z"))]
    every[1] = authn.group.update(every[1].id, description="later").result
    raw = {one.id: authn.group.get(one.id).raw_result for one in every}
    filter = m.GroupsFilter(name__contains=[mine])
    response = authn.group.list(filter=filter, order="desc", order_by="created_at", size=2)
    check_envelope(response, "Groups listed")
    assert set(response.raw_result) == {"groups", "count", "last"} and response.result.count == 3
    assert response.raw_result["groups"] == [raw[one.id] for one in reversed(every[1:])]
    rest = authn.group.list(filter=filter, order="desc", order_by="created_at", size=2, last=response.result.last)
    assert rest.raw_result == {"groups": [raw[every[0].id]], "count": 3}

    def ids(**more) -> list[str]:
        return [g.id for g in authn.group.list(filter=filter, **more).result.groups]

    keys = {"id": lambda g: g.id, "created_at": lambda g: g.created_at, "updated_at": lambda g: g.updated_at, "name": lambda g: g.name.lower(), "type": lambda g: g.type}
    for by, key in keys.items():
        want = [g.id for g in sorted(every, key=key)]
        assert ids(order_by=by) == ids(order_by=by, order="asc") == want, by
        assert ids(order_by=by, order="desc") == want[::-1], by
    assert authn.group.list().result.count >= 3
    assert other.service().group.list(filter=filter).raw_result == {"groups": [], "count": 0}
    with invalid(("NotEnumMember", "/order"), ("NotEnumMember", "/order_by"), ("IsTooSmall", "/size")):
        ids(order="up", order_by="description", size=0)
    with invalid(("DoesNotMatchPattern", "/last")):
        ids(last="elsewhere")


def test_list_filters(authn):
    mine = secrets.token_hex(6)
    one, two = create(authn, "one_" + mine, "x"), create(authn, "two_" + mine, "y")
    first_at, second_at = (authn.group.get(g.id).raw_result["created_at"] for g in (one, two))

    def found(**more) -> list[str]:
        response = authn.group.list(filter=m.GroupsFilter(**{"name__contains": [mine], **more}), order_by="created_at")
        assert response.result.count == len(response.result.groups)
        return [g.id for g in response.result.groups]

    both, first, second, none = [one.id, two.id], [one.id], [two.id], []
    for want, conditions in (
        (first, [{"id": one.id}, {"id__in": [one.id, "x"]}, {"id__contains": [one.id[4:20], one.id[-9:]]}]),
        (first, [{"name": one.name.upper()}, {"name__in": [one.name, "x"]}, {"name__contains": ["ONE", mine]}, {"type": "x"}, {"type__in": ["x"]}]),
        (first, [{"created_at": first_at}, {"created_at__lt": second_at}, {"created_at__lte": first_at}, {"created_at__contains": first_at}]),
        (second, [{"created_at__gt": first_at}, {"created_at__gte": second_at}, {"updated_at__gt": first_at}, {"updated_at__gte": second_at}, {"updated_at": second_at}]),
        (second, [{"type__contains": ["y"]}, {"updated_at__contains": second_at}, {"id__contains": [two.id]}]),
        (both, [{}, {"type__in": ["x", "y"]}, {"created_at__contains": first_at[:4]}, {"updated_at__lte": second_at}, {"updated_at__lt": "2100-01-01T00:00:00Z"}]),
        (none, [{"type": "X"}, {"type__in": []}, {"name": "%"}, {"name__contains": ["one", "two"]}, {"created_at__contains": "2001"}, {"id": NOTHING}]),
    ):
        for condition in conditions:
            assert found(**condition) == want, condition
    for name in ("description", "id__gt", "created_at__in", "attributes"):
        with invalid(("UnexpectedProperty", "/filter/" + name)):
            authn.group.request.post("v2/group/list", m.GroupList, data={"filter": {name: "x"}})
    for name in ("created_at", "updated_at__gt", "created_at__contains"):
        with invalid(("BadFormatDateTime", "/filter/" + name)):
            found(**{name: "yesterday"})


def test_assign_and_remove(authn):
    user, groups = person(authn), [create(authn) for _ in range(3)]
    assert authn.user.group.list(user).raw_result == {"groups": [], "count": 0}
    response = authn.user.group.assign(user, [groups[0].id])
    check_envelope(response, "Groups assigned")
    assert response.raw_result == {}
    # In which they are already, they stay, and as long as they were.
    authn.user.group.assign(user, [groups[1].id, groups[0].id])
    authn.user.group.assign(user, [groups[2].id, groups[1].id, groups[0].id])
    listed = authn.user.group.list(user)
    check_envelope(listed, "Groups listed")
    assert listed.raw_result == {"groups": [authn.group.get(g.id).raw_result for g in groups], "count": 3}
    assert [g.id for g in listed.result.groups] == [g.id for g in groups]
    response = authn.user.group.remove(user, groups[1].id)
    check_envelope(response, "Group removed")
    assert response.raw_result == {}
    with not_found():
        authn.user.group.remove(user, groups[1].id)
    assert [g.id for g in authn.user.group.list(user).result.groups] == [groups[0].id, groups[2].id]


def test_assign_refuses(authn, other):
    user, one, foreign = person(authn), create(authn), create(other.service())
    stranger = person(other.service())
    for groups, problems in (
        ([], [("FieldRequired", "/group_ids")]),
        ([NOTHING, one.id, foreign.id], [("DoesNotExist", "/group_ids/0"), ("DoesNotExist", "/group_ids/2")]),
        ([one.id, one.id], [("ItemNotUnique", "/group_ids/1")]),
        (["admins", "", one.id], [("DoesNotMatchPattern", "/group_ids/0"), ("FieldRequired", "/group_ids/1")]),
        ([f"pgi_{'a' * 30}{x}{y}" for x in "abcdef" for y in "abcdef"][:33], [("IsTooBig", "/group_ids")]),
    ):
        with invalid(*problems):
            authn.user.group.assign(user, groups)
    for who in (NOBODY, stranger):
        with not_found():
            authn.user.group.assign(who, [one.id])
        with not_found():
            authn.user.group.list(who)
        with not_found():
            authn.user.group.remove(who, one.id)
    with invalid(("FieldRequired", "/id"), ("FieldRequired", "/group_id")):
        authn.user.group.remove("", "")
    assert authn.user.group.list(user).raw_result == {"groups": [], "count": 0}
    assert authn.group.list_users(one.id).raw_result == {"users": [], "count": 0}


def test_the_people_of_a_group(authn):
    one, users = create(authn), [person(authn) for _ in range(3)]
    users.reverse()
    for user in users:
        authn.user.group.assign(user, [one.id])
    response = authn.group.list_users(one.id, size=2)
    check_envelope(response, "Users listed")
    assert set(response.raw_result) == {"users", "count", "last"} and response.result.count == 3
    # Go's SDK cannot read a list of these that has authenticators.
    for shown, user in zip(response.raw_result["users"], users):
        assert set(shown) == {"id", "email", "username", "profile", "verified", "disabled", "login_count", "groups", "created_at"}
        assert (shown["id"], shown["groups"]) == (user, [one.id])
    rest = authn.group.list_users(one.id, size=2, last=response.result.last)
    assert set(rest.raw_result) == {"users", "count"} and [u.id for u in rest.result.users] == users[2:]
    authn.user.delete(id=users[0])
    assert [u.id for u in authn.group.list_users(one.id).result.users] == users[1:]
    with invalid(("IsTooSmall", "/size")):
        authn.group.list_users(one.id, size=0)
    with invalid(("DoesNotMatchPattern", "/last")):
        authn.group.list_users(create(authn).id, last=response.result.last)


def test_groups_beside_people(authn):
    user, groups = person(authn), [create(authn) for _ in range(2)]
    assert "groups" not in authn.user.profile.get(id=user).raw_result
    for group in reversed(groups):
        authn.user.group.assign(user, [group.id])
    oldest = [groups[1].id, groups[0].id]
    for response in (
        authn.user.profile.get(id=user), authn.user.profile.update(profile={"a": "b"}, id=user), authn.user.update(disabled=False, id=user),
    ):
        assert response.raw_result["groups"] == oldest
    [listed] = authn.user.list(filter={"id": user}).raw_result["users"]
    assert listed["groups"] == oldest
