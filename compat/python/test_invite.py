"""user.invite, user.invites, and signing up with an invitation."""

import secrets
from datetime import timedelta
from html import unescape

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from browser import Browser, Left
from person import PROFILE, Person, address, answer, choices
from pool import CALLBACK
from shape import bad_token, check_envelope, check_tokens, invalid, is_id, moment, near_now, not_found

LIFE = timedelta(hours=48)


def state() -> str:
    return "pcb_" + secrets.token_hex(16)


def check_invite(invite: m.UserInvite, inviter: str, email: str, state: str) -> None:
    """All that an invitation says."""
    fields = invite.model_dump()
    assert is_id("pmi", fields.pop("id"))
    assert moment(fields.pop("expire")) - near_now(fields.pop("created_at")) == LIFE
    assert fields == {"inviter": inviter, "invite_org": "", "email": email, "callback": CALLBACK, "state": state, "require_mfa": False}


def invite(authn, email: str | None = None, inviter: str = "nobody@pangea.cloud") -> m.UserInvite:
    return authn.user.invite(inviter=inviter, email=email or address(), callback=CALLBACK, state=state()).result


def link(inbox, email: str) -> str:
    [mail] = inbox.wait(email)
    [found] = set(mail["links"])
    assert "/invitation?code=" in found
    return found


def ticket(link: str) -> str:
    return "pmi_" + link.partition("code=")[2]


def test_invite(authn, inbox):
    email, given = address(), state()
    response = authn.user.invite(inviter="admin+x@pangea.cloud", email=email, callback=CALLBACK, state=given)
    check_envelope(response, "User invited")
    check_invite(response.result, "admin+x@pangea.cloud", email, given)
    assert set(response.raw_result) == {"id", "inviter", "invite_org", "email", "callback", "state", "require_mfa", "created_at", "expire"}
    # The id is not the secret in the mail.
    assert ticket(link(inbox, email)) != response.result.id


def test_invite_refuses(authn):
    email = address()
    authn.user.create(email=email, profile={})
    with invalid(("ItemNotUnique", "/email")):
        invite(authn, email.upper())
    for callback in ("https://evil.example/callback", CALLBACK + "/", "nothing"):
        with invalid(("DoesNotExist", "/callback")):
            authn.user.invite(inviter="a@b.cd", email=address(), callback=callback, state=state())
    for given, code in (("1234567", "BelowMinLength"), ("x" * 1000, "AboveMaxLength"), ("12345678 ", "DoesNotMatchPattern"), ("", "FieldRequired")):
        with invalid((code, "/state")):
            authn.user.invite(inviter="a@b.cd", email=address(), callback=CALLBACK, state=given)
    with invalid(("BadFormatEmail", "/email"), ("BadFormatEmail", "/inviter")):
        authn.user.invite(inviter="a", email="b", callback=CALLBACK, state=state())

    def raw(body):
        return authn.user.request.post("v2/user/invite", m.UserInviteResult, data=body)

    with invalid(*(("FieldRequired", "/" + name) for name in ("inviter", "email", "callback", "state"))):
        raw({})
    good = {"inviter": "a@b.cd", "email": address(), "callback": CALLBACK, "state": state()}
    with invalid(("DoesNotMatchPattern", "/client_id")):
        raw({**good, "client_id": "x"})
    with invalid(("UnexpectedProperty", "/require_mfa")):
        raw({**good, "require_mfa": False})
    assert raw({**good, "client_id": None}).success
    assert raw({**good, "email": address(), "client_id": "psa_" + "a" * 32}).success


def test_list(authn):
    mine = f"host+{secrets.token_hex(8)}@pangea.cloud"
    invites = [invite(authn, inviter=mine) for _ in range(3)]
    response = authn.user.invites.list(filter={"inviter": mine}, order=m.ItemOrder.DESC, order_by=m.UserInviterOrderBy.CREATED_AT, size=2)
    check_envelope(response, "Invites listed")
    assert response.raw_result["count"] == 3
    assert [i.model_dump() for i in response.result.invites] == [i.model_dump() for i in reversed(invites[1:])]
    last = response.raw_result["last"]
    rest = authn.user.invites.list(filter={"inviter": mine}, order=m.ItemOrder.DESC, order_by=m.UserInviterOrderBy.CREATED_AT, size=2, last=last)
    assert [i.id for i in rest.result.invites] == [invites[0].id]
    assert set(rest.raw_result) == {"invites", "count"}
    everything = authn.user.invites.list().raw_result
    assert everything["count"] >= 3 and len(everything["invites"]) >= 3
    for order in m.UserInviterOrderBy:
        for direction, reverse in ((m.ItemOrder.ASC, False), (m.ItemOrder.DESC, True)):
            got = authn.user.invites.list(filter={"inviter": mine}, order=direction, order_by=order).result.invites
            key = (lambda i: i.id) if order.value in ("type", "invite_org") else (lambda i: (getattr(i, order.value), i.id))
            assert [i.id for i in got] == [i.id for i in sorted(invites, key=key, reverse=reverse)], order


def test_list_filters(authn):
    mine = f"host+{secrets.token_hex(8)}@pangea.cloud"
    one, two = invite(authn, inviter=mine), invite(authn, inviter=mine)

    def found(**more) -> list[str]:
        response = authn.user.invites.list(filter={"inviter": mine, **more}, order_by=m.UserInviterOrderBy.CREATED_AT)
        assert response.raw_result["count"] == len(response.result.invites)
        return [i.id for i in response.result.invites]

    both, first, second, none = [one.id, two.id], [one.id], [two.id], []
    for want, conditions in (
        (first, [{"id": one.id}, {"id__in": [one.id, "x"]}, {"id__contains": [one.id[4:20]]}, {"id__contains": [one.id]}]),
        (first, [{"email": one.email.upper()}, {"email__in": [one.email]}, {"email__contains": [one.email[10:30], "@PANGEA"]}]),
        (first, [{"state": one.state}, {"state__in": [one.state]}, {"state__contains": [one.state[4:12], one.state[10:20]]}]),
        (first, [{"created_at": one.created_at}, {"created_at__lt": two.created_at}, {"created_at__lte": one.created_at}]),
        (second, [{"created_at__gt": one.created_at}, {"created_at__gte": two.created_at}, {"expire__gt": one.expire}, {"expire__gte": two.expire}]),
        (first, [{"expire": one.expire}, {"expire__lt": two.expire}, {"expire__lte": one.expire}]),
        (both, [{}, {"callback": CALLBACK}, {"callback__in": [CALLBACK]}, {"callback__contains": ["someurl", "link"]}, {"inviter__in": [mine]}]),
        (both, [{"inviter__contains": [mine[:12]]}, {"is_signup": True}, {"require_mfa": False}]),
        (both, [{"invite_org": ""}, {"invite_org__in": ["", "x"]}, {"invite_org__contains": [""]}]),
        (none, [{"is_signup": False}, {"require_mfa": True}, {"invite_org": "x"}, {"invite_org__in": ["x"]}, {"invite_org__contains": ["x"]}]),
        (none, [{"state": one.state.upper()}, {"callback": "x"}, {"email__contains": [one.email, two.email]}, {"id__in": []}]),
    ):
        for condition in conditions:
            assert found(**condition) == want, condition

    def raw(body):
        return authn.user.request.post("v2/user/invite/list", m.UserInviteListResult, data=body)

    # What the Go SDK sends for is_signup.
    assert raw({"filter": {"inviter": mine, "signup": True}}).raw_result["count"] == 2
    for name in ("profile_name", "scopes", "last_login_at__contains", "verified", "state__gt", "is_signup__in", "expire__exists"):
        with invalid(("UnexpectedProperty", "/filter/" + name)):
            raw({"filter": {name: ["x"]}})
    with invalid(("NotEnumMember", "/order"), ("NotEnumMember", "/order_by"), ("IsTooSmall", "/size")):
        raw({"order": "up", "order_by": "login_count", "size": 0})


def test_delete(authn, inbox):
    one = invite(authn)
    response = authn.user.invites.delete(id=one.id)
    check_envelope(response, "Invite deleted")
    assert response.result is None
    with not_found():
        authn.user.invites.delete(id=one.id)
    with not_found():
        authn.user.invites.delete(id="pmc_wuk7tvtpswyjtlsx52b7yyi2l7zotv4a")
    with invalid(("DoesNotMatchPattern", "/id")):
        authn.user.invites.delete(id="x")
    assert authn.user.invites.list(filter={"id": one.id}).result.invites == []
    with invalid(("DoesNotExist", "/invitation")):
        authn.flow.start(invitation=ticket(link(inbox, one.email)))


def test_accept(pool, authn, inbox):
    one = invite(authn)
    secret = ticket(link(inbox, one.email))
    client = pool.client()
    started = client.flow.start(invitation=secret, flow_types=[m.FlowType.SIGNUP, m.FlowType.SIGNIN]).result
    assert (started.email, started.flow_type, started.flow_phase, choices(started)) == (one.email, ["signup"], "phase_primary", ["password"])
    who = Person(email=one.email)
    done = answer(client, started, who)
    check_tokens(client.flow.complete(flow_id=done.flow_id).result, one.email, PROFILE)
    assert authn.user.profile.get(email=one.email).result.verified is True
    for again in (secret, one.id):
        with invalid(("DoesNotExist", "/invitation")):
            authn.flow.start(invitation=again)
    assert authn.user.invites.list(filter={"id": one.id}).result.invites == []


def test_an_invitation_is_for_its_address(authn, inbox):
    one = invite(authn)
    secret = ticket(link(inbox, one.email))
    with invalid(("BadState", "/email")):
        authn.flow.start(invitation=secret, email=address())
    with invalid(("BadState", "/flow_types")):
        authn.flow.start(invitation=secret, flow_types=[m.FlowType.SIGNIN])
    with invalid(("DoesNotMatchPattern", "/invitation")):
        authn.flow.start(invitation="pmc_" + secret[4:])
    assert authn.flow.start(invitation=secret, email=one.email.upper()).result.email == one.email


def test_accept_by_its_id(pool, authn):
    """The id is for servers. It proves no mailbox."""
    one = invite(authn)
    with invalid(("DoesNotExist", "/invitation")):
        pool.client().flow.start(invitation=one.id)
    done = answer(authn, authn.flow.start(invitation=one.id).result, Person(email=one.email))
    check_tokens(authn.flow.complete(flow_id=done.flow_id).result, one.email, PROFILE)
    assert authn.user.profile.get(email=one.email).result.verified is False


def test_deleted_while_it_is_accepted(authn, inbox):
    one = invite(authn)
    started = authn.flow.start(invitation=ticket(link(inbox, one.email))).result
    authn.user.invites.delete(id=one.id)
    with bad_token():
        answer(authn, started, Person(email=one.email))
    with not_found():
        authn.user.profile.get(email=one.email)


def test_accept_on_the_pages(pool, authn, inbox):
    one = invite(authn)
    browser = Browser()
    page = browser.open(link(inbox, one.email))
    assert page.status == 200 and one.email in unescape(page.text) and one.inviter in page.text
    page = browser.send(page.form())
    page = browser.send(page.form(choice="password"), password="My1s+Password")
    with pytest.raises(Left) as left:
        browser.send(page.form(choice="profile"), **{"profile.first_name": "Name", "profile.last_name": "Last"})
    assert left.value.url.startswith(CALLBACK + "?")
    assert left.value.query["state"] == one.state
    check_tokens(pool.client().client.userinfo(code=left.value.query["code"]).result, one.email, PROFILE)


def test_the_other_pool_knows_nothing(authn, other, inbox):
    one = invite(authn)
    stranger = other.service()
    with not_found():
        stranger.user.invites.delete(id=one.id)
    assert stranger.user.invites.list(filter={"id": one.id}).raw_result == {"invites": [], "count": 0}
    for given in (one.id, ticket(link(inbox, one.email))):
        with pytest.raises(pe.ValidationException):
            stranger.flow.start(invitation=given)
