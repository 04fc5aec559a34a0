"""agreements, and flows that ask for them."""

import secrets

import pangea.services.authn.models as m
import pytest
from browser import Browser, Left
from person import PASSWORD, PROFILE, Person, address, answer, offered, sign_up, start
from pool import CALLBACK
from shape import check_envelope, check_tokens, invalid, is_id, moment, near_now, not_found

EULA, PRIVACY = m.AgreementType.EULA, m.AgreementType.PRIVACY_POLICY
KEYS = {"type", "id", "created_at", "updated_at", "name", "text", "active"}


def check_agreement(got: m.AgreementInfo, type: m.AgreementType, name: str, text: str, active: bool, published: bool) -> None:
    """All that an agreement says."""
    fields = got.model_dump()
    assert is_id("peu", fields.pop("id"))
    assert near_now(fields.pop("created_at")) <= near_now(fields.pop("updated_at"))
    at = fields.pop("published_at")
    assert (at is not None) == published
    assert at is None or near_now(at)
    assert fields == {"type": type.value, "name": name, "text": text, "active": active}


def create(authn, type=EULA, active: bool | None = None, name: str = "", text: str = "You agree to behave yourself while logged in."):
    return authn.agreements.create(type=type, name=name or "EULA_" + secrets.token_hex(4), text=text, active=active).result


def shown(authn, id: str) -> m.AgreementInfo:
    [one] = authn.agreements.list(filter={"id": id}).result.agreements
    return one


def test_create(authn):
    response = authn.agreements.create(type=EULA, name="EULA_V1", text="You agree to behave yourself while logged in.")
    check_envelope(response, "Agreement created")
    check_agreement(response.result, EULA, "EULA_V1", "You agree to behave yourself while logged in.", False, False)
    assert set(response.raw_result) == KEYS
    response = authn.agreements.create(type=PRIVACY, name="Ümlaut", text="# 密\n\ntwo", active=True)
    check_agreement(response.result, PRIVACY, "Ümlaut", "# 密\n\ntwo", True, True)
    assert set(response.raw_result) == KEYS | {"published_at"}
    assert shown(authn, response.result.id).model_dump() == response.result.model_dump()


def test_create_refuses(authn):
    def raw(body):
        return authn.agreements.request.post("v2/agreements/create", m.AgreementCreateResult, data=body)

    good = {"type": "eula", "name": "a", "text": "b"}
    for body, problems in (
        ({}, [("FieldRequired", "/type"), ("FieldRequired", "/name"), ("FieldRequired", "/text")]),
        ({**good, "type": "terms"}, [("NotEnumMember", "/type")]),
        ({**good, "name": "", "text": ""}, [("FieldRequired", "/name"), ("FieldRequired", "/text")]),
        ({**good, "name": " ", "text": " \n"}, [("FieldRequired", "/name"), ("FieldRequired", "/text")]),
        ({**good, "name": "a\nb", "text": "a\0b"}, [("DoesNotMatchPattern", "/name"), ("DoesNotMatchPattern", "/text")]),
        ({**good, "name": "a" * 201, "text": "b" * 100_001}, [("AboveMaxLength", "/name"), ("AboveMaxLength", "/text")]),
        ({**good, "version": 1}, [("UnexpectedProperty", "/version")]),
        ({**good, "active": "yes"}, [("InvalidBool", "/active")]),
    ):
        with invalid(*problems):
            raw(body)
    assert raw({**good, "name": "a" * 200, "text": "b" * 100_000, "active": None}).success


def test_update(authn):
    one = create(authn, name="EULA_V1")
    response = authn.agreements.update(type=EULA, id=one.id, text="You agree to behave yourself while logged in. Don't be evil.", active=True)
    check_envelope(response, "Agreement updated")
    check_agreement(response.result, EULA, "EULA_V1", "You agree to behave yourself while logged in. Don't be evil.", True, True)
    assert (response.result.id, response.result.created_at) == (one.id, one.created_at)
    assert moment(response.result.updated_at) > moment(one.updated_at)
    # Without active it stays so, and so does the rest.
    renamed = authn.agreements.update(type=EULA, id=one.id, name="EULA_1").result
    check_agreement(renamed, EULA, "EULA_1", response.result.text, True, True)
    assert renamed.published_at == response.result.published_at
    assert authn.agreements.update(type=EULA, id=one.id).result.model_dump() == renamed.model_dump()
    # One of a type is active.
    two = create(authn, active=True)
    assert (shown(authn, one.id).active, shown(authn, two.id).active) == (False, True)
    assert shown(authn, one.id).published_at == renamed.published_at
    check_agreement(authn.agreements.update(type=EULA, id=two.id, active=False).result, EULA, two.name, two.text, False, True)
    assert authn.agreements.list(filter={"active": True, "type": "eula"}).result.count == 0


def test_update_and_delete_refuse(authn, other):
    one = create(authn)
    for call in (
        lambda: authn.agreements.update(type=PRIVACY, id=one.id, active=True),
        lambda: authn.agreements.update(type=EULA, id="peu_" + "a" * 32, name="a"),
        lambda: authn.agreements.delete(type=PRIVACY, id=one.id),
        lambda: authn.agreements.delete(type=EULA, id="peu_wuk7tvtpswyjtlsx52b7yyi2l7zotv4a"),
        lambda: other.service().agreements.update(type=EULA, id=one.id, active=True),
        lambda: other.service().agreements.delete(type=EULA, id=one.id),
    ):
        with not_found():
            call()
    with invalid(("DoesNotMatchPattern", "/id")):
        authn.agreements.update(type=EULA, id="x")
    with invalid(("DoesNotMatchPattern", "/id")):
        authn.agreements.delete(type=EULA, id="pui_" + "a" * 32)
    with invalid(("FieldRequired", "/name"), ("FieldRequired", "/text")):
        authn.agreements.update(type=EULA, id=one.id, name="", text="")
    assert shown(authn, one.id).model_dump() == one.model_dump()


def test_delete(authn):
    one = create(authn)
    before = authn.agreements.list().result.count
    response = authn.agreements.delete(type=EULA, id=one.id)
    check_envelope(response, "Agreement deleted")
    assert response.raw_result == {}
    assert authn.agreements.list().result.count == before - 1
    with not_found():
        authn.agreements.delete(type=EULA, id=one.id)


def test_list(authn):
    mine = secrets.token_hex(6)
    every = [create(authn, type, name=f"{name} {mine}", text=f"{text} of {mine}", active=active) for type, name, text, active in (
        (EULA, "b", "Z", True), (PRIVACY, "A", "y", None), (EULA, "c", "a", None))]
    every[1] = authn.agreements.update(type=PRIVACY, id=every[1].id, active=True).result
    filter = {"name__contains": [mine]}

    def ids(**more) -> list[str]:
        body = {"filter": filter, **more}
        got = authn.agreements.request.post("v2/agreements/list", m.AgreementListResult, data=body).result
        assert got.count == len(every)
        return [a.id for a in got.agreements]

    response = authn.agreements.list(filter=filter, order=m.ItemOrder.DESC, order_by=m.AgreementListOrderBy.CREATED_AT, size=2)
    check_envelope(response, "Agreements listed")
    assert set(response.raw_result) == {"agreements", "count", "last"} and response.result.count == 3
    assert [a.model_dump() for a in response.result.agreements] == [a.model_dump() for a in reversed(every[1:])]
    rest = authn.agreements.list(filter=filter, order=m.ItemOrder.DESC, order_by=m.AgreementListOrderBy.CREATED_AT, size=2, last=response.result.last)
    assert set(rest.raw_result) == {"agreements", "count"}
    assert [a.model_dump() for a in rest.result.agreements] == [every[0].model_dump()]
    keys = {"id": lambda a: a.id, "created_at": lambda a: a.created_at, "updated_at": lambda a: a.updated_at, "type": lambda a: a.type,
            "published_at": lambda a: a.published_at or "", "name": lambda a: a.name.lower(), "text": lambda a: a.text}
    assert {by.value for by in m.AgreementListOrderBy} <= set(keys)
    for by, key in keys.items():
        # What is equal is ordered by its id, for types the other way round.
        want = [a.id for a in sorted(sorted(every, key=lambda a: a.id, reverse=by == "type"), key=key)]
        assert ids(order_by=by) == ids(order_by=by, order="asc") == want, by
        assert ids(order_by=by, order="desc") == want[::-1], by
        page = authn.agreements.request.post("v2/agreements/list", m.AgreementListResult, data={"filter": filter, "order_by": by, "size": 1}).result
        assert ids(order_by=by, last=page.last) == want[1:], by
    everything = authn.agreements.list().result
    assert everything.count >= 3 and {a.type for a in everything.agreements} == {"eula", "privacy_policy"}
    with invalid(("NotEnumMember", "/order"), ("NotEnumMember", "/order_by"), ("IsTooSmall", "/size")):
        ids(order="up", order_by="active", size=0)


def test_list_filters(authn):
    mine = secrets.token_hex(6)
    one = create(authn, EULA, name=f"One {mine}", text="Be good.\nAlways.", active=True)
    two = create(authn, PRIVACY, name=f"Two {mine}", text="Nothing is kept.")

    def found(**more) -> list[str]:
        response = authn.agreements.list(filter={"name__contains": [mine], **more}, order_by=m.AgreementListOrderBy.CREATED_AT)
        assert response.result.count == len(response.result.agreements)
        return [a.id for a in response.result.agreements]

    both, first, second, none = [one.id, two.id], [one.id], [two.id], []
    for want, conditions in (
        (first, [{"id": one.id}, {"id__in": [one.id, "x"]}, {"id__contains": [one.id[4:20], one.id[-9:]]}, {"id__contains": [one.id]}]),
        (first, [{"name": one.name.upper()}, {"name__in": [one.name, "x"]}, {"name__contains": ["ONE", mine]}]),
        (first, [{"text": one.text}, {"text__in": [one.text]}, {"text__contains": ["good.\n", "Always"]}]),
        (first, [{"type": "eula"}, {"type__in": ["eula"]}, {"type__contains": ["ul", "eu"]}, {"active": True}]),
        (second, [{"type": "privacy_policy"}, {"type__in": ["privacy_policy", "x"]}, {"type__contains": ["privacy", "_pol"]}, {"active": False}]),
        (first, [{"created_at": one.created_at}, {"created_at__lt": two.created_at}, {"created_at__lte": one.created_at}]),
        (second, [{"created_at__gt": one.created_at}, {"created_at__gte": two.created_at}, {"updated_at__gt": one.updated_at}, {"updated_at__gte": two.updated_at}]),
        (first, [{"updated_at": one.updated_at}, {"updated_at__lt": two.updated_at}, {"updated_at__lte": one.updated_at}]),
        (first, [{"published_at": one.published_at}, {"published_at__gte": one.published_at}, {"published_at__lte": one.published_at}]),
        (first, [{"published_at__gt": one.created_at[:10] + "T00:00:00Z"}, {"published_at__lt": "2100-01-01T00:00:00Z"}]),
        (both, [{}, {"type__in": ["eula", "privacy_policy"]}, {"type__contains": []}, {"text__contains": ["e"]}]),
        (none, [{"type": "terms"}, {"type": "privacy"}, {"type__in": []}, {"type__contains": ["eula", "policy"]}, {"text": "be good.\nalways."}]),
        (none, [{"published_at__gt": one.published_at}, {"published_at__lt": one.published_at}, {"name": "%"}, {"name__contains": ["One", "Two"]}]),
    ):
        for condition in conditions:
            assert found(**condition) == want, condition

    def raw(filter):
        return authn.agreements.request.post("v2/agreements/list", m.AgreementListResult, data={"filter": filter})

    for name in ("active__in", "version", "id__gt", "created_at__contains", "text__gt", "type__exists"):
        with invalid(("UnexpectedProperty", "/filter/" + name)):
            raw({name: ["x"]})
    for name in ("created_at", "updated_at__gt", "published_at__lte"):
        with invalid(("BadFormatDateTime", "/filter/" + name)):
            raw({name: "yesterday"})


@pytest.fixture
def terms(agreements):
    """The two agreements that are in force in the pool that requires both."""
    sdk = agreements.service()
    return create(sdk, EULA, True, text="# Terms\n\nBe *good*."), create(sdk, PRIVACY, True, text="Nothing is kept.")


def agree(authn, state, *ids):
    return authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.AGREEMENTS, data=m.FlowUpdateDataAgreements(agreed=list(ids)))


def test_flow(agreements, terms):
    eula, privacy = terms
    client, who = agreements.client(), Person()
    state = answer(client, start(client, who.email), who)
    assert state.flow_phase == "phase_agreements"
    info = {"eula": eula.model_dump(), "privacy_policy": privacy.model_dump()}
    assert [c.model_dump() for c in state.flow_choices] == [{"choice": "agreements", "data": {"agreements": info}}]
    with invalid(("BadState", "/flow_id")):
        client.flow.complete(flow_id=state.flow_id)
    # Any map will do: the other type of the SDK's data.
    done = client.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.AGREEMENTS, data={"agreed": [eula.id, privacy.id]})
    check_envelope(done, "Flow updated")
    assert (done.result.flow_phase, done.result.flow_choices) == ("phase_completed", [])
    check_tokens(client.flow.complete(flow_id=state.flow_id).result, who.email, PROFILE)
    user = agreements.service().user.profile.get(email=who.email).result
    assert (user.accepted_eula_id, user.accepted_privacy_policy_id) == (eula.id, privacy.id)


def test_flow_one_by_one(agreements, terms):
    """As the vendor's hosted pages do it: they send one id, and expect the rest."""
    eula, privacy = terms
    client, who = agreements.client(), Person()
    state = answer(client, start(client, who.email), who)
    rest = agree(client, state, privacy.id).result
    assert rest.flow_phase == "phase_agreements"
    assert offered(rest, m.FlowChoice.AGREEMENTS) == {"agreements": {"eula": eula.model_dump()}}
    assert agreements.service().user.profile.get(email=who.email).result.accepted_privacy_policy_id == privacy.id
    again = client.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.AGREEMENTS, data={}).result
    assert again.model_dump() == rest.model_dump()
    assert agree(client, state, privacy.id, eula.id).result.flow_phase == "phase_completed"
    assert client.flow.complete(flow_id=state.flow_id).success


def test_flow_refuses(agreements, terms):
    client, who = agreements.client(), Person()
    state = answer(client, start(client, who.email), who)
    draft = create(agreements.service())
    for agreed, problem in (
        ([], ("FieldRequired", "/data/agreed")),
        (["peu_" + "a" * 32], ("DoesNotExist", "/data/agreed/0")),
        ([terms[0].id, draft.id], ("DoesNotExist", "/data/agreed/1")),
        (["eula"], ("DoesNotMatchPattern", "/data/agreed/0")),
        ([""], ("FieldRequired", "/data/agreed/0")),
    ):
        with invalid(problem):
            agree(client, state, *agreed)
    with invalid(("FieldRequired", "/data/agreed")):
        client.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.AGREEMENTS, data={})
    # Of several, all or none.
    user = agreements.service().user.profile.get(email=who.email).result
    assert (user.accepted_eula_id, user.accepted_privacy_policy_id) == (None, None)


def test_flow_asks_for_what_is_new(agreements, terms):
    """Who comes back is asked for what they have not accepted, and only that."""
    sdk, client, who = agreements.service(), agreements.client(), Person()
    agree(client, answer(client, start(client, who.email), who), *(a.id for a in terms))
    again = answer(client, start(client, who.email, m.FlowType.SIGNIN), who)
    assert again.flow_phase == "phase_completed"
    newer = create(sdk, EULA, True)
    # It is asked for even in a flow that was complete.
    with invalid(("BadState", "/flow_id")):
        client.flow.complete(flow_id=again.flow_id)
    state = answer(client, start(client, who.email, m.FlowType.SIGNIN), who)
    assert offered(state, m.FlowChoice.AGREEMENTS) == {"agreements": {"eula": newer.model_dump()}}
    with invalid(("DoesNotExist", "/data/agreed/0")):
        agree(client, state, terms[0].id)
    # A text that changes under the reader's eyes is shown again first.
    text = sdk.agreements.update(type=EULA, id=newer.id, text="Be better.").result
    shown_again = agree(client, state, newer.id).result
    assert offered(shown_again, m.FlowChoice.AGREEMENTS) == {"agreements": {"eula": text.model_dump()}}
    assert agree(client, state, newer.id).result.flow_phase == "phase_completed"
    assert client.flow.complete(flow_id=state.flow_id).success
    for filter in ({"accepted_eula_id": newer.id}, {"accepted_eula_id__in": [newer.id]}, {"accepted_privacy_policy_id__contains": [terms[1].id]}):
        # The SDK's model lacks the last two.
        found = sdk.user.request.post("v2/user/list", m.UserListResult, data={"filter": filter}).result
        assert [u.email for u in found.users] == [who.email], filter
    assert sdk.user.list(filter={"accepted_eula_id": terms[0].id}).result.users == []


def test_nobody_is_asked_without_the_setting(authn):
    create(authn, EULA, True)
    who, tokens = sign_up(authn)
    check_tokens(tokens, who.email, PROFILE)


def test_on_the_pages(agreements, terms):
    """The hosted pages ask as well."""
    eula, privacy = terms
    client, email = agreements.client(), address()
    who = Person(email=email)
    agree(client, answer(client, start(client, email), who), privacy.id)
    # Nobody signed in: the flow was left behind. A password is there already.
    browser = Browser()
    page = browser.open(f"{agreements.login_url}/authorize?redirect_uri={CALLBACK}&state=a-state&email={email.replace('+', '%2B')}")
    page = browser.send(page.form(choice="password"), password=PASSWORD)
    assert page.status == 200 and "<h3>Terms</h3>" in page.text and "<em>good</em>" in page.text and "Nothing is kept." not in page.text
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="agreements"))
    tokens = client.client.userinfo(code=left.value.query["code"]).result
    check_tokens(tokens, email, PROFILE)
    assert agreements.service().user.profile.get(email=email).result.accepted_eula_id == eula.id
