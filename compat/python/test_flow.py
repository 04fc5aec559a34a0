"""flow.start, flow.update, flow.restart, flow.complete."""

import pangea.exceptions as pe
import pangea.services.authn.models as m
import pytest
from browser import Browser, Left
from inbox import ticket
from person import NEW_PASSWORD, PASSWORD, PROFILE, Person, address, answer, choices, offered, sign_in, sign_up, start
from pool import CALLBACK
from shape import (
    BOTH_POLICIES,
    FIELDS,
    NEVER,
    check_envelope,
    check_tokens,
    check_user,
    invalid,
    is_id,
    moment,
    near_now,
    not_found,
    refused,
    wrong_password,
)

SIGNUP, SIGNIN = m.FlowType.SIGNUP, m.FlowType.SIGNIN


def state_of(response, summary="Flow updated") -> dict:
    """The whole of a flow's state, after its envelope and id were looked at."""
    check_envelope(response, summary)
    raw = dict(response.raw_result)
    assert is_id("pfl", raw["flow_id"])
    assert response.result.flow_id == raw.pop("flow_id")
    return raw


def known(email: str, phase: str, flow_type: str, *items: dict) -> dict:
    """The state of a flow that is about somebody."""
    return {
        "flow_type": [flow_type],
        "username_format": "email",
        "username": email,
        "email": email,
        "flow_phase": phase,
        "flow_choices": list(items),
    }


def password(enrollment: bool) -> dict:
    return {"choice": "password", "data": {"enrollment": enrollment, "password_policy": BOTH_POLICIES}}


def link(choice: str, data: dict) -> dict:
    """A choice whose link was not sent yet."""
    assert is_id("pcb", data["state"])
    return {"choice": choice, "data": {"sent": False, "resend_time": NEVER, "state": data["state"]}}


def test_sign_up_says_all_it_needs_at_every_step(authn):
    who = Person()
    response = authn.flow.start(cb_uri=CALLBACK, email=who.email, flow_types=[SIGNUP, SIGNIN])
    assert state_of(response, "Flow started") == known(who.email, "phase_primary", "signup", password(enrollment=True))
    flow_id = response.result.flow_id

    response = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowUpdateDataPassword(password=who.password))
    profile = {"choice": "profile", "data": {"fields": FIELDS}}
    assert state_of(response) == known(who.email, "phase_profile", "signup", profile)
    assert response.result.flow_id == flow_id

    response = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.PROFILE, data=m.FlowUpdateDataProfile(profile=who.profile))
    assert state_of(response) == known(who.email, "phase_completed", "signup")

    response = authn.flow.complete(flow_id=flow_id)
    check_envelope(response, "Flow completed")
    check_tokens(response.result, who.email, who.profile)
    user = authn.user.profile.get(email=who.email).result
    assert user.id == response.result.active_token.identity
    check_user(user, who.email, PROFILE, login_count=1, last_login_at=near_now, last_login_ip="127.0.0.1", locked_out=False)


def test_sign_in_says_all_it_needs_at_every_step(authn):
    who, first = sign_up(authn)
    response = authn.flow.start(cb_uri=CALLBACK, email=who.email, flow_types=[SIGNUP, SIGNIN])
    reset = link("reset_password", offered(response.result, m.FlowChoice.RESET_PASSWORD))
    assert state_of(response, "Flow started") == known(who.email, "phase_primary", "signin", password(enrollment=False), reset)

    response = authn.flow.update(flow_id=response.result.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": who.password})
    assert state_of(response) == known(who.email, "phase_completed", "signin")

    response = authn.flow.complete(flow_id=response.result.flow_id)
    check_envelope(response, "Flow completed")
    check_tokens(response.result, who.email, who.profile)
    assert response.result.active_token.identity == first.active_token.identity
    assert response.result.active_token.id != first.active_token.id
    assert response.result.refresh_token.id != first.refresh_token.id
    assert authn.user.profile.get(email=who.email).result.login_count == 2


def test_without_an_address_the_flow_asks_for_it(authn):
    response = authn.flow.start()
    assert state_of(response, "Flow started") == {
        "flow_type": ["signup", "signin"],
        "username_format": "email",
        "flow_phase": "phase_primary",
        "flow_choices": [{"choice": "set_email", "data": {"required_for": ["password"]}}],
    }
    # The SDK's own constant for this choice is set_mail.
    email = address()
    response = authn.flow.update(flow_id=response.result.flow_id, choice=m.FlowChoice.SET_EMAIL, data=m.FlowUpdateDataSetEmail(email=email))
    assert state_of(response) == known(email, "phase_primary", "signup", password(enrollment=True))

    # The vendor's document says set_email.
    flow_id = authn.flow.start(flow_types=[SIGNIN]).result.flow_id
    raw = {"flow_id": flow_id, "choice": "set_email", "data": {"email": email}}
    response = authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data=raw)
    assert response.result.email == email


@pytest.mark.parametrize("types", [[SIGNUP], [SIGNIN], [SIGNUP, SIGNIN]])
def test_flow_types_are_those_asked_for_until_somebody_is_known(authn, types):
    assert authn.flow.start(cb_uri=CALLBACK, flow_types=types).result.flow_type == [t.value for t in types]


def test_sign_in_of_nobody_looks_like_one_and_fails(authn):
    state = start(authn, address(), SIGNIN)
    assert state.flow_type == ["signin"]
    assert choices(state) == ["password", "reset_password"]
    with wrong_password():
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": PASSWORD})


def test_sign_up_with_an_address_that_is_taken(authn):
    who, _ = sign_up(authn)
    with invalid(("ItemNotUnique", "/email")):
        start(authn, who.email, SIGNUP)
    flow_id = authn.flow.start(flow_types=[SIGNUP]).result.flow_id
    with invalid(("ItemNotUnique", "/data/email")):
        authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.SET_EMAIL, data={"email": who.email.upper()})
    # The flow can go on.
    state = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.SET_EMAIL, data={"email": address()}).result
    assert choices(state) == ["password"]


def test_an_address_is_the_same_in_any_case(authn):
    who, tokens = sign_up(authn)
    again = sign_in(authn, Person(email=who.email.upper()))
    assert again.active_token.identity == tokens.active_token.identity
    assert again.active_token.email == who.email


def test_two_sign_ups_of_one_address_make_one_person(authn):
    email = address()
    first, second = start(authn, email), start(authn, email)
    answer(authn, first, Person(email=email))
    authn.flow.update(flow_id=second.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": NEW_PASSWORD})
    with invalid(("ItemNotUnique", "/email")):
        authn.flow.update(flow_id=second.flow_id, choice=m.FlowChoice.PROFILE, data={"profile": PROFILE})
    assert authn.user.list(filter={"email": email}).result.count == 1


def test_a_wrong_password_leaves_the_flow_as_it_is(authn):
    who, _ = sign_up(authn)
    state = start(authn, who.email)
    with wrong_password():
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": who.password + "x"})
    with invalid(("BadState", "/flow_id")):
        authn.flow.complete(flow_id=state.flow_id)
    assert answer(authn, state, who).flow_phase == "phase_completed"


@pytest.mark.parametrize(
    ("password", "code"),
    [("Sh0rt!", "BelowMinLength"), ("My1s+" + "x" * 252, "AboveMaxLength"), ("password123", "ShouldNotBeValid")],
)
def test_a_password_must_keep_the_rules(authn, password, code):
    state = start(authn, address())
    with invalid((code, "/data/password")):
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": password})
    state = authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": PASSWORD}).result
    assert state.flow_phase == "phase_profile"


def test_profile_fields_are_optional_and_no_other_is_taken(authn):
    state = start(authn, address())
    flow_id = state.flow_id
    authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.PASSWORD, data={"password": PASSWORD})
    with invalid(("UnexpectedProperty", "/data/profile/age")):
        authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.PROFILE, data={"profile": {"age": "41"}})
    state = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.PROFILE, data={"profile": {"first_name": "Ana"}}).result
    assert state.flow_phase == "phase_completed"
    assert authn.flow.complete(flow_id=flow_id).result.active_token.profile == {"first_name": "Ana"}


def test_a_flow_completes_once(authn):
    who = Person()
    state = answer(authn, start(authn, who.email), who)
    authn.flow.complete(flow_id=state.flow_id)
    with not_found("/flow_id"):
        authn.flow.complete(flow_id=state.flow_id)
    with not_found("/flow_id"):
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": PASSWORD})
    with not_found("/flow_id"):
        authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD)
    assert authn.user.profile.get(email=who.email).result.login_count == 1


def test_what_is_not_on_offer_is_refused(authn):
    state = start(authn, address())
    for choice, data in [
        (m.FlowChoice.PROFILE, {"profile": PROFILE}),
        (m.FlowChoice.SET_PASSWORD, {"password": PASSWORD}),
        (m.FlowChoice.RESET_PASSWORD, {}),
        (m.FlowChoice.VERIFY_EMAIL, {}),
        (m.FlowChoice.SET_EMAIL, {"email": address()}),
        (m.FlowChoice.TOTP, {"code": "123456"}),
        (m.FlowChoice.AGREEMENTS, {"agreed": []}),
    ]:
        with invalid(("BadState", "/choice")):
            authn.flow.update(flow_id=state.flow_id, choice=choice, data=data)
    for choice in (m.FlowChoice.RESET_PASSWORD, m.FlowChoice.SMS_OTP):
        with invalid(("BadState", "/choice")):
            authn.flow.restart(flow_id=state.flow_id, choice=choice)
    assert choices(answer(authn, state, Person())) == []


def test_restart_of_a_password_changes_nothing(authn):
    email = address()
    before = authn.flow.start(email=email)
    after = authn.flow.restart(flow_id=before.result.flow_id, choice=m.FlowChoice.PASSWORD)
    assert state_of(after) == state_of(before, "Flow started")
    # The SDK's other type of restart data.
    with invalid(("UnexpectedProperty", "/data/phone")):
        authn.flow.restart(flow_id=before.result.flow_id, choice=m.FlowChoice.PASSWORD, data=m.FlowRestartDataSMSOTP(phone="+18085550173"))


def test_an_empty_choice_asks_how_things_stand(authn):
    before = authn.flow.start(email=address())
    raw = {"flow_id": before.result.flow_id, "choice": "", "data": {}}
    after = authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data=raw)
    assert state_of(after) == state_of(before, "Flow started")


def test_a_disabled_person_is_told_so_after_the_right_password_only(authn):
    who, tokens = sign_up(authn)
    under_way = answer(authn, start(authn, who.email), who)
    authn.user.update(email=who.email, disabled=True)

    state = start(authn, who.email)
    assert choices(state) == ["password", "reset_password"]
    with wrong_password():
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": "Not1s+Password"})
    disabled = (pe.PangeaAPIException, "DisabledUser", 403)
    with refused(*disabled):
        authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": who.password})
    with refused(*disabled):
        authn.flow.complete(flow_id=under_way.flow_id)

    authn.user.update(email=who.email, disabled=False)
    assert sign_in(authn, who).active_token.identity == tokens.active_token.identity


def test_lockout_and_unlock(authn):
    who, _ = sign_up(authn)
    state = start(authn, who.email)
    locked = None
    # The door stays shut for longer each time; one look is bound to see it shut.
    for _ in range(60):
        with pytest.raises(pe.PangeaAPIException) as info:
            authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.PASSWORD, data={"password": "Not1s+Password"})
        if info.value.response.status == "AuthenticationFailure":
            continue
        locked = info.value
        if authn.user.profile.get(email=who.email).result.locked_out:
            break
    assert type(locked) is pe.RateLimitException
    assert (locked.response.status, locked.response.http_status) == ("TooManyRequests", 429)
    assert int(locked.response.raw_response.headers["Retry-After"]) >= 1
    user = authn.user.update(email=who.email, unlock=True).result
    check_user(user, who.email, PROFILE, login_count=1, last_login_at=near_now, last_login_ip="127.0.0.1", locked_out=False)
    assert answer(authn, state, who).flow_phase == "phase_completed"


def test_a_callback_must_be_registered(authn):
    for uri in ("https://evil.example/callback", "https://someurl.com/callbacklink/", "https://someurl.com/callbacklink?x=1", "http://someurl.com/callbacklink"):
        with invalid(("DoesNotExist", "/cb_uri")):
            authn.flow.start(cb_uri=uri)
    assert authn.flow.start(cb_uri="").success


def test_start_takes_what_the_browser_package_sends(authn):
    raw = {"cb_uri": "", "email": address(), "flow_types": ["signup", "signin"], "device_id": "5b0c3d9e-7f11-4c1e-9a53-2f6f0e6c1d10", "client_id": "", "provider": "password"}
    response = authn.flow.request.post("v2/flow/start", m.FlowStartResult, data=raw)
    assert choices(response.result) == ["password"]


def test_start_refuses_what_it_cannot_read(authn):
    with invalid(("BadFormatEmail", "/email")):
        authn.flow.start(email="not an address")
    with invalid(("DoesNotExist", "/invitation")):
        authn.flow.start(invitation="pmi_br6qmw4wxfogo6mvn6a6wfhym6l3vfz5")
    with invalid(("NotEnumMember", "/flow_types")):
        authn.flow.request.post("v2/flow/start", m.FlowStartResult, data={"flow_types": ["one_time"]})


def test_a_client_token_drives_a_flow(pool):
    who, tokens = sign_up(pool.client())
    check_tokens(tokens, who.email, who.profile)
    check_tokens(sign_in(pool.client(), who), who.email, who.profile)


def test_the_end_users_address_is_believed_from_a_service_token_only(pool):
    service, client = pool.service(), pool.client()
    who, _ = sign_up(service)
    for sdk, seen in ((service, "203.0.113.9"), (client, "127.0.0.1")):
        sdk.flow.request.set_extra_headers({"X-End-User-Address": "203.0.113.9"})
        sign_in(sdk, who)
        assert service.user.profile.get(email=who.email).result.last_login_ip == seen


def test_verify_email_by_the_codes_of_its_link(verify, inbox):
    authn = verify.service()
    who = Person()
    response = authn.flow.start(cb_uri=CALLBACK, email=who.email)
    state = answer(authn, response.result, who)
    flow_id = state.flow_id
    shown = offered(state, m.FlowChoice.VERIFY_EMAIL)
    assert state.flow_phase == "phase_verify_email"
    assert state.model_dump()["flow_choices"] == [link("verify_email", shown)]
    check_user(authn.user.profile.get(email=who.email).result, who.email, PROFILE, locked_out=False)
    with invalid(("BadState", "/flow_id")):
        authn.flow.complete(flow_id=flow_id)

    state = authn.flow.restart(flow_id=flow_id, choice=m.FlowChoice.VERIFY_EMAIL).result
    sent = offered(state, m.FlowChoice.VERIFY_EMAIL)
    assert sent == {"sent": True, "resend_time": sent["resend_time"], "state": shown["state"]}
    assert moment(sent["resend_time"]) > moment(response.response_time)
    code = ticket(inbox.link(who.email, "verify_email"))

    for wrong in ({"state": shown["state"], "code": "pmc_" + "a" * 32}, {"state": "pcb_" + "a" * 32, "code": code}):
        with refused(pe.PangeaAPIException, "InvalidToken", 400):
            authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.VERIFY_EMAIL, data=m.FlowUpdateDataVerifyEmail(**wrong))
    done = m.FlowUpdateDataVerifyEmail(state=shown["state"], code=code)
    response = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.VERIFY_EMAIL, data=done)
    assert state_of(response) == known(who.email, "phase_completed", "signup")
    check_tokens(authn.flow.complete(flow_id=flow_id).result, who.email, who.profile)
    assert authn.user.profile.get(email=who.email).result.verified is True

    # Once proved, it is not asked for again.
    state = answer(authn, start(authn, who.email), who)
    assert state.flow_phase == "phase_completed"


def test_verify_email_by_opening_its_link(verify, inbox):
    authn = verify.service()
    who = Person()
    state = answer(authn, start(authn, who.email), who)
    flow_id = state.flow_id
    # An empty answer sends the link, once.
    for _ in range(2):
        state = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.VERIFY_EMAIL).result
        assert offered(state, m.FlowChoice.VERIFY_EMAIL)["sent"] is True
    url = inbox.link(who.email, "verify_email")
    assert url.startswith(verify.login_url + "/link?")

    def poll():
        raw = {"flow_id": flow_id, "choice": "", "data": {}}
        return authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data=raw).result

    # Looking at the page proves nothing: mail scanners do that.
    for _ in range(2):
        page = Browser().open(url)
        assert page.status == 200
    assert poll().flow_phase == "phase_verify_email"

    # Whoever sends its form proves the mailbox, and comes back to the application.
    with pytest.raises(Left) as left:
        Browser().send(page.form())
    shown = offered(state, m.FlowChoice.VERIFY_EMAIL)["state"]
    assert left.value.url.startswith(CALLBACK + "?")
    assert left.value.query == {"state": shown, "code": ticket(url)}
    assert poll().flow_phase == "phase_completed"

    # The application brings what it was given all the same.
    again = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.VERIFY_EMAIL, data={"state": shown, "code": ticket(url)}).result
    assert again.flow_phase == "phase_completed"
    assert Browser().send(page.form()).status == 410
    check_tokens(authn.flow.complete(flow_id=flow_id).result, who.email, who.profile)
    assert len(inbox.to(who.email)) == 1


def test_the_code_of_another_flow_proves_nothing(verify, inbox):
    authn = verify.service()
    ours, theirs = Person(), Person()
    flows = {who.email: answer(authn, start(authn, who.email), who) for who in (ours, theirs)}
    for state in flows.values():
        authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.VERIFY_EMAIL)
    code = ticket(inbox.link(theirs.email, "verify_email"))
    data = {"state": offered(flows[ours.email], m.FlowChoice.VERIFY_EMAIL)["state"], "code": code}
    with refused(pe.PangeaAPIException, "InvalidToken", 400):
        authn.flow.update(flow_id=flows[ours.email].flow_id, choice=m.FlowChoice.VERIFY_EMAIL, data=data)
    assert authn.user.profile.get(email=ours.email).result.verified is False


def test_sign_in_while_the_mailbox_is_unproved(verify):
    authn = verify.service()
    who = Person()
    answer(authn, start(authn, who.email), who)
    state = answer(authn, start(authn, who.email), who)
    assert (state.flow_type, state.flow_phase, choices(state)) == (["signin"], "phase_verify_email", ["verify_email"])


def test_reset_password(authn, inbox):
    who, before = sign_up(authn)
    state = start(authn, who.email, SIGNIN)
    flow_id = state.flow_id
    first = offered(state, m.FlowChoice.RESET_PASSWORD)

    response = authn.flow.restart(flow_id=flow_id, choice=m.FlowChoice.RESET_PASSWORD)
    sent = offered(response.result, m.FlowChoice.RESET_PASSWORD)
    assert sent == {"sent": True, "resend_time": sent["resend_time"], "state": first["state"]}
    assert moment(sent["resend_time"]) > moment(response.response_time)
    # Too soon for another mail: that is no error, and nothing changes.
    again = authn.flow.restart(flow_id=flow_id, choice=m.FlowChoice.RESET_PASSWORD)
    assert again.raw_result == response.raw_result

    url = inbox.link(who.email, "reset_password")
    assert url.startswith("http")
    data = m.FlowUpdateDataResetPassword(state=first["state"], code=ticket(url))
    response = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.RESET_PASSWORD, data=data)
    set_password = {"choice": "set_password", "data": {"enrollment": False, "password_policy": BOTH_POLICIES}}
    assert state_of(response) == known(who.email, "phase_primary", "signin", {"choice": "reset_password", "data": sent}, set_password)

    with invalid(("BelowMinLength", "/data/password")):
        authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.SET_PASSWORD, data=m.FlowUpdateDataSetPassword(password="short"))
    response = authn.flow.update(flow_id=flow_id, choice=m.FlowChoice.SET_PASSWORD, data=m.FlowUpdateDataSetPassword(password=NEW_PASSWORD))
    assert state_of(response) == known(who.email, "phase_completed", "signin")
    check_tokens(authn.flow.complete(flow_id=flow_id).result, who.email, who.profile)

    # The mailbox is proved by it, the old password is void, other sessions end.
    assert authn.user.profile.get(email=who.email).result.verified is True
    with wrong_password():
        sign_in(authn, who)
    sign_in(authn, Person(email=who.email, password=NEW_PASSWORD))
    with refused(pe.PangeaAPIException, "InvalidToken", 400):
        authn.client.token_endpoints.check(before.active_token.token)
    # One mail with a link, and the notice of the change.
    assert sorted(len(mail["links"]) > 0 for mail in inbox.wait(who.email, 2)) == [False, True]


def test_reset_password_by_opening_the_link_elsewhere(pool, authn, inbox):
    who, _ = sign_up(authn)
    state = start(authn, who.email, SIGNIN)
    # The browser package begins by an empty answer instead of a restart.
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD)
    url = inbox.link(who.email, "reset_password")
    assert url.startswith(pool.login_url + "/link?")
    browser = Browser()
    with pytest.raises(Left) as left:
        browser.send(browser.open(url).form())
    assert left.value.query == {"state": offered(state, m.FlowChoice.RESET_PASSWORD)["state"], "code": ticket(url)}
    raw = {"flow_id": state.flow_id, "choice": "", "data": {}}
    state = authn.flow.request.post("v2/flow/update", m.FlowUpdateResult, data=raw).result
    assert sorted(choices(state)) == ["reset_password", "set_password"]


def test_somebody_created_without_a_password_chooses_one_by_mail(authn, inbox):
    who = Person(profile={"first_name": "Ana"})
    authn.user.create(email=who.email, profile=who.profile)
    state = start(authn, who.email)
    assert (state.flow_type, choices(state)) == (["signin"], ["reset_password", "provisional_enrollment"])
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD)
    data = {"state": offered(state, m.FlowChoice.RESET_PASSWORD)["state"], "code": ticket(inbox.link(who.email, "reset_password"))}
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD, data=data)
    authn.flow.update(flow_id=state.flow_id, choice=m.FlowChoice.SET_PASSWORD, data={"password": who.password})
    check_tokens(authn.flow.complete(flow_id=state.flow_id).result, who.email, who.profile)
    check_tokens(sign_in(authn, who), who.email, who.profile)


def test_reset_for_nobody_looks_the_same_and_sends_nothing(authn, inbox):
    email = address()
    state = start(authn, email, SIGNIN)
    state = authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD).result
    sent = offered(state, m.FlowChoice.RESET_PASSWORD)
    assert sent["sent"] is True and sent["resend_time"] != NEVER and is_id("pcb", sent["state"])
    # A mail that was asked for later has come: this one would have, too.
    who, _ = sign_up(authn)
    state = start(authn, who.email, SIGNIN)
    authn.flow.restart(flow_id=state.flow_id, choice=m.FlowChoice.RESET_PASSWORD)
    inbox.wait(who.email)
    assert inbox.to(email) == []
